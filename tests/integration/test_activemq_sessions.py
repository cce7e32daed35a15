"""What comes with a message of ActiveMQ, and what a session says when something is wrong."""

import asyncio
from urllib.parse import urlsplit

import pytest
import stompman
from support.activemq import ActiveServer
from support.consuming import fresh
from support.scripted_stomp import scripted_stomp
from support.silent_server import silent_server

from callboard import ActiveMQ, BridgeError
from callboard.transport.bridges import ForeignMessage


async def send(server: ActiveServer, queue: str, *bodies: bytes, **headers: str) -> None:
    """Put messages into a queue."""
    parts = urlsplit(server.url)
    assert parts.hostname is not None
    assert parts.port is not None
    at = stompman.ConnectionParameters(parts.hostname, parts.port, "", "")
    async with stompman.Client([at]) as client:
        for body in bodies:
            await client.send(
                body,
                f"/queue/{queue}",
                headers={"persistent": "true", **headers},
                receipt_timeout=10.0,
            )


async def test_what_comes_with_a_message(activemq: ActiveServer) -> None:
    """The broker's id, and headers by their names."""
    queue = fresh("q")
    await send(activemq, queue, b"\x00\xffbody", **{"tail": "N1", "correlation-id": "c1"})
    async with ActiveMQ(activemq.url, queue=queue).session() as session:
        (first,) = await session.take(10)
        assert first.id.startswith("ID:")
        assert first.body == b"\x00\xffbody"
        assert first.headers["tail"] == "N1"
        assert first.headers["correlation-id"] == "c1"
        assert first.headers["message-id"] == first.id
        assert not {"ack", "subscription", "content-length"} & set(first.headers)
        assert await session.set_aside(first) == f"{queue}.refused"
        await session.acknowledge([first])
    async with ActiveMQ(activemq.url, queue=f"{queue}.refused").session() as session:
        (kept,) = await session.take(10)
        assert (kept.body, kept.headers["tail"]) == (b"\x00\xffbody", "N1")


async def test_what_was_not_acknowledged_comes_again(activemq: ActiveServer) -> None:
    """In its order, with the same id; the last acknowledgement stands for all before it."""
    queue = fresh("q")
    await send(activemq, queue, *(b"%d" % n for n in range(10)))
    source = ActiveMQ(activemq.url, queue=queue)
    taken: list[ForeignMessage] = []
    async with source.session() as session:
        while len(taken) < 10:
            taken.extend(await session.take(10))
        await session.acknowledge(taken[:4])
    again: list[ForeignMessage] = []
    async with source.session() as session:
        while len(again) < 6:
            again.extend(await session.take(10))
    assert [each.body for each in again] == [b"%d" % n for n in range(4, 10)]
    assert [each.id for each in again] == [each.id for each in taken[4:]]


async def test_nobody_there_or_nobody_who_answers() -> None:
    """Said within the time-out."""
    async with silent_server() as silent:
        for port in (silent, 1):
            source = ActiveMQ(f"stomp://127.0.0.1:{port}", queue="q", timeout=1.0)
            with pytest.raises(BridgeError, match="was lost or cannot be reached"):
                async with source.session():
                    raise AssertionError("it answered")


async def test_connected_again_and_not_subscribed_again() -> None:
    """The client stays connected, and would never be given a message: the session ends."""
    async with scripted_stomp(confirms=[True, False]) as (port, had), asyncio.timeout(20):
        source = ActiveMQ(f"stomp://127.0.0.1:{port}", queue="q", timeout=5.0)
        with pytest.raises(BridgeError, match=r"was lost .*SubscriptionError"):
            async with source.session() as session:
                await session.take(10)
    assert had.count("SUBSCRIBE") == 2


async def test_connected_again_and_not_subscribed_to_answers_again() -> None:
    """As with a queue."""
    async with scripted_stomp(confirms=[True, False]) as (port, had), asyncio.timeout(20):
        source = ActiveMQ(f"stomp://127.0.0.1:{port}", queue="q", timeout=5.0)
        with pytest.raises(BridgeError, match=r"was lost .*SubscriptionError"):
            async with source.dialogue() as dialogue:
                await dialogue.take()
    assert had.count("SUBSCRIBE") == 2


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"url": "tcp://host/", "queue": "q"}, "got tcp://host; expected stomp://"),
        ({"url": "stomp://host/", "queue": ""}, "queue is empty"),
        ({"url": "stomp://host/", "queue": "q", "prefetch": 0}, "prefetch is 0"),
    ],
)
def test_declarations_that_make_no_sense(arguments: dict[str, str], match: str) -> None:
    """Refused where they are written."""
    with pytest.raises(ValueError, match=match):
        ActiveMQ(**arguments)  # type: ignore[arg-type]
    assert "s3cret" not in repr(ActiveMQ("stomp://me:s3cret@host", queue="q"))
