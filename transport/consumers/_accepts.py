"""What a function's annotation says of the messages it takes, and how they are decoded."""

import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from ...actors import DecodeError, HandlerError, UnknownMessageType
from ...schemas import Message
from ..delivery import TYPE, Codec, Inbound

_EXPECTED = (
    "expected a protobuf class, several with |, a pydantic model, bytes, or list[...] of one of "
    "these"
)


class Accepted(Protocol):
    """Decodes the messages a function takes."""

    def decode(self, value: bytes | None, headers: Mapping[str, bytes]) -> Any:
        """Return the message of a record; DROPPED if it is none.

        Raises:
            UnknownMessageType: It is of another type.
            DecodeError: It is not what it says.
        """
        ...


class Protobufs:
    """Protobuf messages of some classes; of any when there are none named.

    Args:
        codec: Knows the classes.
        classes: What the function takes.
        default: The class of records that name none.
        empty: A record without a value is the message None.
    """

    def __init__(
        self, codec: Codec, classes: Sequence[type], default: type | None, *, empty: bool
    ) -> None:
        self._codec = codec
        self._classes = tuple(classes)
        self._default = default
        self._empty = empty
        self._parsers: dict[bytes | None, Callable[[bytes], Any]] = {}
        """Of the types met so far that are among the classes."""

    def decode(self, value: bytes | None, headers: Mapping[str, bytes]) -> Any:
        """See `Accepted`."""
        if value is None and self._empty:
            return None
        message = self._codec.decode(headers.get(TYPE), value, self._default)
        if self._classes and type(message) not in self._classes:
            expected = " | ".join(each.__qualname__ for each in self._classes)
            raise UnknownMessageType(
                f"got {message.DESCRIPTOR.full_name}; the consumer takes {expected}"
            )
        return message

    def decode_all(self, records: Sequence[Inbound]) -> list[Any]:
        """Return the messages of records; for each the same as `decode` does, for less.

        Raises:
            SchemaError: One record is no such message.
        """
        messages: list[Any] = []
        add, parsers = messages.append, self._parsers
        for record in records:
            kind = None
            for name, said in reversed(record.headers):  # of those with one name the last
                if name == TYPE:
                    kind = said
                    break
            parse = parsers.get(kind)
            if parse is None or record.value is None:
                add(self._decoded_first(kind, record.value))
            else:
                add(parse(record.value))
        return messages

    def _decoded_first(self, kind: bytes | None, value: bytes | None) -> Any:
        message = self.decode(value, {} if kind is None else {TYPE: kind})
        if message is not None:
            self._parsers[kind] = type(message).FromString
        return message


class Raw:
    """The bytes as they are."""

    def __init__(self, *, empty: bool) -> None:
        self._empty = empty

    def decode(self, value: bytes | None, headers: Mapping[str, bytes]) -> bytes | None:
        """See `Accepted`."""
        del headers
        if value is None and not self._empty:
            raise DecodeError(_TOMBSTONE.format("bytes"))
        return value

    def decode_all(self, records: Sequence[Inbound]) -> list[Any]:
        """See `Protobufs`."""
        return [self.decode(record.value, _NO_HEADERS) for record in records]


class Model:
    """JSON in a pydantic model."""

    def __init__(self, model: Any, *, empty: bool) -> None:
        self._model = model
        self._empty = empty

    def decode(self, value: bytes | None, headers: Mapping[str, bytes]) -> Any:
        """See `Accepted`."""
        del headers
        name = self._model.__qualname__
        if value is None:
            if self._empty:
                return None
            raise DecodeError(_TOMBSTONE.format(name))
        try:
            return self._model.model_validate_json(value)
        except ValueError as error:  # pydantic's own is one
            raise DecodeError(f"{len(value)} bytes are no {name}: {_wrong(error)}") from error

    def decode_all(self, records: Sequence[Inbound]) -> list[Any]:
        """See `Protobufs`."""
        return [self.decode(record.value, _NO_HEADERS) for record in records]


def _wrong(error: ValueError) -> str:
    """Return what is wrong in which place, and not what stands there: it goes into logs."""
    listed = getattr(error, "errors", None)
    if listed is None:
        return str(error)
    places = [
        f"{'.'.join(str(step) for step in each['loc']) or 'all of it'}: {each['msg']}"
        for each in listed(include_url=False, include_input=False, include_context=False)
    ]
    more = f"; and {len(places) - _PLACES} more" if len(places) > _PLACES else ""
    return "; ".join(places[:_PLACES]) + more


_PLACES = 5
_NO_HEADERS: Mapping[str, bytes] = {}


_TOMBSTONE = "the record has no value (a tombstone); annotate the message with {} | None to take it"


class Annotation(typing.NamedTuple):
    """What a function's annotation says.

    Attributes:
        classes: The classes named.
        empty: None is among them.
        batch: It is a list of them.
    """

    classes: tuple[type, ...]
    empty: bool
    batch: bool


def read_annotation(annotation: Any, where: str) -> Annotation:
    """Take an annotation apart.

    Raises:
        HandlerError: It says something that no record can be.
    """
    batch = typing.get_origin(annotation) is list
    if batch:
        (annotation,) = typing.get_args(annotation)
    members: tuple[Any, ...] = (annotation,)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        members = typing.get_args(annotation)
    classes = tuple(each for each in members if each is not types.NoneType)
    if not classes or any(not isinstance(each, type) for each in classes):
        raise HandlerError(f"{where} takes {annotation!r}; {_EXPECTED}")
    return Annotation(classes, len(classes) < len(members), batch)


def check(said: Annotation, where: str) -> None:
    """Refuse classes that nothing decodes.

    Raises:
        HandlerError: Says what is decoded.
    """
    classes = said.classes
    if all(issubclass(each, Message) for each in classes):
        return
    first, *others = classes
    if others or (first is not bytes and not _is_model(first)):
        names = " | ".join(each.__qualname__ for each in classes)
        raise HandlerError(f"{where} takes {names}; {_EXPECTED}")


def accepted(said: Annotation, codec: Codec) -> Accepted:
    """Return what decodes the messages of an annotation that has been checked."""
    classes = said.classes
    first = classes[0]
    if first is bytes:
        return Raw(empty=said.empty)
    if _is_model(first):
        return Model(first, empty=said.empty)
    some = [each for each in classes if each is not Message]
    default = some[0] if len(some) == 1 and len(classes) == 1 else None
    return Protobufs(codec, some, default, empty=said.empty)


def _is_model(one: type) -> bool:
    """Tell a pydantic model by what it can do; the package need not be there."""
    return hasattr(one, "model_validate_json")
