"""Which changes of schemas break, rule by rule, with the place of each."""

from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from callboard.cli._protoc import described
from callboard.schemas import Breaking, breaking_changes

HEAD = 'syntax = "proto3"; package bank;\n'
BASE = """message Deposit {
  int32 cents = 1;
  string note = 2;
  oneof by { string cash = 3; string card = 4; }
  map<string, int32> tags = 5;
  Kind kind = 6;
  repeated Part parts = 7;
  message Part { bool whole = 1; }
  reserved 20, 30 to 33; reserved "old";
}
enum Kind { KIND_UNKNOWN = 0; KIND_A = 1; reserved 5 to 6; }
"""


def compiled(folder: Path, text: str, name: str = "bank.proto") -> FileDescriptorSet:
    """Compile a file of that text."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return described(folder, [name])


def changes(folder: Path, before: str, after: str) -> list[Breaking]:
    """Compile two texts and compare them."""
    return breaking_changes(compiled(folder / "a", before), compiled(folder / "b", after))


BROKEN = [
    ("int32 cents = 1", "int64 cents = 1", "FIELD_TYPE", "Deposit.cents", 3),
    ("int32 cents = 1", "sint32 cents = 1", "FIELD_TYPE", "Deposit.cents", 3),
    ("int32 cents = 1", "repeated int32 cents = 1", "FIELD_TYPE", "Deposit.cents", 3),
    ("string note = 2", "bytes note = 2", "FIELD_TYPE", "Deposit.note", 4),
    ("string note = 2", "Kind note = 2", "FIELD_TYPE", "Deposit.note", 4),
    ("map<string, int32>", "map<string, int64>", "FIELD_TYPE", "Deposit.tags", 6),
    ("map<string, int32>", "map<int32, int32>", "FIELD_TYPE", "Deposit.tags", 6),
    ("map<string, int32>", "repeated Part", "FIELD_TYPE", "Deposit.tags", 6),
    ("string note = 2;", "", "FIELD_REMOVED", "Deposit.note", 2),
    ("string note = 2;", "reserved 2;", "FIELD_REMOVED", "Deposit.note", 2),
    ("string note = 2;", 'reserved "note";', "FIELD_REMOVED", "Deposit.note", 2),
    ("string note = 2", "string remark = 2", "FIELD_NAME", "Deposit.note", 4),
    ("string note = 2", 'string note = 2 [json_name="n"]', "FIELD_NAME", "Deposit.note", 4),
    ("string card = 4; }", "} string card = 4;", "FIELD_ONEOF", "Deposit.card", 5),
    ("oneof by", "oneof way", "FIELD_ONEOF", "Deposit.cash", 5),
    ("reserved 20, 30 to 33;", "reserved 30 to 33;", "RESERVED_REMOVED", "Deposit", 2),
    ("reserved 20, 30 to 33;", "reserved 20, 30 to 32;", "RESERVED_REMOVED", "Deposit", 2),
    ('reserved "old";', "", "RESERVED_REMOVED", "Deposit", 2),
    ("reserved 5 to 6;", "reserved 5;", "RESERVED_REMOVED", "Kind", 12),
    ("KIND_A = 1;", "", "VALUE_REMOVED", "Kind.KIND_A", 12),
    ("KIND_A = 1;", "KIND_B = 1;", "VALUE_NAME", "Kind.KIND_A", 12),
    ("bool whole = 1;", "", "FIELD_REMOVED", "Deposit.Part.whole", 9),
]


@pytest.mark.parametrize(("was", "now", "rule", "subject", "line"), BROKEN)
def test_a_change_that_breaks_is_found(
    tmp_path: Path, was: str, now: str, rule: str, subject: str, line: int
) -> None:
    """With its rule, its subject, and the line to look at."""
    assert was in BASE
    found = changes(tmp_path, HEAD + BASE, HEAD + BASE.replace(was, now, 1))
    first = next(each for each in found if each.subject == f"bank.{subject}")
    assert (first.rule, first.file, first.line) == (rule, "bank.proto", line)
    assert {each.rule for each in found} == {rule}


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("", ""),
        ("int32 cents = 1", "uint32 cents = 1"),
        ("int32 cents = 1", "optional int32 cents = 1"),
        ("map<string, int32>", "map<string, uint32>"),
        ("string note = 2;", 'reserved 2; reserved "note";'),
        ("string note = 2;", "string note = 2; bytes more = 8;"),
        ("reserved 20, 30 to 33;", "reserved 19 to 20, 30 to 31, 32 to 40;"),
        ("KIND_A = 1;", 'reserved 1; reserved "KIND_A";'),
        ("KIND_A = 1;", "option allow_alias = true; KIND_A = 1; KIND_B = 1;"),
        ("enum Kind", "message New { int32 x = 1; } enum Kind"),
    ],
)
def test_a_change_that_breaks_nothing_is_not(tmp_path: Path, was: str, now: str) -> None:
    """What is added, what is reserved as it goes, and types that read each other."""
    assert was in BASE
    assert changes(tmp_path, HEAD + BASE, HEAD + BASE.replace(was, now, 1)) == []


def test_a_type_that_is_gone_was_in_the_file_it_was(tmp_path: Path) -> None:
    """Once: not for the types inside it; a type of that name elsewhere is told."""
    deposit = BASE[: BASE.index("enum")].replace("Kind kind = 6;", "reserved 6;")
    (gone,) = changes(tmp_path, HEAD + deposit, HEAD + deposit.replace("Deposit", "Withdrawal"))
    assert (gone.rule, gone.subject, gone.line) == ("MESSAGE_REMOVED", "bank.Deposit", 0)
    moved = HEAD.replace("bank", "bank.v2") + deposit
    (gone,) = changes(tmp_path, HEAD + deposit, moved)
    assert gone.change == "it is gone; bank.v2.Deposit is another type"
    (gone,) = changes(tmp_path, f"{HEAD}enum K {{ A = 0; }}", f"{HEAD}message M {{}}")
    assert (gone.rule, gone.subject) == ("ENUM_REMOVED", "bank.K")


def test_a_type_may_move_to_another_file(tmp_path: Path) -> None:
    """Records name a type, and no file."""
    before = compiled(tmp_path / "a", HEAD + BASE)
    after = compiled(tmp_path / "b", HEAD + BASE, "money.proto")
    assert breaking_changes(before, after) == []


def test_of_proto2_defaults_and_required_fields_are_looked_at(tmp_path: Path) -> None:
    """A default is in no record; a required field is in no record that is older."""
    head = 'syntax = "proto2"; package bank;\n'
    text = head + "message M { optional int32 a = 1 [default = 3]; }"
    (found,) = changes(tmp_path, text, text.replace("= 3", "= 4"))
    assert (found.rule, found.change) == ("FIELD_DEFAULT", "the default is 4 and was 3")
    (found,) = changes(tmp_path, text, text.replace("; }", "; required int32 b = 2; }"))
    assert (found.rule, found.subject) == ("FIELD_REQUIRED", "bank.M.b")
    (found,) = changes(
        tmp_path, text.replace(" [default = 3]", ""), head + "message M { required int32 a = 1; }"
    )
    assert found.change == "field 1 is required int32 and was int32"


def test_what_is_told_can_be_acted_upon(tmp_path: Path) -> None:
    """The change in a sentence, the harm, and what to write."""
    after = BASE.replace("int32 cents = 1", "string cents = 1").replace("string note = 2;", "")
    note, cents = changes(tmp_path, HEAD + BASE, HEAD + after)
    assert cents.change == "field 1 is string and was int32"
    assert cents.harm.endswith("add a field with another number, and reserve 1 and 'cents'")
    assert note.change == "field 2 was removed"
    assert note.harm.endswith('say: reserved 2; reserved "note";')
