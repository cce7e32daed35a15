"""What a change of schemas breaks: for records that are in the log, and for readers of JSON."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorSet

from ._declared import Declared, DeclaredEnum, DeclaredMessage, is_entry

_F = FieldDescriptorProto
# Of one group, each reads what another has written, and JSON writes them alike.
_ALIKE = (
    {_F.TYPE_INT32, _F.TYPE_UINT32},
    {_F.TYPE_INT64, _F.TYPE_UINT64},
    {_F.TYPE_FIXED32, _F.TYPE_SFIXED32},
    {_F.TYPE_FIXED64, _F.TYPE_SFIXED64},
)


class Breaking(NamedTuple):
    """One change that breaks something.

    Attributes:
        rule: Its name, as in `FIELD_TYPE`.
        subject: The full name of what was changed.
        file: Where, now; where it was, if it is gone.
        line: Its line, or that of what it was in; 0 if its file is gone.
        change: What was done.
        harm: Whom that breaks, and what would be right.
    """

    rule: str
    subject: str
    file: str
    line: int
    change: str
    harm: str


def breaking_changes(before: FileDescriptorSet, after: FileDescriptorSet) -> list[Breaking]:
    """Return what is broken by going from one set of files to another.

    Messages are known by their full names, and fields by their numbers, as on the wire: a type may
    move from file to file. Checked is what records in a log need, and what their JSON needs, by
    name and by value. Services are not looked at.

    Args:
        before: As it was; records of it are in the log.
        after: As it is to be; with source information, its lines are told.

    Example:
        >>> breaking_changes(FileDescriptorSet(), FileDescriptorSet())
        []
    """
    old, new = Declared.of(before), Declared.of(after)
    found = [*_messages(old, new), *_enums(old, new)]
    return sorted(found, key=lambda each: (each.file, each.line, each.subject, each.rule))


# -- messages ---------------------------------------------------------------------------


def _messages(old: Declared, new: Declared) -> Iterator[Breaking]:
    for name, message in old.messages.items():
        now = new.messages.get(name)
        if is_entry(message):
            continue  # its map is compared
        if now is not None:
            yield from _fields(old, message, new, now)
        elif _outermost(name, old.messages, new.messages):
            yield _gone("MESSAGE_REMOVED", name, message.file, list(new.messages))


def _fields(
    old: Declared, message: DeclaredMessage, new: Declared, now: DeclaredMessage
) -> Iterator[Breaking]:
    at = new.line(now.file, now.path)
    left = {each.number: each for each in now.proto.field}
    for was in message.proto.field:
        field = left.pop(was.number, None)
        subject = f"{message.name}.{was.name}"
        if field is None:
            yield from _removed(subject, was.number, was.name, now, at)
            continue
        line = new.line(now.file, now.path_of(was.number))
        changes = [
            *_renamed(was, field),
            *_retyped(old, was, new, field),
            *_regrouped(message, was, now, field),
            *_redefaulted(was, field),
        ]
        for rule, change, harm in changes:
            yield Breaking(rule, subject, now.file, line, change, harm)
    for field in left.values():
        if field.label == _F.LABEL_REQUIRED:
            yield Breaking(
                "FIELD_REQUIRED",
                f"{message.name}.{field.name}",
                now.file,
                new.line(now.file, now.path_of(field.number)),
                f"field {field.number} is new and required",
                "records in the log do not have it, and cannot be read; make it optional",
            )
    yield from _unreserved(message, now, at)


_Change = tuple[str, str, str]
"""Rule, change and harm."""


def _renamed(was: FieldDescriptorProto, field: FieldDescriptorProto) -> Iterator[_Change]:
    if was.name != field.name or was.json_name != field.json_name:
        yield (
            "FIELD_NAME",
            f"field {was.number} is called {_called(field)} now",
            f"its JSON has {_called(was)}; keep the name",
        )


def _retyped(
    old: Declared, was: FieldDescriptorProto, new: Declared, field: FieldDescriptorProto
) -> Iterator[_Change]:
    if not _alike(was, old, field, new):
        change = f"field {was.number} is {new.type_text(field)} and was {old.type_text(was)}"
        remedy = f"add a field with another number, and reserve {was.number} and {was.name!r}"
        yield "FIELD_TYPE", change, f"records in the log are read wrongly; {remedy}"


def _regrouped(
    message: DeclaredMessage,
    was: FieldDescriptorProto,
    now: DeclaredMessage,
    field: FieldDescriptorProto,
) -> Iterator[_Change]:
    before, after = _oneof(message, was), _oneof(now, field)
    if before != after:
        yield (
            "FIELD_ONEOF",
            f"field {was.number} is in {after or 'no oneof'} and was in {before or 'no oneof'}",
            "fields that were set together drop each other, or the other way round",
        )


def _redefaulted(was: FieldDescriptorProto, field: FieldDescriptorProto) -> Iterator[_Change]:
    before, after = was.default_value, field.default_value
    if before != after:
        yield (
            "FIELD_DEFAULT",
            f"the default is {after or 'none'} and was {before or 'none'}",
            "what was left out reads as something else",
        )


def _removed(
    subject: str, number: int, name: str, now: DeclaredMessage | DeclaredEnum, line: int
) -> Iterator[Breaking]:
    kind = "VALUE" if isinstance(now, DeclaredEnum) else "FIELD"
    number_kept = any(number in each for each in now.reserved)
    name_kept = name in now.proto.reserved_name
    if number_kept and name_kept:
        return
    missing = [
        *(() if number_kept else (f"reserved {number};",)),
        *(() if name_kept else (f'reserved "{name}";',)),
    ]
    yield Breaking(
        f"{kind}_REMOVED",
        subject,
        now.file,
        line,
        f"{'field' if kind == 'FIELD' else 'value'} {number} was removed",
        f"another one may take its {'number' if not number_kept else 'name'}, and read what is in "
        f"the log as its own; say: {' '.join(missing)}",
    )


def _alike(
    was: FieldDescriptorProto, old: Declared, field: FieldDescriptorProto, new: Declared
) -> bool:
    """Tell whether each of two types reads what the other has written, and JSON is the same."""
    entries = old.entry(was), new.entry(field)
    if entries[0] is not None and entries[1] is not None:
        pairs = zip(entries[0].proto.field, entries[1].proto.field, strict=True)
        return all(_alike(one, old, other, new) for one, other in pairs)
    if entries != (None, None):
        return False
    labels = {was.label, field.label}
    if len(labels) > 1 and labels & {_F.LABEL_REPEATED, _F.LABEL_REQUIRED}:
        return False
    if was.type == field.type:
        return was.type_name == field.type_name
    return any({was.type, field.type} <= group for group in _ALIKE)


def _oneof(message: DeclaredMessage, field: FieldDescriptorProto) -> str:
    """Return the oneof of a field; that of an `optional` one is the compiler's, and none."""
    if not field.HasField("oneof_index") or field.proto3_optional:
        return ""
    return f"oneof {message.proto.oneof_decl[field.oneof_index].name}"


