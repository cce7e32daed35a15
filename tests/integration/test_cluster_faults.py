"""Processes and brokers that die, sleep or are cut off, on three brokers of Apache Kafka.

Two judges: a bank whose books show every message by its number, and the demo, which computes
every aircraft and airport without callboard and compares.
"""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from support.apache_cluster import NODES, ApacheCluster
from support.cut_proxy import CutProxy
from support.fault_run import SESSION, FaultRun
from support.server_required import started

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(300)]

_DEADLINE = 240.0
_FLIGHTS = "20000"
_BUSY = re.compile(r"\s[1-9][\d,]* of")


@pytest.fixture(scope="module")
def proxy() -> Iterator[CutProxy]:
    """A way to the brokers that can be cut."""
    with CutProxy(len(NODES)) as made:
        yield made


@pytest.fixture(scope="module")
def cluster(proxy: CutProxy) -> Iterator[ApacheCluster]:
    """Three brokers; what is acknowledged is in two copies at least."""
    made = ApacheCluster({"min.insync.replicas": "2"}, detour=proxy.ports)
    with started(made):
        proxy.lead_to(made.detour_ports)
        yield made


async def node_killed(run: FaultRun) -> None:
    """Both nodes in turn die with kill -9; another one starts each time."""
    for victim, other, successor in (("one", "two", "three"), ("two", "three", "four")):
        run.strike("kill -9")
        run.signal(victim, signal.SIGKILL)
        await run.until_shared(other)
        await run.until_at_work()
        run.strike("join")
        run.start(successor)
        await run.until_shared(other, successor)
        await run.until_at_work()


async def node_came_back(run: FaultRun) -> None:
    """A node dies with kill -9, and starts at once with what it has on disk; three times."""
    for _ in range(3):
        run.strike("kill -9, and back")
        run.signal("one", signal.SIGKILL)
        await run.ended("one")
        run.start("one", by_proxy=True)
        await run.until_shared("one", "two")
        await run.until_at_work()


async def node_slept(run: FaultRun) -> None:
    """A node is stopped beyond its session, replaced, and goes on as if nothing had been."""
    run.strike("SIGSTOP")
    run.signal("one", signal.SIGSTOP)
    await run.until_shared("two")
    await run.until_at_work()
    run.strike("SIGCONT")
    run.signal("one", signal.SIGCONT)
    await run.until_shared("one", "two")


async def node_cut_off(run: FaultRun) -> None:
    """All that a node sends and receives is held beyond its session, then delivered.

    What it had on the way is the last that is written: its successor is idle by then. The
    node that reads the states next must not be taken in.
    """
    for _ in range(2):
        run.strike("cut off")
        run.proxy.hold()
        await run.until_shared("two")
        await run.until_at_work()
        await run.quiet()
        run.proxy.release()
        await run.until_shared("one", "two")
        run.go_on()
        run.strike("connected again")
        await run.until_at_work()


async def connections_reset(run: FaultRun) -> None:
    """Every connection of a node breaks, again and again."""
    run.strike("resets")
    for _ in range(16):
        assert run.proxy.reset() > 0
        await asyncio.sleep(0.5)  # long enough to be connected again, and at work
    await run.until_shared("one", "two")


async def node_told_to_end(run: FaultRun) -> None:
    """A node joins, and one that was there drains and leaves at SIGTERM."""
    run.strike("join")
    run.start("three")
    await run.until_shared("one", "two", "three")
    await run.until_at_work()
    run.strike("SIGTERM")
    run.signal("two", signal.SIGTERM)
    assert await run.ended("two") == 0
    await run.until_shared("one", "three")
    await run.until_at_work()
    # What was in hand was finished and committed before the partitions went.
    assert run.skipped() <= 50


async def broker_killed(run: FaultRun) -> None:
    """The broker that leads the group, and some of the mailboxes, dies with kill -9."""
    broker = await asyncio.to_thread(run.coordinator)
    assert broker in await asyncio.to_thread(run.leaders)
    run.strike("broker killed")
    run.cluster.kill(broker)
    await asyncio.sleep(SESSION)  # its death has then been noticed by everybody
    await run.until_at_work()
    run.strike("broker back")
    await asyncio.to_thread(run.cluster.revive, broker)
    await run.until_shared("one", "two")


async def broker_slept(run: FaultRun) -> None:
    """The broker that leads the group is stopped until others have its place, and goes on."""
    broker = await asyncio.to_thread(run.coordinator)
    run.strike("broker stopped")
    run.cluster.pause(broker)
    await asyncio.sleep(2 * SESSION)
    run.strike("broker goes on")
    run.cluster.resume(broker)
    await run.until_at_work()
    await run.until_shared("one", "two")


async def brokers_restarted(run: FaultRun) -> None:
    """Each broker ends in good order and starts again, as in an upgrade of the cluster."""
    for broker in NODES:
        run.strike(f"restart of broker {broker}")
        await asyncio.to_thread(run.cluster.restart, broker)
        await run.until_at_work()
    await run.until_shared("one", "two")


async def node_and_broker_killed(run: FaultRun) -> None:
    """A node and the broker that would miss it die at the same moment."""
    broker = await asyncio.to_thread(run.coordinator)
    run.strike("node and broker killed")
    run.signal("one", signal.SIGKILL)
    run.cluster.kill(broker)
    await run.until_shared("two")
    await run.until_at_work()
    run.strike("broker back, node joins")
    run.start("three")
    await asyncio.to_thread(run.cluster.revive, broker)
    await run.until_shared("two", "three")


@pytest.mark.parametrize(
    ("strike", "exactly_once"),
    [
        *((row, False) for row in (node_killed, node_came_back, node_slept, node_cut_off)),
        *((row, False) for row in (connections_reset, node_told_to_end, broker_killed)),
        *((row, False) for row in (broker_slept, brokers_restarted, node_and_broker_killed)),
        *((row, True) for row in (node_came_back, node_cut_off, broker_killed)),
    ],
)
async def test_what_was_acknowledged_is_applied_once_and_in_order(
    cluster: ApacheCluster,
    proxy: CutProxy,
    tmp_path: Path,
    strike: Callable[[FaultRun], Awaitable[None]],
    exactly_once: bool,
) -> None:
    """Transfer by transfer: debits, the credits they sent, and what those sent to the ledger."""
    try:
        async with FaultRun(cluster, proxy, tmp_path, exactly_once=exactly_once) as run:
            await strike(run)
            await run.settled()
            print(f"\n{strike.__name__}: {run.report()}")
            await run.check()
    finally:  # the next row starts on a whole cluster, whatever this one came to
        proxy.release()
        await asyncio.to_thread(cluster.heal)


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


def each_broker_killed(cluster: ApacheCluster, running: Demo) -> None:
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
    with suppress(ProcessLookupError):  # the demo may have killed it meanwhile
        os.kill(worker, signal.SIGCONT)


@pytest.mark.skipif(sys.platform != "linux", reason="finds workers in /proc: run it on Linux")
@pytest.mark.parametrize(
    ("strike", "arguments"),
    [
        (each_broker_killed, ("--kills", "1")),
        (broker_paused, ("--kills", "2")),
        (worker_and_broker_together, ("--no-kill",)),
        (worker_and_broker_together, ("--kills", "3")),
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
