"""aiokafka clients for tests, on either broker, with a deadline for everything."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import (
    AIOKafkaConsumer,
    AIOKafkaProducer,
    ConsumerRebalanceListener,
    ConsumerRecord,
    TopicPartition,
)
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

SECONDS = 15.0
"""How long a test waits for anything."""

_LOOK_EVERY = 0.01


async def until(condition: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    """Return when the condition holds.

    Raises:
        TimeoutError: It did not come to hold; `what` says what was expected.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(_LOOK_EVERY)


async def create_topic(bootstrap: str, partitions: int = 1) -> str:
    """Create a topic that no other test uses; return its name."""
    name = f"t-{secrets.token_hex(6)}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    async with asyncio.timeout(SECONDS):
        await admin.start()
        try:
            await admin.create_topics([NewTopic(name, partitions, 1)])
        finally:
            await admin.close()
    return name


@asynccontextmanager
async def producing(bootstrap: str, **options: Any) -> AsyncGenerator[AIOKafkaProducer]:
    """Give a started idempotent producer."""
    options = {"enable_idempotence": True, **options}
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, **options)
    async with asyncio.timeout(SECONDS):
        await producer.start()
    try:
        yield producer
    finally:
        async with asyncio.timeout(SECONDS):
            await producer.stop()


@asynccontextmanager
async def consuming(
    bootstrap: str,
    topic: str | None = None,
    *,
    listener: ConsumerRebalanceListener | None = None,
    **options: Any,
) -> AsyncGenerator[AIOKafkaConsumer]:
    """Give a started consumer that commits nothing by itself; `topic` subscribes it.

    With a topic it has not joined its group yet: that takes its first `getmany`
    or a wait for the listener.
    """
    options = {
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "fetch_max_wait_ms": 100,
        "heartbeat_interval_ms": 100,
        "partition_assignment_strategy": (RoundRobinPartitionAssignor,),
        **options,
    }
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, **options)
    async with asyncio.timeout(SECONDS):
        await consumer.start()
    try:
        if topic is not None:
            consumer.subscribe([topic], listener=listener)
        yield consumer
    finally:
        async with asyncio.timeout(SECONDS):
            await consumer.stop()


async def write(bootstrap: str, topic: str, count: int, *, partition: int = 0) -> None:
    """Append the records `0`, `1`, ... to a partition."""
    async with producing(bootstrap, linger_ms=5) as producer, asyncio.timeout(SECONDS):
        acknowledged = [
            await producer.send(topic, str(number).encode(), partition=partition)
            for number in range(count)
        ]
        await asyncio.gather(*acknowledged)


async def take(consumer: AIOKafkaConsumer, count: int) -> list[ConsumerRecord[bytes, bytes]]:
    """Return the next records, at least so many, in the order they were handed out."""
    taken: list[ConsumerRecord[bytes, bytes]] = []
    async with asyncio.timeout(SECONDS):
        while len(taken) < count:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                taken.extend(records)
    return taken


async def read_all(bootstrap: str, topic: str, *, partition: int = 0) -> list[bytes | None]:
    """Return the values of everything a partition holds now, without a group."""
    place = TopicPartition(topic, partition)
    async with consuming(bootstrap) as consumer:
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        return [record.value for record in await take(consumer, end)]


class Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]
    """Records what a group tells a member, and lets a test act in the middle of it.

    Attributes:
        revoked: One entry a call: what was revoked.
        assigned: One entry a call that was *begun*: what was assigned.
        in_assigned: Whether such a call is running.
    """

    def __init__(
        self,
        *,
        on_revoked: Callable[[frozenset[TopicPartition]], Awaitable[object]] | None = None,
        on_assigned: Callable[[frozenset[TopicPartition]], Awaitable[object]] | None = None,
    ) -> None:
        self._on_revoked = on_revoked
        self._on_assigned = on_assigned
        self.revoked: list[Sequence[TopicPartition]] = []
        self.assigned: list[Sequence[TopicPartition]] = []
        self.in_assigned = False

    # The client awaits what these return, whatever its annotations say.
    async def on_partitions_revoked(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, revoked: frozenset[TopicPartition]
    ) -> None:
        """See aiokafka."""
        self.revoked.append(sorted(revoked))
        if self._on_revoked is not None:
            await self._on_revoked(revoked)

    async def on_partitions_assigned(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, assigned: frozenset[TopicPartition]
    ) -> None:
        """See aiokafka."""
        self.assigned.append(sorted(assigned))
        if self._on_assigned is not None:
            self.in_assigned = True
            await self._on_assigned(assigned)
            self.in_assigned = False
