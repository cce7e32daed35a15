"""Kafka's wire types, and structures of them that differ from version to version."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from ._codes import MalformedRequest

Body: TypeAlias = dict[str, Any]

_MAX_ARRAY = 1_000_000


class Reader:
    """Reads wire types from a request's bytes."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """Return the next bytes.

        Raises:
            MalformedRequest: There are not as many.
        """
        end = self._at + count
        if count < 0 or end > len(self._data):
            raise MalformedRequest(
                f"{count} bytes expected at {self._at}, {len(self._data)} in all"
            )
        taken = self._data[self._at : end]
        self._at = end
        return taken


class WireType(Protocol):
    """How one kind of value is written and read."""

    def read(self, reader: Reader, version: int, /) -> Any:
        """Read a value."""
        ...

    def write(self, value: Any, version: int, out: list[bytes], /) -> None:
        """Append a value's bytes."""
        ...


class _Number:
    """A number of a fixed size; the same in every version."""

    def __init__(self, code: str) -> None:
        self._struct = struct.Struct(code)

    def read(self, reader: Reader, _version: int) -> Any:
        return self._struct.unpack(reader.take(self._struct.size))[0]

    def write(self, value: Any, _version: int, out: list[bytes]) -> None:
        out.append(self._struct.pack(value))


I8, I16, I32, I64, BOOL = (_Number(code) for code in (">b", ">h", ">i", ">q", ">?"))


class _Text:
    """A string of up to 32,767 bytes, or None."""

    def read(self, reader: Reader, version: int) -> str | None:
        length = I16.read(reader, version)
        if length < 0:
            return None
        try:
            return reader.take(length).decode()
        except UnicodeDecodeError as error:
            raise MalformedRequest("a string that is not UTF-8") from error

    def write(self, value: Any, version: int, out: list[bytes]) -> None:
        if value is None:
            I16.write(-1, version, out)
            return
        raw = value.encode()
        I16.write(len(raw), version, out)
        out.append(raw)


class _Blob:
    """Bytes of any length, or None. Written as given, or joined from parts."""

    def read(self, reader: Reader, version: int) -> bytes | None:
        length = I32.read(reader, version)
        return None if length < 0 else reader.take(length)

    def write(self, value: Any, version: int, out: list[bytes]) -> None:
        if value is None:
            I32.write(-1, version, out)
        elif isinstance(value, bytes):
            I32.write(len(value), version, out)
            out.append(value)
        else:
            I32.write(sum(map(len, value)), version, out)
            out.extend(value)


TEXT, BLOB = _Text(), _Blob()


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a structure.

    Attributes:
        name: Its key in the body.
        type: How it is written.
        since: The first version that has it.
        until: The last version that has it.
        default: Its value when a body does not say, and in versions without it.
    """

    name: str
    type: WireType
    since: int = 0
    until: int = 99
    default: Any = None


class Structure:
    """Fields in order; those a version lacks are left out."""

    def __init__(self, *fields: Field) -> None:
        self.fields = fields

    def read(self, reader: Reader, version: int) -> Body:
        """Read a body; fields the version lacks have their defaults."""
        return {
            field.name: field.type.read(reader, version)
            if field.since <= version <= field.until
            else field.default
            for field in self.fields
        }

    def write(self, value: Mapping[str, Any], version: int, out: list[bytes]) -> None:
        """Append a body's bytes."""
        for field in self.fields:
            if field.since <= version <= field.until:
                field.type.write(value.get(field.name, field.default), version, out)


class Array:
    """Any number of values, or None."""

    def __init__(self, of: WireType) -> None:
        self.of = of

    def read(self, reader: Reader, version: int) -> list[Any] | None:
        """Read the values."""
        count = I32.read(reader, version)
        if count > _MAX_ARRAY:
            raise MalformedRequest(f"an array of {count} elements")
        return None if count < 0 else [self.of.read(reader, version) for _ in range(count)]

    def write(self, value: Sequence[Any] | None, version: int, out: list[bytes]) -> None:
        """Append the values' bytes."""
        if value is None:
            I32.write(-1, version, out)
            return
        I32.write(len(value), version, out)
        for element in value:
            self.of.write(element, version, out)


def each(*fields: Field) -> Array:
    """Return an array of structures."""
    return Array(Structure(*fields))
