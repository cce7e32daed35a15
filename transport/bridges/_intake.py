"""What a bridge writes: foreign messages as they are, as records of its intake topic."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from ..consumers import DROPPED, Accepted
from ..delivery import ID, SOURCE, Codec, Header, Inbound, Outbound, TopicPartition
from ._foreign import ForeignMessage
from ._questions import question_headers
from ._receipts import is_receipt

FOREIGN = "from_"
"""Begins the name of each header that came with a foreign message."""
_MAX_KEY = 200
TRACE = ("traceparent", "tracestate")
"""Where a message is in a trace, as W3C has it."""
_STANDARD = frozenset({"content-type", *TRACE})


class Extent(NamedTuple):
    """How far an intake reaches.

    Attributes:
        start: Its first record.
        end: The next one to be written.
        position: The first that its consumer has not handled.
    """

    start: int
    end: int
    position: int


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

    async def write(self, records: Iterable[Outbound]) -> Sequence[int]:
        """Write records, also for entities' mailboxes, all or nothing; return their offsets.

        They are asked for once, before anything is written.

        Raises:
            PartitionLost: Another bridge has fenced this one.
            TransportError: It is not known whether they were written.
        """
        ...

    async def extent(self) -> Extent:
        """Return how far it reaches."""
        ...

    def read(self, start: int, end: int) -> AsyncIterator[Sequence[Inbound]]:
        """Read the records from `start` up to, not including, `end`."""
        ...

    async def parked(self) -> Collection[str]:
        """Return the keys whose messages wait in the quarantine of its consumer."""
        ...

    async def backlog(self) -> int:
        """Return how many messages are not handled yet: of its own, and of the entities'."""
        ...

    async def tidy(self, needed_from: int | None) -> None:
        """Remove what is handled, up to a record that is still needed."""
        ...

    async def aclose(self) -> None:
        """Disconnect."""
        ...


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
        headers.append((ID, as_bytes(message.id)))
    if answers:
        headers.extend(question_headers(message, answers))
    for name, value in message.headers.items():
        if name in _STANDARD:
            headers.append((name, as_bytes(value)))
        headers.append((FOREIGN + name, as_bytes(value)))
    return Outbound(to, key_of(message), message.body, headers)


def key_of(message: ForeignMessage) -> bytes | None:
    """Return the key that a foreign message has in the intake: its id, as far as that is one."""
    return as_bytes(message.id)[:_MAX_KEY] or None


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


class Received:
    """Implements `Accepted`: a foreign message's body decoded."""

    def __init__(self, inner: Accepted, codec: Codec) -> None:
        del codec
        self._inner = inner

    def decode(self, value: bytes | None, headers: Mapping[str, bytes]) -> Any:
        """See `Accepted`."""
        return DROPPED if is_receipt(headers) else self._inner.decode(value, headers)

    def message_of(self, message: ForeignMessage) -> Any:
        """Return what `decode` would, before it is a record."""
        return self._inner.decode(message.body, {})


class Unpacked(Received):
    """The same, with the headers that it came with."""

    def decode(self, value: bytes | None, headers: Mapping[str, bytes]) -> Any:
        """See `Accepted`."""
        message = super().decode(value, headers)
        if message is DROPPED:
            return message
        own = {
            name.removeprefix(FOREIGN): raw.decode(errors="surrogateescape")
            for name, raw in headers.items()
            if name.startswith(FOREIGN)
        }
        return Payload(message, own)

    def message_of(self, message: ForeignMessage) -> Payload:
        """See `Received.message_of`."""
        return Payload(super().message_of(message), dict(message.headers))


def as_bytes(text: str) -> bytes:
    """Return a foreign text as a header has it."""
    return text.encode(errors="surrogateescape")
