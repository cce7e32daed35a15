"""What comes with a message of RabbitMQ, and what a session says when something is wrong."""

import asyncio
from datetime import UTC, datetime

import aio_pika
import pytest
from support.consuming import fresh
from support.rabbitmq import RabbitServer
from support.silent_server import silent_server
from support.small_apps import within

from callboard import BridgeError, RabbitMQ


async def publish(url: str, queue: str, *messages: aio_pika.Message) -> None:
    """Put messages into a durable queue, which is made."""
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        await channel.declare_queue(queue, durable=True)
        for message in messages:
            await channel.default_exchange.publish(message, queue)


async def delete(url: str, queue: str) -> None:
    """Delete a queue under whoever consumes it."""
    connection = await aio_pika.connect(url)
    async with connection:
        await (await connection.channel()).queue_delete(queue)


async def test_what_comes_with_a_message(rabbitmq: RabbitServer) -> None:
    """Properties and headers by their names, as text; what is no UTF-8 survives."""
    queue = fresh("q")
    sent = aio_pika.Message(
        b"\x00\xffbody",
        message_id="m1",
        correlation_id="c1",
        reply_to="answers",
        content_type="application/x-thing",
        type="Departed",
        timestamp=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        headers={
            "traceparent": "00-ab-cd-01",
            "count": 3,
            "raw": bytearray(b"\xff\xfe"),
            "yes": True,
        },
    )
    await publish(rabbitmq.url, queue, sent, aio_pika.Message(b"bare"))
    source = RabbitMQ(rabbitmq.url, queue=queue, id=lambda body, headers: headers.get("x", ""))
    async with RabbitMQ(rabbitmq.url, queue=queue).session() as session:
        first = (await session.take(1))[0]
        (bare,) = await session.take(10)
        assert (first.id, first.body) == ("m1", b"\x00\xffbody")
        assert dict(first.headers) == {
            "message-id": "m1",
            "correlation-id": "c1",
            "reply-to": "answers",
            "content-type": "application/x-thing",
            "type": "Departed",
            "timestamp": "2026-01-02T03:04:05+00:00",
            "traceparent": "00-ab-cd-01",
            "count": "3",
            "raw": "\udcff\udcfe",
            "yes": "True",
            "routing-key": queue,
        }
        assert bare.body == b"bare"
        assert await session.set_aside(first) == f"{queue}.refused"
        await session.acknowledge([first, bare])
    async with RabbitMQ(rabbitmq.url, queue=f"{queue}.refused").session() as session:
        (kept,) = await session.take(10)
        assert (kept.id, kept.body) == ("m1", b"\x00\xffbody")
    assert source.label.endswith(f"/{queue}")


async def test_what_was_not_acknowledged_comes_again(rabbitmq: RabbitServer) -> None:
    """In its order; the last acknowledgement stands for all before it."""
    queue = fresh("q")
    await publish(rabbitmq.url, queue, *(aio_pika.Message(b"%d" % n) for n in range(10)))
    source = RabbitMQ(rabbitmq.url, queue=queue)
    async with source.session() as session:
        first = await session.take(4)
        await asyncio.sleep(0.2)
        await session.take(4)
        await session.acknowledge(first)
    async with source.session() as session:
        again: list[bytes] = []
        while len(again) < 10 - len(first):
            again.extend(message.body for message in await session.take(10))
    assert again == [b"%d" % n for n in range(len(first), 10)]


async def test_a_queue_that_is_not_there(rabbitmq: RabbitServer) -> None:
    """Says which, and that a bridge makes none."""
    with pytest.raises(BridgeError, match="declare the queue 'nowhere', a bridge makes none"):
        async with RabbitMQ(rabbitmq.url, queue="nowhere").session():
            raise AssertionError("it was not there")


async def test_a_wrong_password(rabbitmq: RabbitServer) -> None:
    """Says what to check, and not the password."""
    url = rabbitmq.url.replace("guest:guest", "guest:s3cret")
    with pytest.raises(BridgeError, match="check user and password") as refused:
        async with RabbitMQ(url, queue="q").session():
            raise AssertionError("it was let in")
    assert "s3cret" not in str(refused.value)
    assert "s3cret" not in repr(RabbitMQ(url, queue="q"))


async def test_a_queue_deleted_under_us(rabbitmq: RabbitServer) -> None:
    """Noticed within the idle time."""
    queue = fresh("q")
    await publish(rabbitmq.url, queue)
    async with RabbitMQ(rabbitmq.url, queue=queue, idle=0.2).session() as session:
        waiting = asyncio.create_task(session.take(1))
        await asyncio.sleep(0.3)
        await delete(rabbitmq.url, queue)
        async with asyncio.timeout(10):
            with pytest.raises(BridgeError, match=f"declare the queue '{queue}'"):
                await waiting


async def test_a_consumer_that_has_silently_stopped(rabbitmq: RabbitServer) -> None:
    """The queue has messages, and nobody is given them."""
    queue = fresh("q")
    await publish(rabbitmq.url, queue)
    async with RabbitMQ(rabbitmq.url, queue=queue, idle=0.2).session() as session:
        assert session._queue is not None
        await session._queue.cancel(session._tag)
        await publish(rabbitmq.url, queue, aio_pika.Message(b"unseen"))
        async with asyncio.timeout(10):
            with pytest.raises(BridgeError, match="it has silently stopped"):
                await session.take(1)


async def test_a_consumer_that_holds_all_it_may_has_not_stopped(
    rabbitmq: RabbitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes next is waited for while a batch is written, however long that takes."""
    queue = fresh("q")
    await publish(rabbitmq.url, queue, aio_pika.Message(b"one"), aio_pika.Message(b"two"))
    source = RabbitMQ(rabbitmq.url, queue=queue, prefetch=1, idle=0.1)
    asked: list[bool] = []
    async with source.session() as session:
        ask = session._ask_whether_it_consumes

        async def counted() -> None:
            await ask()
            asked.append(True)

        monkeypatch.setattr(session, "_ask_whether_it_consumes", counted)
        first = await session.take(10)
        ahead = asyncio.create_task(session.take(10))
        await within(30.0, lambda: len(asked) >= 2 or ahead.done())
        await session.acknowledge(first)
        async with asyncio.timeout(10):
            assert [each.body for each in await ahead] == [b"two"]


async def test_a_broker_that_accepts_and_never_answers() -> None:
    """Given up after the time-out."""
    async with silent_server() as port:
        source = RabbitMQ(f"amqp://127.0.0.1:{port}/", queue="q", timeout=0.5)
        with pytest.raises(BridgeError, match=r"cannot be reached: .*no answer within 0\.5 s"):
            async with source.session():
                raise AssertionError("it answered")


async def test_nobody_listens() -> None:
    """Said at once."""
    with pytest.raises(BridgeError, match="cannot be reached"):
        async with RabbitMQ("amqp://127.0.0.1:1/", queue="q").session():
            raise AssertionError("somebody did")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"url": "http://host/", "queue": "q"}, "got http://host; expected amqp://"),
        ({"url": "", "queue": "q"}, "expected amqp://"),
        ({"url": "amqp://host/", "queue": ""}, "queue is empty"),
        ({"url": "amqp://host/", "queue": "q", "prefetch": 0}, "prefetch is 0"),
    ],
)
def test_declarations_that_make_no_sense(arguments: dict[str, str], match: str) -> None:
    """Refused where they are written; a password is not shown."""
    with pytest.raises(ValueError, match=match):
        RabbitMQ(**arguments)  # type: ignore[arg-type]
