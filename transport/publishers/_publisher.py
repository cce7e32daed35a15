"""Publishers: messages to topics that are not an entity's mailbox."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from ...actors import MessageTooLarge, SchemaError
from ...schemas import Message
from ..consumers import Key, key_function
from ..delivery import CONTENT_TYPE, TYPE, Header
from ._letter import Headers, Letter

M = TypeVar("M")

_JSON: Header = (CONTENT_TYPE, b"application/json")
_BYTES: Header = (CONTENT_TYPE, b"application/octet-stream")
_PROTOBUF: Header = (CONTENT_TYPE, b"application/protobuf")
_RESERVED = ("ce_", "cb_")


@dataclass(frozen=True, slots=True)
class PublisherStatistics:
    """What a publisher has done since its system began.

    Attributes:
        published: Messages taken, by any of its verbs.
        dropped: Messages that were told and never left: too many waited, the broker refused them
            for too long, or the system stopped. Each is a dead letter as well.
        waiting: Messages on their way.
    """

    published: int
    dropped: int
    waiting: int


class PublisherPort(Protocol):
    """A running system, as its publishers see it."""

    def tell(self, letter: Letter) -> None:
        """Take a message; never blocks."""
        ...

    async def send_all(self, letters: list[Letter]) -> None:
        """Return when all replicas have all of them."""
        ...

    def statistics(self, topic: str) -> PublisherStatistics:
        """Return what was done for a topic."""
        ...


class Publisher(Generic[M]):
    """Writes messages of one type to a topic. Made by `system.publisher`.

    ```python
    placed = system.publisher("orders.placed", OrderPlaced, key="order_id")

    async with system:
        placed.tell(OrderPlaced(order_id="42"))          # fire and forget
        await placed.send(OrderPlaced(order_id="42"))    # returns when all replicas have it
        await placed.send_all(OrderPlaced(order_id=each) for each in ids)
    ```

    Messages of one key keep the order in which they were given, and each has an id (`ce_id`) of
    its own; a write that had to be repeated carries the same one. Within the handler of an entity
    or a consumer, all three hold the message back until the handler has succeeded.

    Not promised: order between messages of different keys; that a message that failed was not
    written all the same.

    Attributes:
        topic: where to.
        message_type: a protobuf class, a pydantic model (written as JSON), or `bytes`.
        partitions: of the topic, if it is missing and made here.
    """

    def __init__(
        self,
        topic: str,
        message_type: type[M],
        *,
        key: Key,
        partitions: int,
        port: Callable[[], PublisherPort],
        max_message_bytes: int,
    ) -> None:
        self.topic = topic
        self.message_type = message_type
        self.partitions = partitions
        self._key = None if key is None else key_function(key)
        self._port = port
        self._max_bytes = max_message_bytes
        self._encode = _encoder(message_type)

    def tell(self, message: M, *, key: str | bytes | None = None, headers: Headers = None) -> None:
        """Hand a message over and go on; never blocks, says nothing of its fate.

        It is written soon, or becomes a dead letter and is counted as dropped: when too many wait
        already, when the broker is away for longer than 30 seconds, when the system stops.

        Args:
            message: What to write.
            key: The record's key; None for what the publisher's own `key` says, or no key.
            headers: Further headers of the record.

        Raises:
            SchemaError: The message is not of the publisher's type, is too large, or has no key.
            NotRunning: Outside `async with system`.
        """
        self._port().tell(self.letter(message, key, headers))

    async def send(
        self, message: M, *, key: str | bytes | None = None, headers: Headers = None
    ) -> None:
        """Write a message and return when all replicas have it.

        Args:
            message: What to write.
            key: As for `tell`.
            headers: As for `tell`.

        Raises:
            TransportError: It could not be written, or nobody knows whether it was.
            SchemaError: As for `tell`.
            NotRunning: Outside `async with system`.
        """
        await self._port().send_all([self.letter(message, key, headers)])

    async def send_all(self, messages: Iterable[M], *, headers: Headers = None) -> None:
        """Write many messages, and return when all replicas have all of them.

        Much cheaper than a `send` for each. Take a long stream in pieces of some thousand.

        Raises:
            TransportError: Some could not be written, or nobody knows whether they were.
            SchemaError: One of them as for `tell`; none was written.
            NotRunning: Outside `async with system`.
        """
        await self._port().send_all([self.letter(message, None, headers) for message in messages])

    def statistics(self) -> PublisherStatistics:
        """Return what it has done so far."""
        return self._port().statistics(self.topic)

    def letter(self, message: M, key: str | bytes | None, headers: Headers) -> Letter:
        """Return a message as it is handed on; for callboard itself.

        Raises:
            SchemaError: As for `tell`.
        """
        if not isinstance(message, self.message_type):
            raise SchemaError(
                f"the publisher of {self.topic} writes {self.message_type.__qualname__}, and was "
                f"given {type(message).__qualname__}"
            )
        kind, content, value = self._encode(message)
        if len(value) > self._max_bytes:
            raise MessageTooLarge(
                f"the {type(message).__qualname__} for {self.topic} has {len(value):,} bytes, the "
                f"limit is {self._max_bytes:,}. Store large contents elsewhere and send a reference"
            )
        if key is None and self._key is not None:
            key = self._key(message)
        raw = key.encode() if isinstance(key, str) else key
        return Letter(self.topic, raw, value, kind, content, _checked(headers), message)

    def __repr__(self) -> str:
        return f"<Publisher of {self.message_type.__qualname__} to {self.topic}>"


def encoded(message: Any) -> tuple[Header, Header, bytes]:
    """Return type, format and bytes of a message.

    Raises:
        SchemaError: Nothing writes such messages.
    """
    return _encoder(type(message))(message)


Encoder: TypeAlias = Callable[[Any], tuple[Header, Header, bytes]]


def _encoder(message_type: type) -> Encoder:
    """Return what makes type, format and bytes of a message.

    Raises:
        SchemaError: There is nothing that writes such messages.
    """
    if issubclass(message_type, Message):
        known: dict[type, Header] = {}

        def protobuf(message: Any) -> tuple[Header, Header, bytes]:
            kind = known.get(type(message))
            if kind is None:
                kind = known[type(message)] = (TYPE, message.DESCRIPTOR.full_name.encode())
            return kind, _PROTOBUF, message.SerializeToString(deterministic=True)

        return protobuf
    if hasattr(message_type, "model_dump_json"):

        def model(message: Any) -> tuple[Header, Header, bytes]:
            return (
                (TYPE, type(message).__name__.encode()),
                _JSON,
                message.model_dump_json().encode(),
            )

        return model
    if message_type is bytes:
        return lambda message: ((TYPE, b"bytes"), _BYTES, message)
    raise SchemaError(
        f"a publisher writes protobuf messages, pydantic models (as JSON) or bytes, and was given "
        f"{message_type!r}"
    )


def _checked(headers: Headers) -> tuple[Header, ...]:
    if not headers:
        return ()
    found: list[Header] = []
    for name, value in headers.items():
        if name.startswith(_RESERVED):
            raise SchemaError(
                f"header {name!r} begins with ce_ or cb_, and those are callboard's own; choose "
                f"another name"
            )
        found.append((name, value.encode() if isinstance(value, str) else value))
    return tuple(found)
