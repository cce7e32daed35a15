"""How many records a second go in and come out, and what that costs the broker."""

import asyncio
import time
from dataclasses import dataclass
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from ._clients import PARTITIONS, TOPIC, VALUE, create_topic, producer
from ._server import Server

_POLL_MS = 1_000


@dataclass(slots=True)
class Span:
    """Measures the block it is entered for, in which `n` records are moved.

    Attributes:
        server: the broker that moves them.
        n: how many.
        seconds: how long it took.
        cpu: how many seconds of processor time the broker had.
    """

    server: Server
    n: int
    seconds: float = 0.0
    cpu: float = 0.0

    def __enter__(self) -> Self:
        self.seconds, self.cpu = time.perf_counter(), self.server.cpu()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self.seconds
        self.cpu = self.server.cpu() - self.cpu

    def rate(self) -> float:
        """Return the records a second."""
        return self.n / self.seconds

    def cost(self) -> float:
        """Return the microseconds of the broker's processor time that a record took."""
        return self.cpu / self.n * 1e6


async def produce(server: Server, n: int) -> Span:
    """Send records one by one without waiting in between, until all are acknowledged."""
    await create_topic(server.bootstrap)
    async with producer(server.bootstrap) as client:
        await client.send_and_wait(TOPIC, VALUE, partition=0)
        with Span(server, n) as span:
            acknowledged = [
                await client.send(TOPIC, VALUE, partition=number % PARTITIONS)
                for number in range(n)
            ]
            await asyncio.gather(*acknowledged)
    return span


async def produce_batches(server: Server, n: int) -> Span:
    """Send batches that the program has made, until all are acknowledged."""
    await create_topic(server.bootstrap)
    return await fill(server, n)


async def consume(server: Server, n: int) -> Span:
    """Read from the beginning what is there."""
    await create_topic(server.bootstrap)
    await fill(server, n)
    consumer = AIOKafkaConsumer(bootstrap_servers=server.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(TOPIC, number) for number in range(PARTITIONS)])
        with Span(server, n) as span:
            left = n
            while left > 0:
                got = await consumer.getmany(timeout_ms=_POLL_MS)
                left -= sum(map(len, got.values()))
    finally:
        await consumer.stop()
    return span


async def fill(server: Server, n: int) -> Span:
    """Send records in batches of the client's usual size, until all are acknowledged."""
    async with producer(server.bootstrap) as client:
        with Span(server, n) as span:
            acknowledged: list[asyncio.Future[object]] = []
            left, partition = n, 0
            while left > 0:
                batch = client.create_batch()
                while left > 0 and batch.append(key=None, value=VALUE, timestamp=None) is not None:
                    left -= 1
                acknowledged.append(await client.send_batch(batch, TOPIC, partition=partition))
                partition = (partition + 1) % PARTITIONS
            await asyncio.gather(*acknowledged)
    return span