def _called(field: FieldDescriptorProto) -> str:
    """Return a field's name, with its name in JSON if that does not follow from it."""
    first, *others = field.name.split("_")
    usual = first + "".join(part[:1].upper() + part[1:] for part in others)
    odd = field.json_name and field.json_name != usual
    return f"{field.name!r} (in JSON {field.json_name!r})" if odd else repr(field.name)


# -- enums ------------------------------------------------------------------------------


def _enums(old: Declared, new: Declared) -> Iterator[Breaking]:
    for name, enum in old.enums.items():
        now = new.enums.get(name)
        if now is None:
            if _outermost(name, old.messages, new.messages):
                yield _gone("ENUM_REMOVED", name, enum.file, list(new.enums))
            continue
        at = new.line(now.file, now.path)
        names: dict[int, list[str]] = {}
        for value in now.proto.value:
            names.setdefault(value.number, []).append(value.name)
        for value in enum.proto.value:
            subject = f"{name}.{value.name}"
            if value.number not in names:
                yield from _removed(subject, value.number, value.name, now, at)
            elif value.name not in names[value.number]:
                yield Breaking(
                    "VALUE_NAME",
                    subject,
                    now.file,
                    new.line(now.file, now.path_of(value.number)),
                    f"value {value.number} is called {names[value.number][0]!r} now",
                    f"its JSON has {value.name!r}; keep the name, or allow_alias and have both",
                )
        yield from _unreserved(enum, now, at)


# -- both -------------------------------------------------------------------------------


def _unreserved(
    was: DeclaredMessage | DeclaredEnum, now: DeclaredMessage | DeclaredEnum, line: int
) -> Iterator[Breaking]:
    kept = now.reserved
    lost = [
        str(each.start) if len(each) == 1 else f"{each.start} to {each.stop - 1}"
        for each in was.reserved
        if not any(each.start in some and each[-1] in some for some in kept)
    ]
    lost += [repr(each) for each in was.proto.reserved_name if each not in now.proto.reserved_name]
    if lost:
        yield Breaking(
            "RESERVED_REMOVED",
            was.name,
            now.file,
            line,
            f"{', '.join(lost)}: not reserved any more",
            "what once had it is in the log, and would be read as something else",
        )


def _gone(rule: str, name: str, file: str, there: Sequence[str]) -> Breaking:
    short = name.rpartition(".")[2]
    moved = [each for each in there if each.rpartition(".")[2] == short]
    hint = f"; {moved[0]} is another type" if moved else ""
    return Breaking(
        rule,
        name,
        file,
        0,
        f"it is gone{hint}",
        "records in the log name it, and nobody can read them; keep it until they are gone as well",
    )


def _outermost(name: str, old: dict[str, DeclaredMessage], new: dict[str, DeclaredMessage]) -> bool:
    """Tell whether what a type was in is still there: else that one stands for both."""
    outer = name.rpartition(".")[0]
    return outer not in old or outer in new
