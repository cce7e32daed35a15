"""What a broker does while nobody wants anything of it but to be there."""

import asyncio
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer

from ._clients import TOPIC, create_topic
from ._server import Server

_MEMBERS = 10
_LOOK_EVERY = 0.1
_SETTLE = 2.0
_SECONDS = 10.0


async def idle(server: Server, n: int) -> float:
    """Return the share of a core that consumers cost who wait for records, in percent.

    They are members of groups of ten, each with a partition of a topic of its group.
    """
    groups = range(max(1, n // _MEMBERS))
    for group in groups:
        await create_topic(server.bootstrap, f"{TOPIC}-{group}", _MEMBERS)
    consumers = [
        AIOKafkaConsumer(
            f"{TOPIC}-{group}", bootstrap_servers=server.bootstrap, group_id=f"group-{group}"
        )
        for group in groups
        for _ in range(_MEMBERS)
    ]
    try:
        await asyncio.gather(*(consumer.start() for consumer in consumers))
        await _settled(consumers)
        cpu, begun = server.cpu(), time.perf_counter()
        await asyncio.sleep(_SECONDS)
        return 100 * (server.cpu() - cpu) / (time.perf_counter() - begun)
    finally:
        await asyncio.gather(*(consumer.stop() for consumer in consumers))


async def _settled(consumers: Sequence[AIOKafkaConsumer]) -> None:
    """Wait until each has its partition, and the requests about that are over."""
    while any(len(one.assignment()) != 1 for one in consumers):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(_LOOK_EVERY)
    await asyncio.sleep(_SETTLE)
