"""`callboard demo` as a person or a script runs it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from confluent_kafka.admin import AdminClient
from support.apache_kafka import ApacheKafka

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

DEADLINE = 150.0


@contextmanager
def demo(*arguments: str) -> Generator["subprocess.Popen[str]"]:
    """Start `callboard demo ...`; kill it at the end if it still runs."""
    environment = {name: value for name, value in os.environ.items() if "CALLBOARD_" not in name}
    # A demo killed with SIGKILL cannot remove its folder: it is inside one of the test's.
    with (
        TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        subprocess.Popen(
            [sys.executable, "-m", "callboard", "demo", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**environment, "TMPDIR": folder},
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def processes() -> list[tuple[int, int]]:
    """Return process id and parent of every process that runs.

    One that ended and was not waited for yet (a zombie) does not run.
    """
    folders = list(Path("/proc").glob("[0-9]*/stat"))
    if not folders:  # not on Linux; there, small images lack the command `ps`
        listed = subprocess.run(
            ["ps", "-A", "-o", "pid=,stat=,ppid="], capture_output=True, text=True, check=True
        )
        table = [line.split() for line in listed.stdout.splitlines()]
    else:
        table = []
        for stat in folders:
            with contextlib.suppress(OSError):  # it has ended meanwhile
                state, parent = stat.read_text().rpartition(")")[2].split()[:2]
                table.append([stat.parent.name, state, parent])
    return [(int(pid), int(parent)) for pid, state, parent in table if not state.startswith("Z")]


def children(parent: int) -> set[int]:
    """Return the processes whose parent that is."""
    return {pid for pid, of in processes() if of == parent}


def alive(started: set[int]) -> set[int]:
    """Return those that still run."""
    return started & {pid for pid, _ in processes()}


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Return when something has become true.

    Raises:
        AssertionError: It has not in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_a_replay_with_a_kill_ends_with_equal_totals() -> None:
    """4,000 flights, one worker killed with kill -9: nothing lost, nothing applied twice."""
    with demo("--flights", "4000", "--json", "--seed", "7") as process:
        wait_for(lambda: len(children(process.pid)) >= 4)
        started = children(process.pid)
        out, err = process.communicate(timeout=DEADLINE)
        assert process.returncode == 0, err
        figures = json.loads(out.splitlines()[-1])
        assert not alive(started)
    seconds = figures.pop("seconds")
    assert 0 < seconds < DEADLINE
    assert figures.pop("transport").startswith("kafka://127.0.0.1:")
    assert figures.pop("redeliveries_skipped") >= 0
    assert figures.pop("restarts") >= 2
    assert figures.pop("messages") >= 11_957
    [killed] = figures.pop("killed")
    assert killed in {"worker-1", "worker-2"}
    assert figures == {
        "flights": 4_000,
        "aircraft": 1_666,
        "airports": 97,
        "mismatches": 0,
        "lost": 0,
        "quarantined": 6,
        "poisoned": 1,
    }
    assert f"{killed} (process" in err
    assert "worker-3 (process" in err
    assert "Aircraft/N216JB" in err
    assert "ValueError: hour must be in 0..23" in err
    assert "Traceback" not in err


@pytest.mark.skipif(sys.platform != "linux", reason="finds the worker in /proc: run it on Linux")
def test_a_worker_that_slept_through_its_loss_harms_nothing() -> None:
    """Paused beyond its session, replaced, and woken up with writes in hand: all totals equal."""
    with demo("--flights", "60000", "--no-kill", "--json") as process:
        wait_for(lambda: len(children(process.pid)) >= 4)
        [worker] = [
            pid
            for pid in children(process.pid)
            if b"worker-1" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        time.sleep(4.0)  # any moment of the run is a good one, and so is any length over 3 s
        os.kill(worker, signal.SIGSTOP)
        time.sleep(5.0)
        os.kill(worker, signal.SIGCONT)
        out, err = process.communicate(timeout=DEADLINE)
        assert process.returncode == 0, err
    figures = json.loads(out.splitlines()[-1])
    assert (figures["mismatches"], figures["lost"], figures["killed"]) == (0, 0, [])
    assert figures["redeliveries_skipped"] > 0


def test_without_kills_nobody_dies_and_nobody_joins() -> None:
    """The figures go to standard output as a table."""
    with demo("--flights", "300", "--no-kill") as process:
        out, err = process.communicate(timeout=DEADLINE)
        assert process.returncode == 0, err
        assert "All equal" in out
        assert "worker-3" not in out
        assert err == ""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_no_process_outlives_the_demo(number: signal.Signals, code: int) -> None:
    """Interrupted in the middle it stops its processes; killed, they stop themselves."""
    with demo("--flights", "60000") as process:
        wait_for(lambda: len(children(process.pid)) >= 4)
        started = children(process.pid)
        process.send_signal(number)
        out, err = process.communicate(timeout=DEADLINE)
        assert process.returncode == code
        assert "Traceback" not in out + err
        wait_for(lambda: not alive(started))


def test_no_broker_at_the_address_is_told_within_seconds() -> None:
    """The error is one line with the address and the remedy."""
    with demo("--transport", "kafka://127.0.0.1:1", "--json") as process:
        out, err = process.communicate(timeout=15)
        assert process.returncode == 1
        assert out == ""
        [_, line] = err.strip().splitlines()
        assert line.startswith("error: no Kafka broker answers at 127.0.0.1:1")
        assert "callboard broker --port 1" in line


@pytest.mark.kafka
def test_a_given_cluster_is_left_as_it_was(apache_kafka: ApacheKafka) -> None:
    """On Apache Kafka too all totals are equal, and the run's topics are deleted."""
    cluster = AdminClient({"bootstrap.servers": apache_kafka.bootstrap})
    before = set(cluster.list_topics(timeout=10).topics)
    url = f"kafka://{apache_kafka.bootstrap}"
    with demo("--flights", "2000", "--json", "--transport", url) as process:
        out, err = process.communicate(timeout=DEADLINE)
        assert process.returncode == 0, err
        figures = json.loads(out.splitlines()[-1])
        assert (figures["mismatches"], figures["lost"]) == (0, 0)
        assert len(figures["killed"]) == 1
        assert figures["transport"] == url
    left = set(cluster.list_topics(timeout=10).topics) - before
    assert not {topic for topic in left if topic.startswith("flights-")}
