"""Messages to bytes and headers, and back: the only place that knows both."""

from collections.abc import Mapping

from ...actors import DecodeError, MessageTooLarge, SchemaError, UnknownMessageType
from ...schemas import Message, ProtobufDecodeError, TypeRegistry
from ._dedup import Floor, MessageId
from ._records import Header

ID = "ce_id"
SOURCE = "ce_source"
TYPE = "ce_type"
TIME = "ce_time"
REPLY_TO = "cb_reply_to"
CORRELATION = "cb_correlation"
FLOOR = "cb_floor"

CONTENT_TYPE = "content-type"

_VERSION: Header = ("ce_specversion", b"1.0")
_PROTOBUF: Header = (CONTENT_TYPE, b"application/protobuf")

DEFAULT_MAX_MESSAGE_BYTES = 900_000
"""Below Kafka's own default limit of a batch (1,048,588), with room for headers."""


class Codec:
    """Encodes messages for the wire and decodes what comes back.

    Args:
        registry: Maps protobuf full names to classes.
        max_message_bytes: Largest encoded message; larger ones are refused
            where they are sent, not where they would be lost.
    """

    def __init__(
        self, registry: TypeRegistry, max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES
    ) -> None:
        self._registry = registry
        self._types: dict[type, Header] = {}
        self._found: dict[bytes | type | None, type[Message]] = {}  # by name, or as a default
        self.max_message_bytes = max_message_bytes

    def encode(self, message: object) -> tuple[Header, bytes]:
        """Return the type header and the bytes of a message.

        Raises:
            SchemaError: Not a protobuf message.
            MessageTooLarge: Over the limit.
        """
        header = self._types.get(type(message))
        if not isinstance(message, Message):
            raise SchemaError(
                f"got {type(message).__qualname__}; entities take protobuf messages. "
                f"Declare it in a .proto file and generate its class"
            )
        if header is None:
            header = (TYPE, message.DESCRIPTOR.full_name.encode())
            self._types[type(message)] = header
        value = message.SerializeToString(deterministic=True)
        if len(value) > self.max_message_bytes:
            raise MessageTooLarge(
                f"{message.DESCRIPTOR.full_name} has {len(value):,} bytes, the limit is "
                f"{self.max_message_bytes:,}. Store large contents elsewhere and send a reference"
            )
        return header, value

    def decode(
        self, type_name: bytes | None, value: bytes | None, default: type | None = None
    ) -> Message:
        """Return the message of a record.

        Args:
            type_name: The record's `ce_type`, or None when a stranger wrote it.
            value: Its bytes.
            default: The class to take when there is no `ce_type`.

        Raises:
            UnknownMessageType: No class of that name has been imported here.
            DecodeError: Truncated or foreign bytes, or a tombstone.
        """
        found = self._found.get(default if type_name is None else type_name)
        if found is None or value is None:
            found, value = self._look_up(type_name, value, default)
        try:
            return found.FromString(value)
        except ProtobufDecodeError as error:
            raise DecodeError(
                f"{len(value)} bytes are not a whole {found.DESCRIPTOR.full_name}: {error}. "
                f"Was the record cut, or written with another schema?"
            ) from error

    def _look_up(
        self, type_name: bytes | None, value: bytes | None, default: type | None
    ) -> tuple[type[Message], bytes]:
        """Return the class of a record met for the first time, and the record's value."""
        if type_name is not None:
            name = type_name.decode(errors="replace")
            found: type | None = self._registry.find(name)
            if found is None:
                raise UnknownMessageType(
                    f"no class is known for {name!r}; import the generated module that "
                    f"defines it in the process that hosts the entity"
                )
        elif default is not None:
            found, name = default, default.__name__
        else:
            raise UnknownMessageType(
                f"the record has no {TYPE} header and its entity takes more than one type; "
                f"write the protobuf full name into {TYPE}"
            )
        if value is None:
            raise DecodeError(f"the record of type {name!r} has no value (a tombstone)")
        if not issubclass(found, Message):
            raise UnknownMessageType(f"{name} is not a protobuf message")
        self._found[default if type_name is None else type_name] = found
        return found, value


def message_headers(
    kind: Header, source: Header, message_id: str, content: Header = _PROTOBUF
) -> list[Header]:
    """Return the CloudEvents headers of a message, without what its batch adds."""
    return [_VERSION, content, kind, source, (ID, message_id.encode())]


def batch_headers(*, time: bytes, floor: bytes) -> tuple[Header, Header]:
    """Return what is known only when a message leaves: when, and its source's floor."""
    return (TIME, time), (FLOOR, floor)


def id_of(headers: Mapping[str, bytes]) -> MessageId | None:
    """Return the id callboard gave a message, or None when a stranger wrote it."""
    raw = headers.get(ID)
    return None if raw is None else MessageId.parse(raw.decode(errors="replace"))


def floor_of(headers: dict[str, bytes]) -> Floor:
    """Return the offset below which the sender's messages are all acknowledged."""
    raw = headers.get(FLOOR, b"0")
    if raw.isdigit():  # nearly always: it has no holes
        return Floor(int(raw))
    return Floor.parse(raw.decode(errors="replace"))


def text(headers: dict[str, bytes], name: str) -> str:
    """Return a header as text, or the empty string."""
    return headers.get(name, b"").decode(errors="replace")
