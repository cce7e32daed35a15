"""The same work with aiokafka alone: record by record, and in batches built by hand."""

import asyncio
import itertools
import time
from contextlib import AsyncExitStack
from statistics import quantiles
from typing import Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from google.protobuf.wrappers_pb2 import BytesValue, Int64Value

from ._children import REPLIES, REQUESTS, STATES, child
from ._messages import (
    CHUNK,
    IDS,
    MAILBOX,
    PARTITIONS,
    STATE,
    SYSTEM,
    Record,
    append,
    create_topics,
    fill,
    message,
    state,
)

_MOST = 1_000
_PATIENCE = 120.0
_BATCH_BYTES = 512 * 1024
_USUAL_BATCH_BYTES = 16 * 1024
"""The client's own default."""


async def send(bootstrap: str, n: int) -> float:
    """Send record by record, a thousand under way at a time; messages a second."""
    await create_topics(bootstrap)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
    await producer.start()
    try:
        began = time.perf_counter()
        for first in range(0, n, CHUNK):
            sent: list[asyncio.Future[object]] = []
            for number in range(first, min(n, first + CHUNK)):
                key, value, headers = message(number)
                sent.append(await producer.send(MAILBOX, value, key=key, headers=headers))
            await asyncio.gather(*sent)
        return n / (time.perf_counter() - began)
    finally:
        await producer.stop()


async def send_batches(bootstrap: str, n: int) -> float:
    """Send batches built by hand, a thousand messages at a time; messages a second."""
    await create_topics(bootstrap)
    producer = _batching(bootstrap)
    await producer.start()
    try:
        began = time.perf_counter()
        for first in range(0, n, CHUNK):
            numbers = range(first, min(n, first + CHUNK))
            await append(producer, MAILBOX, (message(number) for number in numbers))
        return n / (time.perf_counter() - began)
    finally:
        await producer.stop()


async def pipeline(bootstrap: str, n: int, *, batches: bool, exactly_once: bool = False) -> float:
    """Read, decode, count, write the states, commit; messages a second.

    The states of one read are written once per entity, as callboard does in a flush; in a
    transaction with the commit, if wanted.
    """
    await create_topics(bootstrap)
    await fill(bootstrap, MAILBOX, n, message)
    return await counted_rate(bootstrap, n, batches=batches, exactly_once=exactly_once)


async def counted_rate(bootstrap: str, n: int, *, batches: bool, exactly_once: bool) -> float:
    """Handle so many messages of a topic, as `pipeline` says; messages a second."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        enable_idempotence=True,
        transactional_id=SYSTEM if exactly_once else None,
        max_batch_size=_BATCH_BYTES if batches else _USUAL_BATCH_BYTES,
    )
    consumer = AIOKafkaConsumer(
        MAILBOX,
        bootstrap_servers=bootstrap,
        group_id=SYSTEM,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
    )
    await producer.start()
    await consumer.start()
    counts: dict[bytes, Int64Value] = {}
    try:
        began, done, before = 0.0, 0, 0
        while done < n:
            fetched = await consumer.getmany(timeout_ms=1_000, max_records=_MOST)
            changed: set[bytes] = set()
            for records in fetched.values():
                for record in records:
                    BytesValue.FromString(record.value or b"")
                    key = record.key or b""
                    counts.setdefault(key, Int64Value()).value += 1
                    changed.add(key)
                done += len(records)
            if exactly_once:
                await producer.begin_transaction()
            states: list[Record] = [(key, counts[key].SerializeToString(), []) for key in changed]
            if batches:
                await append(producer, STATE, states)
            else:
                sent = [await producer.send(STATE, value, key=key) for key, value, _ in states]
                await asyncio.gather(*sent)
            if exactly_once:
                reached = {place: await consumer.position(place) for place in fetched}
                if reached:
                    await producer.send_offsets_to_transaction(reached, SYSTEM)
                await producer.commit_transaction()
            else:
                await consumer.commit()
            if not began and done:
                began, before = time.perf_counter(), done
        rate = (n - before) / (time.perf_counter() - began)
    finally:
        await consumer.stop()
        await producer.stop()
    total = sum(each.value for each in counts.values())
    if total != n:
        raise RuntimeError(f"counted {total:,} messages of {n:,}")
    return rate


class _Asker:
    """Asks over two topics, and finds the answers."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
        self._consumer = AIOKafkaConsumer(
            REPLIES, bootstrap_servers=bootstrap, auto_offset_reset="latest"
        )
        self._waiting: dict[bytes, asyncio.Future[str]] = {}
        self._numbers = itertools.count()

    async def __aenter__(self) -> Self:
        await self._producer.start()
        await self._consumer.start()
        await self._consumer.seek_to_end()
        for place in self._consumer.assignment():
            await self._consumer.position(place)
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        await self._consumer.stop()
        await self._producer.stop()

    async def ask(self, key: str) -> str:
        """Return the name of the process that has answered."""
        number = str(next(self._numbers)).encode()
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        value = Int64Value(value=1).SerializeToString()
        await self._producer.send_and_wait(
            REQUESTS, value, key=key.encode(), headers=[("correlation", number)]
        )
        async with asyncio.timeout(_PATIENCE):
            return await answer

    async def _listen(self) -> None:
        async for record in self._consumer:
            headers = dict(record.headers)
            answer = self._waiting.pop(headers["correlation"], None)
            if answer is not None:
                answer.set_result(headers["node"].decode())


