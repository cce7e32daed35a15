"""`callboard run` and `callboard broker` as processes."""

import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PROGRAM = """
from callboard import Actor, ActorSystem, handler

class Host(Actor):
    async def started(self):
        print("started", self.context.system.node, flush=True)
    async def stopped(self):
        print("stopped", flush=True)

class System(ActorSystem):
    async def __aenter__(self):
        await super().__aenter__()
        self.spawn(Host, name="host")
        return self

system = System("here")

class Escalating(ActorSystem):
    async def __aenter__(self):
        await super().__aenter__()
        self.terminate(70)
        return self

escalating = Escalating("here")
clustered = lambda: ActorSystem("here", entities=())
"""

DEADLINE = 30.0


@contextmanager
def callboard(folder: Path, *arguments: str) -> Generator["subprocess.Popen[str]"]:
    """Start `callboard ...` in a folder; kill it at the end if it still runs."""
    with subprocess.Popen(
        [sys.executable, "-m", "callboard", *arguments],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a program."""
    (tmp_path / "program.py").write_text(PROGRAM)
    return tmp_path


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_node_drains_and_stops_when_told_to(folder: Path, number: signal.Signals) -> None:
    """Its actors are stopped, it exits with 0, and there is no traceback."""
    with callboard(folder, "run", "program:system", "--node", "n1") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started n1\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=DEADLINE)
        assert out == "stopped\n"
        assert "Traceback" not in err
        assert process.returncode == 0


def test_a_node_stops_with_its_parent_if_told_so(folder: Path) -> None:
    """Closing standard input is as good as SIGTERM."""
    arguments = ("run", "program:system", "--stop-on-stdin-close")
    with callboard(folder, *arguments) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        process.stdin.close()
        assert process.wait(DEADLINE) == 0


def test_a_node_that_gives_up_exits_with_the_systems_code(folder: Path) -> None:
    """70 is what an escalation to the root sets."""
    with callboard(folder, "run", "program:escalating") as process:
        process.communicate(timeout=DEADLINE)
        assert process.returncode == 70


def test_a_node_without_a_broker_says_so_within_seconds(folder: Path) -> None:
    """The error names the address and the command that would start one."""
    arguments = ("run", "program:clustered", "--transport", "kafka://127.0.0.1:1")
    with callboard(folder, *arguments) as process:
        _, err = process.communicate(timeout=15)
        last = err.strip().splitlines()[-1]
        assert process.returncode == 1
        assert "Traceback" not in err
        assert "127.0.0.1:1" in last
        assert "callboard broker --port 1" in last


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "stdin"])
def test_the_broker_says_when_it_is_ready_and_stops_quietly(tmp_path: Path, how: str) -> None:
    """One line on standard output, exit code 0, no traceback."""
    arguments = ("broker", "--port", "0", "--stop-on-stdin-close")
    with callboard(tmp_path, *arguments) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        ready = process.stdout.readline()
        assert ready.startswith("callboard broker ready on 127.0.0.1:")
        assert "in memory; for development, tests and small single machines" in ready
        if how == "stdin":
            process.stdin.close()
            process.stdin = None
        else:
            process.send_signal(signal.Signals[how])
        out, err = process.communicate(timeout=DEADLINE)
        assert (out, err) == ("", "")
        assert process.returncode == 0
