"""What a bridge writes: foreign messages as they are, as records of its intake topic."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from ..consumers import Accepted
from ..delivery import ID, SOURCE, Header, Inbound, Outbound, TopicPartition
from ._foreign import ForeignMessage
from ._questions import question_headers

FOREIGN = "from_"
"""Begins the name of each header that came with a foreign message."""
_MAX_KEY = 200
_STANDARD = frozenset({"content-type", "traceparent", "tracestate"})


class Intake(Protocol):
    """The one partition of an intake topic, as its bridge alone writes it."""

    @property
    def partition(self) -> TopicPartition:
        """Which it is."""
        ...

    async def fence(self) -> None:
        """Become the only one who writes it.

        Raises:
            TransportError: It is not known whether that is so.
        """
        ...

    async def write(self, records: Sequence[Outbound]) -> None:
        """Write records, all or nothing.

        Raises:
            PartitionLost: Another bridge has fenced this one.
            TransportError: It is not known whether they were written.
        """
        ...

    def newest(self, count: int) -> AsyncIterator[Sequence[Inbound]]:
        """Read about the last `count` records."""
        ...

    async def backlog(self) -> int:
        """Return how many records are not handled yet."""
        ...

    async def tidy(self, keep: int) -> None:
        """Remove what is handled, but for the last `keep` records."""
        ...

    async def aclose(self) -> None:
        """Disconnect."""
        ...


class Seen:
    """The ids of what was written last.

    Args:
        most: How many; the oldest go first.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._ids: OrderedDict[str, None] = OrderedDict()

    def is_new(self, message_id: str) -> bool:
        """Tell whether an id has not been met, and remember it; no id is always new."""
        if not message_id:
            return True
        if message_id in self._ids:
            return False
        self._ids[message_id] = None
        if len(self._ids) > self._most:
            self._ids.popitem(last=False)
        return True


def as_record(
    message: ForeignMessage, to: TopicPartition, source: str, answers: str = ""
) -> Outbound:
    """Return the record of a foreign message.

    Args:
        message: What came.
        to: Where it is written.
        source: Where it came from.
        answers: The topic of answers to those who ask; empty if nobody answers.
    """
    headers: list[Header] = [("ce_specversion", b"1.0"), (SOURCE, source.encode())]
    if message.id:
        headers.append((ID, _bytes(message.id)))
    if answers:
        headers.extend(question_headers(message, answers))
    for name, value in message.headers.items():
        if name in _STANDARD:
            headers.append((name, _bytes(value)))
        headers.append((FOREIGN + name, _bytes(value)))
    return Outbound(to, _bytes(message.id)[:_MAX_KEY] or None, message.body, headers)


def id_in(record: Inbound) -> str:
    """Return the id of the foreign message that a record is."""
    return dict(record.headers).get(ID, b"").decode(errors="surrogateescape")


class Payload(NamedTuple):
    """What an event adapter is called with.

    Attributes:
        body: As the adapter's annotation says.
        headers: What came with it.
    """

    body: Any
    headers: dict[str, str]

    def __getattr__(self, name: str) -> Any:
        """Return a field of the body: what a `key` names that the command has not."""
        return getattr(self.body, name)


class Unpacked:
    """Implements `Accepted`: a foreign message's body decoded, with its own headers."""

    def __init__(self, inner: Accepted) -> None:
        self._inner = inner

    def decode(self, value: bytes | None, headers: Mapping[str, bytes]) -> Payload:
        """See `Accepted`."""
        own = {
            name.removeprefix(FOREIGN): raw.decode(errors="surrogateescape")
            for name, raw in headers.items()
            if name.startswith(FOREIGN)
        }
        return Payload(self._inner.decode(value, headers), own)


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
