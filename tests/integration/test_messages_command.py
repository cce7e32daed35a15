"""`callboard send` and `callboard tail`, in a shell; and others who read what callboard writes."""

import json
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from support import programs
from support.ports import free_ports
from support.programs import answers, callboard, until

pytestmark = pytest.mark.slow

MESSAGES = """
from google.protobuf.wrappers_pb2 import Int64Value
"""
MAKE = """
import asyncio, sys
from google.protobuf.wrappers_pb2 import Int64Value
from callboard import ActorSystem, Entity, handler

class Account(Entity):
    partitions = 2
    state: Int64Value
    @handler
    def add(self, message: Int64Value) -> Int64Value:
        self.state.value += message.value
        return self.state

async def main(url):
    async with ActorSystem("bank", transport=url, entities=[Account]) as system:
        system.publisher("notes", bytes)
        await system.publisher("notes", bytes).send(b"\\xff\\xfe", key="raw")
        print((await system.entity(Account, "ada").ask(Int64Value(value=1), timeout=20)).value)

asyncio.run(main(sys.argv[1]))
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Generator[str]:
    """Give the URL of a broker in a process of its own."""
    (port,) = free_ports(1)
    (tmp_path / "messages.py").write_text(MESSAGES)
    (tmp_path / "make.py").write_text(MAKE)
    with callboard(tmp_path, "broker", "--port", str(port)):
        until(lambda: answers(port))
        yield f"kafka://127.0.0.1:{port}"


def shell(folder: Path, *arguments: str) -> str:
    """Run callboard to a good end."""
    return programs.run(folder, "-m", "callboard", *arguments)


def refused(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run callboard to a bad end; return its code and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "callboard", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not done.stdout
    return done.returncode, done.stderr


def test_what_is_sent_is_handled_and_seen(tmp_path: Path, cluster: str) -> None:
    """A message for an entity's mailbox: the entity takes it, and tail shows it decoded."""
    at = ("--transport", cluster)
    with_types = ("--import", "messages")
    assert programs.run(tmp_path, "make.py", cluster) == "1\n"
    sent = shell(
        tmp_path,
        *("send", "bank.Account", "google.protobuf.Int64Value", '"41"'),
        *("--key", "ada", "--header", "traceparent=00-ab-cd-01", *with_types, *at),
    ).strip()
    assert programs.run(tmp_path, "make.py", cluster) == "43\n"
    everything = ("--from", "start", "--once", "--json", *at)
    lines = shell(tmp_path, "tail", "bank.Account", *with_types, *everything).splitlines()
    found = [json.loads(line) for line in lines]
    assert [each["message"] for each in found] == ["1", "41", "1"]
    (ours,) = [each for each in found if each["headers"]["ce_id"] == sent]
    assert (ours["key"], ours["type"]) == ("ada", "google.protobuf.Int64Value")
    assert ours["headers"]["traceparent"] == "00-ab-cd-01"
    assert shell(tmp_path, "tail", "bank.Account", "--key", "bob", *everything) == ""
    assert len(shell(tmp_path, "tail", "bank.Account", "--type", "Int64Value", *everything)) > 0
    assert shell(tmp_path, "tail", "bank.Account", "--type", "Deposit", *everything) == ""
    recent = ("--from", "1h", "--count", "2", *at)
    two = shell(tmp_path, "tail", "bank.Account", *with_types, *recent).splitlines()
    assert len(two) == 2
    assert 'Int64Value "1"' in two[0]
    raw = shell(tmp_path, "tail", "notes", *everything).splitlines()
    assert json.loads(raw[0])["value_base64"] == "//4="


def test_what_cannot_be_done_is_said(tmp_path: Path, cluster: str) -> None:
    """Each with what to give instead, and nothing is written."""
    at = ("--transport", cluster)
    number = "google.protobuf.Int64Value"
    for arguments, code, match in (
        (("tail", "nowhere", *at), 1, "there is no topic 'nowhere'"),
        (("send", "nowhere", number, "1", *at), 2, "no class is known for"),
        (("send", "nowhere", number, "1", "--import", "messages", *at), 1, "there is no topic"),
        (("send", "x", number, "{", "--import", "messages", *at), 2, "the fields are no"),
        (("send", "x", "no.Such", "{}", *at), 2, "--import the module that defines it"),
        (("send", "x", number, "1", "--import", "absent", *at), 2, "there is no module 'absent'"),
        (("tail", "x", "--from", "yesterday", *at), 2, "expected start, end, or as in 30m"),
        (("tail", "x", "--transport", "memory://"), 2, "lives inside one process"),
    ):
        found, said = refused(tmp_path, *arguments)
        assert (found, match in " ".join(said.split())) == (code, True), said
