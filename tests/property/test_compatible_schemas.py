"""Where no breaking change is found, what was written is read as it was: an oracle."""

from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)
from google.protobuf.json_format import MessageToDict, ParseDict
from hypothesis import event, given, settings
from hypothesis import strategies as st

from callboard.schemas import Message, breaking_changes

_F = FieldDescriptorProto
SCALARS: dict[int, Any] = {
    _F.TYPE_INT32: 7,
    _F.TYPE_UINT32: 7,
    _F.TYPE_SINT32: 7,
    _F.TYPE_FIXED32: 7,
    _F.TYPE_SFIXED32: 7,
    _F.TYPE_INT64: 1 << 40,
    _F.TYPE_UINT64: 1 << 40,
    _F.TYPE_SINT64: 1 << 40,
    _F.TYPE_FIXED64: 1 << 40,
    _F.TYPE_SFIXED64: 1 << 40,
    _F.TYPE_BOOL: True,
    _F.TYPE_DOUBLE: 0.5,
    _F.TYPE_FLOAT: 0.5,
    _F.TYPE_STRING: "é",
    _F.TYPE_BYTES: b"\xff",
}
"""Types, each with a value that only its like reads; below zero nothing is promised."""

NAMES = "abc"
Fields = dict[int, tuple[str, int, bool]]
"""By number: name, type, whether it is repeated."""

_INTEGERS = [kind for kind, value in SCALARS.items() if type(value) is int]
kinds = st.tuples(st.sampled_from(sorted(SCALARS)), st.booleans())
integers = st.tuples(st.sampled_from(_INTEGERS), st.just(False))  # noqa: FBT003 - of a tuple
versions = st.one_of(
    kinds.map(lambda kind: (kind, kind, kind)),
    st.tuples(integers, integers, integers),
    kinds.flatmap(lambda kind: st.tuples(*[st.sampled_from([kind, None])] * 3)),
    st.tuples(kinds, st.none(), kinds),
)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[Fields, set[int]]]:
    """Draw three versions of a message: its fields, and the numbers that are reserved."""
    fields = draw(st.lists(versions, min_size=1, max_size=3))
    reserving = draw(st.booleans())
    history: list[tuple[Fields, set[int]]] = []
    for at in range(3):
        names = draw(st.just(list(NAMES)) | st.permutations(NAMES)) if at else list(NAMES)
        chosen: Fields = {}
        for number, kinds_of_it in enumerate(fields, 1):
            kind = kinds_of_it[at]
            if kind is not None:
                chosen[number] = (names[number - 1], kind[0], kind[1])
        gone = set().union(*(before for before, _ in history)) - chosen.keys()
        history.append((chosen, gone if reserving else set()))
    return history


def declared(chosen: Fields, reserved: set[int], names: set[str]) -> FileDescriptorSet:
    """Return a file with one message."""
    message = DescriptorProto(name="M", reserved_name=sorted(names))
    for number, (name, kind, repeated) in sorted(chosen.items()):
        field = message.field.add(name=name, json_name=name, number=number)
        field.type = kind  # type: ignore[assignment]
        field.label = _F.LABEL_REPEATED if repeated else _F.LABEL_OPTIONAL
    for number in sorted(reserved):
        message.reserved_range.add(start=number, end=number + 1)
    file = FileDescriptorProto(name="m.proto", syntax="proto3", message_type=[message])
    return FileDescriptorSet(file=[file])


def class_of(files: FileDescriptorSet) -> type[Message]:
    """Return the class of the message."""
    pool = descriptor_pool.DescriptorPool()
    pool.Add(files.file[0])
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("M"))


@settings(max_examples=1_000)
@given(history=histories())
def test_what_is_not_broken_is_read_as_it_was(history: list[tuple[Fields, set[int]]]) -> None:
    """By the wire and by JSON, over two changes; and what went is read as nothing else."""
    files: list[FileDescriptorSet] = []
    gone: dict[int, str] = {}
    for chosen, reserved in history:
        taken = {name for name, _, _ in chosen.values()}
        files.append(declared(chosen, reserved, {gone[each] for each in reserved} - taken))
        gone |= {number: name for number, (name, _, _) in chosen.items()}
    broken = {
        each.subject for step in (0, 1) for each in breaking_changes(files[step], files[step + 1])
    }
    if "M" in broken:  # what was reserved is not: nothing is promised any more
        return
    old, new = history[0][0], history[2][0]
    whole = {number: old[number] for number in old if f"M.{old[number][0]}" not in broken}
    written = class_of(files[0])()
    for name, kind, repeated in whole.values():
        value: Any = SCALARS[kind]
        if repeated:
            getattr(written, name).append(value)
        else:
            setattr(written, name, value)
    kept = {whole[number][0] for number in whole.keys() & new.keys()}
    event(f"{len(kept)} kept, {len(whole) - len(kept)} reserved, of {len(old)}")
    expected = {name: value for name, value in MessageToDict(written).items() if name in kept}
    reader = class_of(files[2])
    assert MessageToDict(reader.FromString(written.SerializeToString())) == expected
    assert MessageToDict(ParseDict(expected, reader())) == expected
