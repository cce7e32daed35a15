"""From RabbitMQ to entities, with everything killed on the way."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aio_pika
import pytest
from support import bridged
from support.bridged import books, entered, expected
from support.consuming import fresh
from support.cut_proxy import CutProxy
from support.rabbitmq import RabbitServer
from support.server_required import started

from callboard import ActorSystem

pytestmark = pytest.mark.slow

MESSAGES = {"embedded": 20_000, "apache": 100_000}
"""By the broker behind the log."""


@asynccontextmanager
async def channel(server: RabbitServer) -> AsyncGenerator[aio_pika.abc.AbstractChannel]:
    """Give a channel that confirms what it is given."""
    connection = await aio_pika.connect(server.url)
    try:
        yield await connection.channel(publisher_confirms=True)
    finally:
        await connection.close()


async def fill(server: RabbitServer, queue: str, numbers: range) -> None:
    """Put numbers into a durable queue, each with an id."""
    async with channel(server) as to:
        await to.declare_queue(queue, durable=True)
        for begin in range(0, len(numbers), 500):
            await asyncio.gather(
                *(
                    to.default_exchange.publish(
                        aio_pika.Message(
                            str(number).encode(),
                            message_id=f"departure-{number}",
                            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                        ),
                        queue,
                    )
                    for number in numbers[begin : begin + 500]
                )
            )


async def left(server: RabbitServer, queue: str) -> int:
    """Return how many messages a queue has."""
    async with channel(server) as at:
        found = await at.declare_queue(queue, passive=True)
        return found.declaration_result.message_count or 0


@pytest.mark.timeout(600)
async def test_nothing_is_lost_or_comes_twice(
    broker_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """In mid-stream: the bridge killed, RabbitMQ killed, connections reset, held, and killed."""
    messages = MESSAGES[request.node.callspec.params["broker_url"]]
    air, url = fresh("air"), f"kafka://{broker_url}?session_timeout=3"
    with started(RabbitServer()) as server, CutProxy(1) as proxy:
        proxy.lead_to([server.port])
        await fill(server, "departures", range(messages))
        through = f"amqp://guest:guest@127.0.0.1:{proxy.ports[0]}/?heartbeat=2"
        declared = f"RabbitMQ({through!r}, queue='departures', idle=1.0, timeout=5.0)"
        (tmp_path / "air.py").write_text(
            bridged.PROGRAM.format(source="RabbitMQ", declared=declared)
        )
        nodes = {name: await bridged.start(tmp_path, url, air, name) for name in ("one", "two")}
        try:
            async with ActorSystem(air, transport=url, node="auditor", entities=[]) as auditor:

                async def until(part: float) -> None:
                    async with asyncio.timeout(120):
                        while await entered(auditor) < messages * part:
                            await asyncio.sleep(0.05)

                async def kill(name: str) -> None:
                    nodes[name].kill()
                    await nodes[name].wait()
                    nodes[name] = await bridged.start(tmp_path, url, air, name)

                await until(0.1)
                await kill("one")
                await until(0.3)
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
                await until(0.5)
                proxy.reset()
                await until(0.6)
                proxy.hold()
                await asyncio.sleep(6.0)  # longer than heartbeats are waited for
                proxy.release()
                await until(0.8)
                await kill("two")
                await until(1.0)
                assert await left(server, "departures") == 0
                await asyncio.sleep(2.0)  # what would come twice would come now
                assert await books(auditor) == expected(messages)
        finally:
            for node in nodes.values():
                node.kill()
                await node.wait()
