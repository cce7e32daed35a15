"""Processes and brokers that die together, on three brokers of Apache Kafka.

The demo is the judge: it computes every aircraft and airport without callboard and compares.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.apache_cluster import NODES, ApacheCluster
from support.kafka_required import started

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(300)]

_DEADLINE = 240.0
_FLIGHTS = "20000"
_BUSY = re.compile(r"\s[1-9][\d,]* of")


@pytest.fixture(scope="module")
def cluster() -> Iterator[ApacheCluster]:
    """Three brokers; what is acknowledged is in two copies at least."""
    with started(ApacheCluster({"min.insync.replicas": "2"})) as made:
        yield made


class Demo:
    """A demo that runs, and what it has said of itself."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.said.extend(self.process.stderr)

    def until_busy(self) -> dict[str, int]:
        """Return the process ids of its workers, by name, once flights are being handled."""
        deadline = time.monotonic() + 90
        while not any(_BUSY.search(line) for line in self.said):
            assert self.process.poll() is None, "".join(self.said)
            assert time.monotonic() < deadline, "".join(self.said)
            time.sleep(0.05)
        return workers(self.process.pid)

    def figures(self) -> dict[str, Any]:
        """Wait for its end and return what it printed."""
        assert self.process.stdout is not None
        code = self.process.wait(_DEADLINE)
        self._reader.join(5)
        assert code == 0, "".join(self.said)
        figures: dict[str, Any] = json.loads(self.process.stdout.read().splitlines()[-1])
        return figures


@contextmanager
def demo(cluster: ApacheCluster, *arguments: str) -> Generator[Demo]:
    """Start the demo on the cluster; kill it at the end if it still runs."""
    command = (sys.executable, "-m", "callboard", "demo", "--json", "--flights", _FLIGHTS)
    url = f"kafka://{cluster.bootstrap}"
    with subprocess.Popen(
        [*command, "--transport", url, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Demo(process)
        finally:
            process.kill()


def workers(demo: int) -> dict[str, int]:
    """Return the process ids of a demo's workers, by name."""
    found: dict[str, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            words = (stat.parent / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue  # it has ended meanwhile
        for word in words:
            if parent == demo and word.startswith("worker-"):
                found[word] = int(stat.parent.name)
    return found


def broker_killed(cluster: ApacheCluster, running: Demo) -> None:
    """Each broker in its turn dies with kill -9 and comes back."""
    running.until_busy()
    for node in NODES:
        cluster.kill(node)
        time.sleep(1.0)
        cluster.revive(node)


def broker_paused(cluster: ApacheCluster, running: Demo) -> None:
    """A broker stands still until the others have taken its place, and wakes up."""
    running.until_busy()
    cluster.pause(2)
    time.sleep(6.0)
    cluster.resume(2)


def worker_and_broker_together(cluster: ApacheCluster, running: Demo) -> None:
    """A worker sleeps beyond its session while a broker dies; both come back."""
    worker = running.until_busy()["worker-1"]
    os.kill(worker, signal.SIGSTOP)
    cluster.kill(1)
    time.sleep(5.0)
    cluster.revive(1)
    os.kill(worker, signal.SIGCONT)


@pytest.mark.skipif(sys.platform != "linux", reason="finds workers in /proc: run it on Linux")
@pytest.mark.parametrize(
    ("strike", "arguments"),
    [
        (broker_killed, ("--kills", "1")),
        (broker_paused, ("--kills", "2")),
        (worker_and_broker_together, ("--no-kill",)),
    ],
)
def test_whatever_dies_all_totals_are_equal(
    cluster: ApacheCluster,
    strike: Callable[[ApacheCluster, Demo], None],
    arguments: tuple[str, ...],
) -> None:
    """Nothing lost and nothing applied twice, row by row of 20,000 flights."""
    with demo(cluster, *arguments) as running:
        strike(cluster, running)
        figures = running.figures()
    assert (figures["mismatches"], figures["lost"]) == (0, 0)
    assert figures["flights"] == int(_FLIGHTS)
