"""aiokafka's clients as every broker gets them, and what is sent."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

PARTITIONS = 4
TOPIC = "bench"
VALUE = bytes(range(200))
"""A record's value; it has no key."""

_RETRY_SECONDS = 0.1


@contextlib.asynccontextmanager
async def producer(bootstrap: str) -> AsyncGenerator[Any]:
    """Give a producer that wants everything acknowledged, with its usual settings otherwise."""
    client = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


async def create_topic(bootstrap: str, name: str = TOPIC, partitions: int = PARTITIONS) -> None:
    """Create a topic, as soon as the broker is ready for it.

    A port may be open before there is anybody who can create: the caller has the deadline.
    """
    while True:
        try:
            await _create(bootstrap, name, partitions)
            return
        except KafkaError:
            await asyncio.sleep(_RETRY_SECONDS)


async def _create(bootstrap: str, name: str, partitions: int) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        await client.create_topics([NewTopic(name, partitions, 1)])
        # Who is the leader may be known later than that there is a topic.
        described = await client.describe_topics([name])
        if len(described[0]["partitions"]) < partitions:
            raise KafkaError(f"{name} has no leaders yet")
    finally:
        await client.close()
