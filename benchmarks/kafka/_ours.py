"""The workloads with callboard."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from statistics import median, quantiles

from aiokafka import AIOKafkaConsumer, TopicPartition
from google.protobuf.wrappers_pb2 import BytesValue, Int64Value, StringValue

from callboard import ActorSystem, EntityRef, send_all
from callboard.transport import DeliveryOptions, Inspector

from ._children import child
from ._messages import (
    CHUNK,
    IDS,
    MAILBOX,
    MESSAGE,
    PARTITIONS,
    STATE,
    SYSTEM,
    Meter,
    create_topics,
    fill,
    message,
    partition_of,
    state,
)

_PATIENCE = 120.0
_LOOK = 0.05
"""Seconds between looks, which are work in the process that is measured."""


async def send(bootstrap: str, n: int) -> float:
    """Send from one process that hosts nothing, some thousand at a time; messages a second."""
    return await _sending(bootstrap, n, lambda refs: send_all((ref, MESSAGE) for ref in refs))


async def send_each(bootstrap: str, n: int) -> float:
    """The same with a call for each message, gathered; messages a second."""

    async def gathered(refs: Sequence[EntityRef[BytesValue]]) -> None:
        await asyncio.gather(*(ref.send(MESSAGE) for ref in refs))

    return await _sending(bootstrap, n, gathered)


async def _sending(
    bootstrap: str, n: int, to_all: Callable[[Sequence[EntityRef[BytesValue]]], Awaitable[None]]
) -> float:
    await create_topics(bootstrap)
    async with ActorSystem(SYSTEM, transport=f"kafka://{bootstrap}", entities=()) as system:
        meters: list[EntityRef[BytesValue]] = [system.entity(Meter, each) for each in IDS]
        await meters[0].send(MESSAGE)
        began = time.perf_counter()
        for first in range(0, n, CHUNK):
            numbers = range(first, min(n, first + CHUNK))
            await to_all([meters[number % len(meters)] for number in numbers])
        return n / (time.perf_counter() - began)


async def pipeline(bootstrap: str, n: int, *, exactly_once: bool = False) -> float:
    """Handle what is there, until every state and position is written; messages a second."""
    await create_topics(bootstrap)
    await fill(bootstrap, MAILBOX, n, message)
    Meter.handled = 0
    url, delivery = f"kafka://{bootstrap}", DeliveryOptions(exactly_once=exactly_once)
    async with ActorSystem(SYSTEM, transport=url, entities=[Meter], delivery=delivery):
        return await handled_rate(bootstrap, n)


async def handled_rate(bootstrap: str, n: int) -> float:
    """Wait until the meters have so many messages, and all is written; messages a second.

    Raises:
        RuntimeError: They have another number, or all was over at once.
    """
    counted = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=SYSTEM)
    await counted.start()
    places = [TopicPartition(MAILBOX, number) for number in range(PARTITIONS)]
    try:
        began, before = 0.0, 0
        while not before:  # from the first commit on: joining the group is not the pipeline
            await asyncio.sleep(_LOOK)
            before = sum([await counted.committed(place) or 0 for place in places])
            began = time.perf_counter()
        while True:
            if Meter.handled >= n:
                # The last record of a transaction is its own, and no position moves beyond it.
                ends = await counted.end_offsets(places)
                if all([(await counted.committed(p) or 0) >= ends[p] - 1 for p in places]):
                    break
            await asyncio.sleep(_LOOK)
        rate = (n - before) / (time.perf_counter() - began) if n > before else 0.0
    finally:
        await counted.stop()
    await _verify(bootstrap, n)
    if not rate:
        raise RuntimeError("all was done within the first commit; take more messages")
    return rate


async def _verify(bootstrap: str, n: int) -> None:
    async with Inspector(f"kafka://{bootstrap}", SYSTEM) as inspector:
        states = await inspector.states(Meter)
    total = sum(Int64Value.FromString(each.value).value for each in states.values())
    if total != n:
        raise RuntimeError(f"the meters have {total:,} messages of {n:,}")


async def ask(bootstrap: str, n: int, *, percent: int) -> float:
    """Ask an entity on another node, one question after the other; milliseconds."""
    await create_topics(bootstrap)
    async with (
        child("node", bootstrap, "other"),
        ActorSystem(SYSTEM, transport=f"kafka://{bootstrap}", entities=()) as system,
    ):
        meter = system.entity(Meter, IDS[1])
        took: list[float] = []
        for number in range(n + n // 10):
            began = time.perf_counter()
            await meter.ask(Int64Value(value=1), timeout=30.0)
            if number >= n // 10:
                took.append(time.perf_counter() - began)
    return quantiles(took, n=100)[percent - 1] * 1e3


async def ask_actor(bootstrap: str, n: int) -> float:
    """Ask a named actor on another node, one question after the other; median milliseconds."""
    await create_topics(bootstrap)
    async with (
        child("actor", bootstrap, "other"),
        ActorSystem(SYSTEM, transport=f"kafka://{bootstrap}", node="asker") as system,
    ):
        echo = system.ref(f"callboard://{SYSTEM}/other/user/echo")
        took: list[float] = []
        for number in range(n + n // 10):
            began = time.perf_counter()
            await echo.ask(Int64Value(value=1), timeout=30.0)
            if number >= n // 10:
                took.append(time.perf_counter() - began)
    return median(took) * 1e3


async def takeover(bootstrap: str, n: int) -> float:
    """Kill the node an entity is on; seconds until another one answers."""
    del n
    await create_topics(bootstrap)
    async with AsyncExitStack() as stack:
        nodes = {
            name: await stack.enter_async_context(child("node", bootstrap, name))
            for name in ("one", "two")
        }
        url = f"kafka://{bootstrap}"
        system = await stack.enter_async_context(ActorSystem(SYSTEM, transport=url, entities=()))
        meter = system.entity(Meter, IDS[2])
        await asyncio.sleep(3.0)  # the group has come to rest; not what is measured
        where: StringValue = await meter.ask(StringValue(), timeout=_PATIENCE)
        nodes[where.value].kill()
        began = time.perf_counter()
        now: StringValue = await meter.ask(StringValue(), timeout=_PATIENCE)
        if now.value == where.value:
            raise RuntimeError("the node that was killed has answered")
        return time.perf_counter() - began


async def restore(bootstrap: str, n: int) -> float:
    """Start a node before a full state topic; entities a second until all partitions deliver."""
    await create_topics(bootstrap)
    await fill(bootstrap, STATE, n, state)
    return n / await _started(bootstrap, None)


async def restart(bootstrap: str, n: int) -> float:
    """The same on a disk that has the states: a node that ended, and starts again."""
    await create_topics(bootstrap)
    await fill(bootstrap, STATE, n, state)
    with tempfile.TemporaryDirectory() as folder:
        await _started(bootstrap, folder)
        return n / await _started(bootstrap, folder)


async def _started(bootstrap: str, folder: str | None) -> float:
    """Start a node; return the seconds until all partitions deliver."""
    one_each = {partition_of(each.encode()): each for each in IDS}
    url, delivery = f"kafka://{bootstrap}", DeliveryOptions(state_dir=folder)
    began = time.perf_counter()
    async with ActorSystem(SYSTEM, transport=url, entities=[Meter], delivery=delivery) as system:
        asked = (
            system.entity(Meter, each).ask(Int64Value(value=1), timeout=_PATIENCE)
            for each in one_each.values()
        )
        await asyncio.gather(*asked)
        return time.perf_counter() - began
