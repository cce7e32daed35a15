"""Legacy queues that are full before the clock starts, and how a loop by hand takes from them."""

import asyncio
import json
import os
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from callboard import ActiveMQ, RabbitMQ, RedisStreams
from callboard.transport.bridges import OutgoingMessage, Source

from ._messages import IDS, MESSAGE

VARIABLES = {"rabbitmq": "RABBITMQ_URL", "activemq": "ACTIVEMQ_URL", "redis": "REDIS_URL"}
"""Where each broker is, by the workloads' names."""
PREFETCH, _MOST, _PIECE = 1_000, 500, 1_000

Taken = Sequence[tuple[str, bytes]]
"""Ids and bodies."""


class Loop(Protocol):
    """A queue as a program sees it that uses the client library itself."""

    async def take(self) -> Taken:
        """Return some messages, at least one."""
        ...

    async def acknowledge(self) -> None:
        """Have the broker forget what was taken."""
        ...


class FullQueue(NamedTuple):
    """A queue with messages in it.

    Attributes:
        source: As a bridge declares it.
        by_hand: Opens it without callboard.
        remove: Deletes it.
    """

    source: Source
    by_hand: Callable[[], AbstractAsyncContextManager[Loop]]
    remove: Callable[[], Awaitable[object]]


@asynccontextmanager
async def full_queue(kind: str, n: int) -> AsyncGenerator[FullQueue]:
    """Give a queue of its own with messages to meters, as JSON, each with an id."""
    queue = await _MAKERS[kind](os.environ[VARIABLES[kind]], f"callboard-bench-{uuid.uuid4().hex}")
    try:
        destination: Any = queue.source  # it is written as it is read
        async with destination.sending() as sending:
            for first in range(0, n, _PIECE):
                numbers = range(first, min(n, first + _PIECE))
                await sending.send([_message(number) for number in numbers])
        yield queue
    finally:
        await queue.remove()


def _message(number: int) -> OutgoingMessage:
    body = {"meter": IDS[number % len(IDS)], "data": MESSAGE.value.hex()}
    return OutgoingMessage(f"m-{number}", json.dumps(body).encode(), {"message-id": f"m-{number}"})


# -- RabbitMQ ---------------------------------------------------------------------------


async def _rabbitmq(url: str, name: str) -> FullQueue:
    import aio_pika  # noqa: PLC0415 - an extra

    connection = await aio_pika.connect(url)
    channel = await connection.channel()
    await channel.declare_queue(name, durable=True)

    async def remove() -> None:
        await channel.queue_delete(name)
        await connection.close()

    source = RabbitMQ(url, queue=name, prefetch=PREFETCH)
    return FullQueue(source, lambda: _rabbit_loop(url, name), remove)


@asynccontextmanager
async def _rabbit_loop(url: str, name: str) -> AsyncGenerator[Loop]:
    import aio_pika  # noqa: PLC0415 - an extra

    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=PREFETCH)
        loop = _Collected(lambda each: (str(each.message_id), each.body))
        loop.end = lambda last: last.ack(multiple=True)
        queue = await channel.declare_queue(name, passive=True)
        await queue.consume(loop.came)
        yield loop


class _Collected:
    """Collects what a client library gives to a callback."""

    end: Callable[[Any], Awaitable[object]]
    """Acknowledges the last one, and all before it."""

    def __init__(self, read: Callable[[Any], tuple[str, bytes]]) -> None:
        self._read = read
        self._waiting: list[Any] = []
        self._taken: list[Any] = []
        self._arrived = asyncio.Event()

    async def came(self, message: Any) -> None:
        self._waiting.append(message)
        self._arrived.set()

    async def take(self) -> Taken:
        await self._arrived.wait()
        self._taken = self._waiting[:_MOST]
        del self._waiting[:_MOST]
        if not self._waiting:
            self._arrived.clear()
        return [self._read(each) for each in self._taken]

    async def acknowledge(self) -> None:
        await self.end(self._taken[-1])


# -- ActiveMQ ---------------------------------------------------------------------------


async def _activemq(url: str, name: str) -> FullQueue:
    async def remove() -> None:
        """The broker removes what is empty and unused, if it is told to at all."""

    source = ActiveMQ(url, queue=name, prefetch=PREFETCH)
    return FullQueue(source, lambda: _active_loop(url, name), remove)


@asynccontextmanager
async def _active_loop(url: str, name: str) -> AsyncGenerator[Loop]:
    import stompman  # noqa: PLC0415 - an extra

    at = urlsplit(url)
    server = stompman.ConnectionParameters(
        at.hostname or "", at.port or 61613, unquote(at.username or ""), at.password or ""
    )
    async with stompman.Client([server]) as client:
        loop = _Collected(lambda each: (str(each.headers["message-id"]), each.body))
        loop.end = lambda last: last.ack()
        subscription = await client.subscribe_with_manual_ack(
            f"/queue/{name}",
            loop.came,
            ack="client",
            headers={"activemq.prefetchSize": str(PREFETCH)},
        )
        yield loop
        await subscription.unsubscribe()


# -- Redis ------------------------------------------------------------------------------


async def _redis(url: str, name: str) -> FullQueue:
    from redis.asyncio import Redis  # noqa: PLC0415 - an extra

    async def remove() -> None:
        async with Redis.from_url(url) as client:
            await client.delete(name)

    source = RedisStreams(url, stream=name, field="body")
    return FullQueue(source, lambda: _redis_loop(url, name), remove)


@asynccontextmanager
async def _redis_loop(url: str, name: str) -> AsyncGenerator[Loop]:
    from redis.asyncio import Redis  # noqa: PLC0415 - an extra

    async with Redis.from_url(url) as client:
        await client.xgroup_create(name, "by-hand", id="0")
        yield _Stream(client, name)


class _Stream:
    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name
        self._taken: list[bytes] = []

    async def take(self) -> Taken:
        found = await self._client.xreadgroup(
            "by-hand", "one", {self._name: ">"}, count=_MOST, block=5_000
        )
        entries = found[0][1] if found else []
        self._taken = [entry for entry, _ in entries]
        return [(entry.decode(), fields[b"body"]) for entry, fields in entries]

    async def acknowledge(self) -> None:
        if self._taken:
            await self._client.xack(self._name, "by-hand", *self._taken)


_MAKERS: dict[str, Callable[[str, str], Awaitable[FullQueue]]] = {
    "rabbitmq": _rabbitmq,
    "activemq": _activemq,
    "redis": _redis,
}