async def ask(bootstrap: str, n: int, *, percent: int, stateful: bool = True) -> float:
    """Ask over two topics; milliseconds.

    Stateful, a state is acknowledged before the answer, and the position after it.
    """
    await _topics(bootstrap)
    kind = "replier" if stateful else "echo"
    async with child(kind, bootstrap, "other"), _Asker(bootstrap) as asker:
        took: list[float] = []
        for number in range(n + n // 10):
            began = time.perf_counter()
            await asker.ask(IDS[1])
            if number >= n // 10:
                took.append(time.perf_counter() - began)
    return quantiles(took, n=100)[percent - 1] * 1e3


async def takeover(bootstrap: str, n: int) -> float:
    """Kill the process that answers for a key; seconds until another one of the group does."""
    del n
    await _topics(bootstrap)
    async with AsyncExitStack() as stack:
        repliers = {"one": await stack.enter_async_context(child("replier", bootstrap, "one"))}
        repliers["two"] = await stack.enter_async_context(child("replier", bootstrap, "two"))
        asker = await stack.enter_async_context(_Asker(bootstrap))
        await asyncio.sleep(3.0)  # the group has come to rest; not what is measured
        where = await asker.ask(IDS[2])
        repliers[where].kill()
        began = time.perf_counter()
        if await asker.ask(IDS[2]) == where:
            raise RuntimeError("the process that was killed has answered")
        return time.perf_counter() - began


async def restore(bootstrap: str, n: int) -> float:
    """Read a state topic from its start into a dict of messages; entities a second."""
    await create_topics(bootstrap)
    await fill(bootstrap, STATE, n, state)
    began = time.perf_counter()
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        places = [TopicPartition(STATE, number) for number in range(PARTITIONS)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        states: dict[bytes, Int64Value] = {}
        left = sum(ends.values())
        while left > 0:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                left -= len(records)
                for record in records:
                    states[record.key or b""] = Int64Value.FromString(record.value or b"")
        if len(states) != n:
            raise RuntimeError(f"restored {len(states):,} of {n:,}")
        return n / (time.perf_counter() - began)
    finally:
        await consumer.stop()


def _batching(bootstrap: str) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap, enable_idempotence=True, max_batch_size=_BATCH_BYTES
    )


async def _topics(bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        wanted = [NewTopic(REQUESTS, PARTITIONS, 1), NewTopic(REPLIES, 4, 1)]
        await admin.create_topics([*wanted, NewTopic(STATES, PARTITIONS, 1)])
    finally:
        await admin.close()
