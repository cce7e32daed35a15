"""How long a record takes from the program that sends it to the one that reads it."""

import asyncio
import struct
import time
from statistics import quantiles

from aiokafka import AIOKafkaConsumer

from ._clients import TOPIC, VALUE, create_topic, producer
from ._server import Server

_EVERY = 0.01
_WARM_UP = 200
_POLL_MS = 1_000
_CLOCK = struct.Struct(">q")


async def end_to_end(server: Server, n: int, percent: int) -> float:
    """Send a record each 10 ms; return a percentile of what they took, in milliseconds."""
    await create_topic(server.bootstrap)
    consumer = AIOKafkaConsumer(
        TOPIC, bootstrap_servers=server.bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        reading = asyncio.create_task(_read(consumer, n + _WARM_UP))
        sending = asyncio.create_task(_send(server.bootstrap, n + _WARM_UP))
        took, _ = await asyncio.gather(reading, sending)
    finally:
        await consumer.stop()
    return quantiles(took[_WARM_UP:], n=100, method="inclusive")[percent - 1] * 1_000


async def _send(bootstrap: str, n: int) -> None:
    async with producer(bootstrap) as client:
        due = time.perf_counter()
        for _ in range(n):
            sent = _CLOCK.pack(time.perf_counter_ns())
            await client.send(TOPIC, sent + VALUE[_CLOCK.size :])
            due += _EVERY
            await asyncio.sleep(due - time.perf_counter())


async def _read(consumer: AIOKafkaConsumer, n: int) -> list[float]:
    """Return the seconds that each record took, in the order of their arrival."""
    took: list[float] = []
    while len(took) < n:
        got = await consumer.getmany(timeout_ms=_POLL_MS)
        now = time.perf_counter_ns()
        for records in got.values():
            took += [(now - _sent(record.value or b"")) / 1e9 for record in records]
    return took


def _sent(value: bytes) -> int:
    nanoseconds: int = _CLOCK.unpack_from(value)[0]
    return nanoseconds
