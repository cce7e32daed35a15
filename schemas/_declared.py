"""The messages, enums and fields of a set of files, by their full names, each with its place."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

GOOGLE = "google/protobuf/"
"""Begins the names of files that come with every compiler."""

# Field numbers of descriptor.proto, of which the paths of source locations are made.
_MESSAGES_OF_FILE, _ENUMS_OF_FILE = 4, 5
_FIELDS, _NESTED, _ENUMS, _VALUES = 2, 3, 4, 2

_LABELS: dict[int, str] = {
    FieldDescriptorProto.LABEL_REPEATED: "repeated ",
    FieldDescriptorProto.LABEL_REQUIRED: "required ",
}
_Path = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DeclaredMessage:
    """A message type.

    Attributes:
        name: Its full name.
        file: Of its file.
        proto: As the compiler describes it.
        path: Where in its file.
    """

    name: str
    file: str
    proto: DescriptorProto
    path: _Path

    def path_of(self, number: int) -> _Path:
        """Return where the field of a number is."""
        at = next(at for at, each in enumerate(self.proto.field) if each.number == number)
        return (*self.path, _FIELDS, at)

    @property
    def reserved(self) -> list[range]:
        """The numbers that no field may have."""
        return _merged(range(each.start, each.end) for each in self.proto.reserved_range)


@dataclass(frozen=True, slots=True)
class DeclaredEnum:
    """An enum type, as a message type is."""

    name: str
    file: str
    proto: EnumDescriptorProto
    path: _Path

    def path_of(self, number: int) -> _Path:
        """Return where the first value of a number is."""
        at = next(at for at, each in enumerate(self.proto.value) if each.number == number)
        return (*self.path, _VALUES, at)

    @property
    def reserved(self) -> list[range]:
        """The numbers that no value may have; the compiler's ranges of enums have their end."""
        return _merged(range(each.start, each.end + 1) for each in self.proto.reserved_range)


@dataclass(slots=True)
class Declared:
    """All that a set of files declares, but for what comes with every compiler.

    Attributes:
        messages: By full name, those inside of others as well.
        enums: By full name.
    """

    messages: dict[str, DeclaredMessage] = field(default_factory=dict[str, DeclaredMessage])
    enums: dict[str, DeclaredEnum] = field(default_factory=dict[str, DeclaredEnum])
    _lines: dict[tuple[str, _Path], int] = field(default_factory=dict[tuple[str, _Path], int])

    def line(self, file: str, path: _Path) -> int:
        """Return the line of a place in a file, from 1; 0 if the compiler did not say."""
        return self._lines.get((file, path), 0)

    def entry(self, field: FieldDescriptorProto) -> DeclaredMessage | None:
        """Return what the compiler made of a map's entries; None for any other field."""
        found = self.messages.get(field.type_name.removeprefix("."))
        return found if found is not None and is_entry(found) else None

    def own_messages(self) -> Iterator[DeclaredMessage]:
        """Return the messages somebody wrote: without the entries of maps."""
        return (each for each in self.messages.values() if not is_entry(each))

    def type_text(self, field: FieldDescriptorProto) -> str:
        """Return a field's type as a .proto file has it: `int64`, `repeated bank.v1.Entry`."""
        entry = self.entry(field)
        if entry is not None:
            key, value = (self.type_text(each) for each in entry.proto.field)
            return f"map<{key}, {value}>"
        scalar = FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
        return _LABELS.get(field.label, "") + (field.type_name.removeprefix(".") or scalar)

    @classmethod
    def of(cls, files: FileDescriptorSet) -> "Declared":
        """Return what files declare."""
        found = cls()
        for file in files.file:
            if not file.name.startswith(GOOGLE):
                found._add_file(file)
        return found

    def _add_file(self, file: FileDescriptorProto) -> None:
        for location in file.source_code_info.location:
            self._lines[file.name, tuple(location.path)] = location.span[0] + 1
        scope = f"{file.package}." if file.package else ""
        for at, message in enumerate(file.message_type):
            self._add(scope, file.name, message, (_MESSAGES_OF_FILE, at))
        for at, enum in enumerate(file.enum_type):
            name = scope + enum.name
            self.enums[name] = DeclaredEnum(name, file.name, enum, (_ENUMS_OF_FILE, at))

    def _add(self, scope: str, file: str, message: DescriptorProto, path: _Path) -> None:
        name = scope + message.name
        self.messages[name] = DeclaredMessage(name, file, message, path)
        for at, inner in enumerate(message.nested_type):
            self._add(f"{name}.", file, inner, (*path, _NESTED, at))
        for at, enum in enumerate(message.enum_type):
            inner_name = f"{name}.{enum.name}"
            self.enums[inner_name] = DeclaredEnum(inner_name, file, enum, (*path, _ENUMS, at))


def _merged(ranges: Iterable[range]) -> list[range]:
    """Return ranges that do not touch."""
    found: list[range] = []
    for each in sorted(ranges, key=lambda one: one.start):
        if found and each.start <= found[-1].stop:
            found[-1] = range(found[-1].start, max(found[-1].stop, each.stop))
        else:
            found.append(each)
    return found


def is_entry(message: DeclaredMessage) -> bool:
    """Tell the entry of a map, which the compiler made."""
    return message.proto.options.map_entry
