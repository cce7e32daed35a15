"""One node before a large backlog: its memory is bounded by what it has in flight."""

import asyncio
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from ..broker import running, servers
from ._children import child
from ._messages import MAILBOX, PARTITIONS, SYSTEM, create_topics, fill, message
from ._suite import broker_behind

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a node needed to work on a backlog.

    Attributes:
        messages: In the backlog when the node started.
        handled: Of them, while it was looked at.
        seconds: For how long.
        resident_start_mb: Memory of the node's process when it had joined.
        resident_peak_mb: The most it had.
        resident_end_mb: What it had last.
    """

    messages: int
    handled: int
    seconds: float
    resident_start_mb: float
    resident_peak_mb: float
    resident_end_mb: float


async def measure_backlog(messages: int, seconds: float, broker: str) -> Backlog:
    """Fill a mailbox, start a node, and look at its memory once a second.

    Args:
        messages: How many, of 200 bytes each.
        seconds: How long to look, at most; less when the node is done.
        broker: `embedded` or `apache`.

    Raises:
        UnknownChoice: There is no such broker.
        RuntimeError: The broker cannot be started here; says why.
    """
    behind = broker_behind(broker)
    if behind.missing is not None:
        raise RuntimeError(behind.missing)
    async with running(servers(behind.name, behind.arguments)) as server:
        await create_topics(server.bootstrap)
        await fill(server.bootstrap, MAILBOX, messages, message)
        async with child("worker", server.bootstrap, "only") as node:
            return await _watch(server.bootstrap, node.pid, messages, seconds)


async def _watch(bootstrap: str, pid: int, messages: int, seconds: float) -> Backlog:
    counter = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=SYSTEM)
    await counter.start()
    places = [TopicPartition(MAILBOX, number) for number in range(PARTITIONS)]
    began = time.perf_counter()
    start = last = peak = _resident(pid)
    done = 0
    try:
        while time.perf_counter() - began < seconds and done < messages:
            await asyncio.sleep(1.0)
            done = sum([await counter.committed(place) or 0 for place in places])
            last = _resident(pid)
            peak = max(peak, last)
    finally:
        await counter.stop()
    took = time.perf_counter() - began
    return Backlog(messages, min(done, messages), took, start, peak, last)


def _resident(pid: int) -> float:
    if sys.platform != "linux":
        raise RuntimeError("memory is read from /proc: run on Linux")
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / _MEGABYTE
