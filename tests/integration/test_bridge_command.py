"""`callboard bridge`: files of bridges on the real legacy brokers."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty
from support.bridged import Books
from support.consuming import fresh
from support.legacy import LegacyServer
from support.legacy_queues import LEGACY, QUEUE
from support.server_required import started

from callboard import ActorSystem

TESTS = Path(__file__).parents[1]
COUNT = 1_500
FILE = """
system = "{system}"

[bridges.numbers]
source = "{source}"
url = "${{LEGACY_URL}}"
{queue}
batch = 20
to = "support.bridged:Books"
key = "value"
adapter = "ours:number"
"""
ADAPTER = """
from google.protobuf.wrappers_pb2 import Int64Value

def number(payload: bytes, headers: dict[str, str]) -> Int64Value | None:
    value = int(payload)
    if value == 7:
        raise ValueError("seven is none")
    return Int64Value(value=value) if value != 5 else None
"""


class Shell:
    """The command, with a file in a folder."""

    def __init__(self, folder: Path, system: str, name: str, server: LegacyServer) -> None:
        queue = f'stream = "{QUEUE}"\nfield = "body"' if name == "redis" else f'queue = "{QUEUE}"'
        text = FILE.format(system=system, source=name, queue=queue)
        (folder / "bridge.toml").write_text(text)
        (folder / "ours.py").write_text(ADAPTER)
        self._folder = folder
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(TESTS),
            "LEGACY_URL": server.url,
            "COLUMNS": "100",
        }

    def dry_run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Look, and write nothing."""
        return self.ended("--dry-run", *arguments)

    def ended(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run it to its own end."""
        return subprocess.run(
            [*self._command(), *arguments],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    async def run(self, *arguments: str) -> asyncio.subprocess.Process:
        """Run it."""
        with (self._folder / "bridge.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *self._command(), *arguments, cwd=self._folder, env=self._environment, stderr=log
            )

    def begun(self) -> int:
        """Return how many bridges have begun, by their logs."""
        return (self._folder / "bridge.log").read_text().count("a bridge runs here now")

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "callboard", "bridge", "bridge.toml"]


async def arrived(system: ActorSystem, numbers: range) -> list[int]:
    """Return how often each number arrived."""

    async def times(number: int) -> int:
        answer = await system.entity(Books, str(number)).ask(Empty(), timeout=30.0)
        return int(answer.values[0].number_value) if answer.values else 0

    return list(await asyncio.gather(*(times(number) for number in numbers)))


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", LEGACY)
async def test_a_look_takes_nothing_and_the_bridge_brings_everything(
    broker_url: str, tmp_path: Path, name: str
) -> None:
    """Twice the same is shown; then all arrive once, with a kill -9 on the way; Ctrl-C ends it."""
    air, url = fresh("air"), f"kafka://{broker_url}?session_timeout=2"
    expected = [int(number not in (5, 7)) for number in range(COUNT)]
    with started(LEGACY[name].server()) as server:
        await LEGACY[name].fill(server, range(COUNT))
        shell = Shell(tmp_path, air, name, server)
        looks = [await asyncio.to_thread(shell.dry_run, "--json") for _ in range(2)]
        first, second = ([json.loads(line) for line in each.stdout.splitlines()] for each in looks)
        assert first == second
        assert [int(each["body"]) for each in first] == list(range(10))
        assert [each["entity"] for each in first[:2]] == ["Books/0", "Books/1"]
        assert first[1]["message"] == "1"
        assert [each["outcome"] for each in first[4:8]] == [
            *("arrives", "dropped", "arrives", "quarantine")
        ]
        assert first[7]["error"] == "ValueError: seven is none"
        assert looks[0].returncode == 1  # for what would go to quarantine

        system = ActorSystem(air, transport=url, node="books", entities=[Books])
        async with system:
            await arrived(system, range(20))  # the entities are there before anything comes
            bridge = await shell.run("--transport", url, "--node", "b1")
            try:
                async with asyncio.timeout(120):
                    while not sum(await arrived(system, range(20))):
                        await asyncio.sleep(0.01)
                    bridge.kill()
                    await bridge.wait()
                    bridge = await shell.run("--transport", url, "--node", "b2")
                    while shell.begun() < 2 or await arrived(system, range(COUNT)) != expected:
                        await asyncio.sleep(0.2)
                    bridge.send_signal(signal.SIGINT)
                    assert await bridge.wait() == 0
            finally:
                if bridge.returncode is None:
                    bridge.kill()
                    await bridge.wait()
        assert await LEGACY[name].left(server) == 0
        empty = await asyncio.to_thread(shell.dry_run)
        assert "the queue is empty" in empty.stdout
        assert empty.returncode == 0


@pytest.mark.parametrize("name", LEGACY)
def test_a_broker_that_is_away_and_a_missing_queue_are_told(tmp_path: Path, name: str) -> None:
    """Each is an error with a remedy; no secret is shown."""
    server = LEGACY[name].server()
    shell = Shell(tmp_path, "air", name, server)
    away = shell.dry_run()
    assert away.returncode == 1
    assert f"error: numbers: {name}://127.0.0.1:{server.port}/" in away.stderr
    assert "guest:guest" not in away.stderr
    with started(server):
        missing = shell.dry_run()
    if name == "activemq":  # which makes queues when they are named
        assert "the queue is empty" in missing.stdout
    else:
        assert missing.returncode == 1
        assert "departures" in missing.stderr
        assert "; declare the queue" in missing.stderr or "; there is no stream" in missing.stderr


async def test_redis_shows_first_what_a_former_bridge_has(tmp_path: Path) -> None:
    """Entries that were given and not acknowledged come first, as they do to the bridge."""
    with started(LEGACY["redis"].server()) as server:
        await LEGACY["redis"].fill(server, range(8))
        shell = Shell(tmp_path, "air", "redis", server)
        source = (await asyncio.to_thread(_source, tmp_path, server)).source
        async with source.session() as session:
            taken = await session.take(4)
            await session.acknowledge(taken[:2])
        shown = await asyncio.to_thread(shell.dry_run, "--json", "--count", "5")
        bodies = [int(json.loads(line)["body"]) for line in shown.stdout.splitlines()]
        assert bodies == [2, 3, 4, 5, 6]


def _source(folder: Path, server: LegacyServer) -> Any:
    """Return the bridge of the file."""
    from callboard.cli._bridge_reading import read_bridge_file  # noqa: PLC0415 - a process's own

    text = (folder / "bridge.toml").read_text().replace("ours:number", "support.bridged:key_of")
    (folder / "source.toml").write_text(text)
    return read_bridge_file(folder / "source.toml", {"LEGACY_URL": server.url}).bridges[0]


def test_it_says_what_is_missing(tmp_path: Path) -> None:
    """No transport, or one that forgets; nothing is begun."""
    shell = Shell(tmp_path, "air", "rabbitmq", LEGACY["rabbitmq"].server())
    for arguments, said in (
        ((), "no transport is given; a bridge writes to Kafka: give --transport"),
        (("--transport", "memory://"), "memory:// ends with this process"),
        (("--only", "x"), "bridge.toml has no bridge 'x'; it has numbers"),
        (("--transport", "kafka:/x"), "the transport URL is wrong"),
    ):
        done = shell.ended(*arguments)
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
