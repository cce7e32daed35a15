"""The three legacy brokers as one kind of thing: filled, looked into, and declared as a source."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import aio_pika
import stompman
from redis.asyncio import Redis
from support.activemq import ActiveServer
from support.legacy import LegacyServer
from support.rabbitmq import RabbitServer
from support.redis_server import RedisServer

from callboard import ActiveMQ

QUEUE = "departures"
_PIECE = 500


class Legacy(NamedTuple):
    """One of them.

    Attributes:
        server: Makes the server.
        source: Name of the class of its source.
        declared: What makes the source, with {url!r} in place of a URL.
        fill: Puts numbers into the queue, as text, each with an id.
        left: Returns how many messages are not acknowledged.
    """

    server: Callable[[], LegacyServer]
    source: str
    declared: str
    fill: Callable[[LegacyServer, range], Awaitable[None]]
    left: Callable[[LegacyServer], Awaitable[int]]


async def _fill_rabbit(server: LegacyServer, numbers: range) -> None:
    async with await aio_pika.connect(server.url) as connection:
        channel = await connection.channel(publisher_confirms=True)
        await channel.declare_queue(QUEUE, durable=True)
        for begin in range(0, len(numbers), _PIECE):
            await asyncio.gather(
                *(
                    channel.default_exchange.publish(
                        aio_pika.Message(
                            str(number).encode(),
                            message_id=f"departure-{number}",
                            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                        ),
                        QUEUE,
                    )
                    for number in numbers[begin : begin + _PIECE]
                )
            )


async def _left_in_rabbit(server: LegacyServer) -> int:
    async with await aio_pika.connect(server.url) as connection:
        channel = await connection.channel()
        found = await channel.declare_queue(QUEUE, passive=True)
        return found.declaration_result.message_count or 0


async def _fill_active(server: LegacyServer, numbers: range) -> None:
    at = stompman.ConnectionParameters("127.0.0.1", server.port, "", "")
    async with stompman.Client([at]) as client:
        for number in numbers:
            await client.send(
                str(number).encode(),
                f"/queue/{QUEUE}",
                headers={"persistent": "true"},
                # In the order of one connection: the last of a piece stands for all before it.
                receipt_timeout=30.0 if number % _PIECE == _PIECE - 1 else None,
            )


async def _left_in_active(server: LegacyServer) -> int:
    async with ActiveMQ(server.url, queue=QUEUE).session() as session:
        try:
            async with asyncio.timeout(2.0):
                return len(await session.take(1_000))
        except TimeoutError:
            return 0


async def _fill_redis(server: LegacyServer, numbers: range) -> None:
    async with Redis.from_url(server.url) as client:
        for begin in range(0, len(numbers), _PIECE):
            async with client.pipeline(transaction=False) as pipe:
                for number in numbers[begin : begin + _PIECE]:
                    pipe.xadd(QUEUE, {"body": str(number)})
                await pipe.execute()


async def _left_in_redis(server: LegacyServer) -> int:
    async with Redis.from_url(server.url, decode_responses=True) as client:
        (group,) = await client.xinfo_groups(QUEUE)
        return int(group["pending"]) + int(group["lag"])


LEGACY = {
    "rabbitmq": Legacy(
        RabbitServer,
        "RabbitMQ",
        "RabbitMQ({url!r} + '?heartbeat=2', queue='departures', idle=1.0, timeout=5.0)",
        _fill_rabbit,
        _left_in_rabbit,
    ),
    "activemq": Legacy(
        ActiveServer,
        "ActiveMQ",
        "ActiveMQ({url!r}, queue='departures', idle=5.0, timeout=5.0)",
        _fill_active,
        _left_in_active,
    ),
    "redis": Legacy(
        RedisServer,
        "RedisStreams",
        "RedisStreams({url!r}, stream='departures', field='body', idle=1.0, timeout=2.0)",
        _fill_redis,
        _left_in_redis,
    ),
}
"""By name."""
