"""Consumers: decode, call, commit what was handled; with callboard, and by hand."""

import asyncio
import time
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from google.protobuf.wrappers_pb2 import BytesValue

from callboard import ActorSystem

from ._messages import MAILBOX, PARTITIONS, create_topics, fill, message

_MOST = 1_000
_PATIENCE = 120.0
_SYSTEM = "consuming"
_LOOK = 0.01


class _Handled:
    """What a consumer's function does, in one of three ways: count, and know when it is over."""

    def __init__(self, wanted: int) -> None:
        self.count = 0
        self.wanted = wanted
        self.before = 0
        self.began = 0.0
        self.done = asyncio.Event()

    def plain(self, message: BytesValue) -> None:
        """Take a message."""
        self._add(len(message.value) > 0)

    async def asynchronous(self, message: BytesValue) -> None:
        """Take a message."""
        self._add(len(message.value) > 0)

    async def batch(self, messages: list[BytesValue]) -> None:
        """Take messages."""
        self._add(sum(len(message.value) > 0 for message in messages))

    def rate(self) -> float:
        """Return messages a second since the first ones, which are not counted."""
        if self.count != self.wanted:
            raise RuntimeError(f"handled {self.count:,} messages of {self.wanted:,}")
        return (self.wanted - self.before) / (time.perf_counter() - self.began)

    def _add(self, number: int) -> None:
        self.count += number
        if not self.began:
            self.began, self.before = time.perf_counter(), self.count
        if self.count >= self.wanted:
            self.done.set()


async def consume(bootstrap: str, n: int, *, way: str) -> float:
    """Feed a function until all is handled and committed; messages a second."""
    await create_topics(bootstrap)
    await fill(bootstrap, MAILBOX, n, message)
    handled = _Handled(n)
    system = ActorSystem(_SYSTEM, transport=f"kafka://{bootstrap}", node="one")
    system.consumer(MAILBOX, name="count")(getattr(handled, way))
    committed = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=f"{_SYSTEM}.count")
    await committed.start()
    places = [TopicPartition(MAILBOX, number) for number in range(PARTITIONS)]
    try:
        async with system, asyncio.timeout(_PATIENCE):
            await handled.done.wait()
            # Nobody is told of a commit.
            while sum([await committed.committed(at) or 0 for at in places]) < n:  # noqa: ASYNC110
                await asyncio.sleep(_LOOK)
            return handled.rate()
    finally:
        await committed.stop()


async def consume_by_hand(bootstrap: str, n: int, *, way: str) -> float:
    """Read, decode, call, commit after each read; messages a second."""
    await create_topics(bootstrap)
    await fill(bootstrap, MAILBOX, n, message)
    handled = _Handled(n)
    consumer = AIOKafkaConsumer(
        MAILBOX,
        bootstrap_servers=bootstrap,
        group_id=_SYSTEM,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        while handled.count < n:
            fetched = await consumer.getmany(timeout_ms=1_000, max_records=_MOST)
            await _handle(handled, way, fetched)
            if fetched:
                await consumer.commit()
        return handled.rate()
    finally:
        await consumer.stop()


async def _handle(handled: _Handled, way: str, fetched: dict[Any, Any]) -> None:
    for records in fetched.values():
        messages = [BytesValue.FromString(record.value) for record in records]
        match way:
            case "plain":
                for each in messages:
                    handled.plain(each)
            case "asynchronous":
                for each in messages:
                    await handled.asynchronous(each)
            case _:
                await handled.batch(messages)
