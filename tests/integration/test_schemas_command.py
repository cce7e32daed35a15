"""`callboard schemas`: compile, check and list, as a user types them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BANK = """syntax = "proto3";
package bank.v1;

message Deposit {
  int64 cents = 1;
  string note = 2;
  map<string, Kind> kinds = 3;
}
enum Kind { KIND_UNKNOWN = 0; }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with a schema that is committed."""
    (tmp_path / "protos" / "bank" / "v1").mkdir(parents=True)
    (tmp_path / "protos" / "bank" / "v1" / "bank.proto").write_text(BANK)
    hidden = tmp_path / "protos" / ".venv" / "other.proto"
    hidden.parent.mkdir()
    hidden.write_text("nothing that compiles")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    """Run git, as somebody."""
    who = ("-c", "user.name=ada", "-c", "user.email=ada@example.org")
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, timeout=30)


def schemas(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command."""
    return subprocess.run(
        [sys.executable, "-m", "callboard", "schemas", *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def change(folder: Path, was: str, now: str) -> None:
    """Change the schema."""
    path = folder / "protos" / "bank" / "v1" / "bank.proto"
    assert was in path.read_text()
    path.write_text(path.read_text().replace(was, now))


def test_compile_writes_modules_and_stubs_and_knows_when_they_are_old(folder: Path) -> None:
    """What it writes can be imported; --check writes nothing."""
    made = schemas(folder, "compile", "--root", "protos", "--out", "gen")
    assert made.stdout == "compiled 1 file into gen\n"
    assert sorted(path.name for path in (folder / "gen" / "bank" / "v1").iterdir()) == [
        "bank_pb2.py",
        "bank_pb2.pyi",
    ]
    program = "from bank.v1.bank_pb2 import Deposit; print(Deposit(cents=5).cents)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder / "gen",
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout == "5\n"
    checking = ("compile", "--root", "protos", "--out", "gen", "--check")
    assert schemas(folder, *checking).stdout == "current: 1 file\n"
    change(folder, "string note = 2", "string remark = 2")
    old = schemas(folder, *checking)
    assert old.returncode == 1
    assert old.stdout.splitlines() == [
        "gen/bank/v1/bank_pb2.py is not what its source generates",
        "gen/bank/v1/bank_pb2.pyi is not what its source generates",
    ]
    assert old.stderr == "error: compile the schemas: callboard schemas compile\n"


@pytest.mark.parametrize("baseline", ["HEAD", "before.binpb", "before"])
def test_check_compares_with_a_ref_a_file_and_a_folder(folder: Path, baseline: str) -> None:
    """Each says the same: the file and line, what breaks, and what to do."""
    schemas(folder, "compile", "--root", "protos", "--out", "gen", "--descriptors", "before.binpb")
    (folder / "before" / "bank" / "v1").mkdir(parents=True)
    (folder / "before" / "bank" / "v1" / "bank.proto").write_text(BANK)
    checking = ("check", "--root", "protos", "--against", baseline)
    same = schemas(folder, *checking)
    assert same.returncode == 0, same.stderr
    assert same.stdout == f"1 file: nothing that breaks, against {baseline}\n"
    change(folder, "  string note = 2;\n", "")
    broken = schemas(folder, *checking)
    assert broken.returncode == 1
    change_, remedy, count = broken.stdout.splitlines()
    where = "protos/bank/v1/bank.proto:4"
    assert change_ == f"{where}: bank.v1.Deposit.note: field 2 was removed [FIELD_REMOVED]"
    assert remedy.endswith('say: reserved 2; reserved "note";')
    assert count == f"1 breaking change against {baseline}"
    (told,) = json.loads(schemas(folder, *checking, "--json").stdout)
    assert (told["rule"], told["line"]) == ("FIELD_REMOVED", 4)


def test_list_shows_types_and_fields(folder: Path) -> None:
    """Of files, and of generated modules."""
    listed = schemas(folder, "list", "--root", "protos").stdout.splitlines()
    assert listed == [
        "bank.v1.Deposit  bank/v1/bank.proto",
        "      1  cents: int64",
        "      2  note: string",
        "      3  kinds: map<string, bank.v1.Kind>",
    ]
    imported = schemas(folder, "list", "--import", "callboard.demo.v1.flights_pb2", "--json")
    types = [each["type"] for each in json.loads(imported.stdout)]
    assert "callboard.demo.v1.Flight" in types


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("check", "--root", "protos", "--against", "nope"), 1, "'nope' is no folder, no file of"),
        (("check", "--root", "protos", "--against", "notes.txt"), 1, "is no file of descriptors"),
        (("check", "--root", "protos"), 2, "--against"),
        (("list", "--root", "nowhere"), 1, "nowhere is no folder"),
        (("list", "--root", "empty"), 1, "there is no .proto file in empty"),
        (("list", "--import", "json"), 2, "--import json is no module that protobuf's compiler"),
        (("compile", "--root", "bad"), 1, "bad.proto:2:1"),
    ],
)
def test_what_cannot_be_done_is_said(
    folder: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    """In a sentence, or in the compiler's own, with an exit code that says whose turn it is."""
    (folder / "empty").mkdir()
    (folder / "bad").mkdir()
    (folder / "bad" / "bad.proto").write_text('syntax = "proto3";\nnothing')
    (folder / "notes.txt").write_bytes(b"\xff\xff\xff")
    done = schemas(folder, *arguments)
    assert done.returncode == code
    assert said in done.stderr


def test_another_compiler_is_refused(folder: Path) -> None:
    """It would generate other code, and nobody would know why."""
    program = (
        "import importlib.metadata as m; m.version = lambda name: '1.60.0'\n"
        "from callboard.cli import main\n"
        "import sys; sys.argv = ['callboard', 'schemas', 'compile', '--root', 'protos']\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "grpcio-tools is 1.60.0, whose compiler generates other code; pip" in done.stderr
