"""A system with consumers on a broker, and what tests of them wait for."""

import asyncio
import uuid
from collections.abc import Callable, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from google.protobuf.wrappers_pb2 import Int64Value

from callboard import ActorSystem, Entity
from callboard.supervision import Backoff, RetryPolicy
from callboard.transport import Quarantine, QuarantinedMessage
from callboard.transport.delivery import partition_for

QUICK = RetryPolicy(max_attempts=3, backoff=Backoff(0.01, 0.05))
"""Three attempts without much waiting."""

Row = tuple[str | bytes | None, bytes | None]


def fresh(name: str) -> str:
    """Return a name of the test's own, since Apache Kafka serves the whole run."""
    return f"{name}-{uuid.uuid4().hex[:8]}"


def shop(broker_url: str, name: str, node: str = "one", **kwargs: object) -> ActorSystem:
    """Return a node of a system that may host any kind."""
    entities: Sequence[type[Entity]] | None = None
    return ActorSystem(
        name,
        transport=f"kafka://{broker_url}?session_timeout=6",
        node=node,
        entities=entities,
        **kwargs,  # type: ignore[arg-type] # of the constructor
    )


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def make_topic(broker_url: str, topic: str, partitions: int = 4) -> None:
    """Create a topic, as another team would have."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker_url)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, partitions, 1)])
    finally:
        await admin.close()


async def write(broker_url: str, topic: str, rows: Sequence[Row], partitions: int = 4) -> None:
    """Write records as a program without callboard does: key and value, no headers."""
    producer = AIOKafkaProducer(bootstrap_servers=broker_url)
    await producer.start()
    try:
        for key, value in rows:
            raw = key.encode() if isinstance(key, str) else key
            where = partition_for(raw, partitions) if raw else 0
            await producer.send_and_wait(topic, value, key=raw, partition=where)
    finally:
        await producer.stop()


async def parked(broker_url: str, system: str, consumer: str) -> list[QuarantinedMessage]:
    """Return what a consumer has in quarantine."""
    async with Quarantine(f"kafka://{broker_url}", system) as desk:
        return await desk.messages(consumer)


def number(value: int) -> bytes:
    """Return the bytes of a number."""
    return Int64Value(value=value).SerializeToString()


async def until_parked(broker_url: str, system: str, count: int) -> list[QuarantinedMessage]:
    """Wait until a consumer called on_order has so much in quarantine, and return it."""
    async with asyncio.timeout(20):
        while len(found := await parked(broker_url, system, "on_order")) < count:
            await asyncio.sleep(0.05)
    return found
