"""The embedded broker against clients nobody has changed: aiokafka and librdkafka."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from confluent_kafka import Consumer, KafkaError, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from callboard.transport.broker import (
    Action,
    Broker,
    BrokerOptions,
    Delay,
    Disconnect,
    DropAnswer,
    PortInUse,
    RequestInfo,
)


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    """A fresh broker in the test's own loop."""
    async with Broker() as started:
        yield started


def once(action: Action) -> Any:
    """Return a control that acts on the first request it sees, and no other."""
    left = [action]

    def control(_: RequestInfo) -> Action | None:
        return left.pop() if left else None

    return control


@pytest.mark.parametrize("action", [DropAnswer(), Disconnect()])
async def test_a_lost_answer_doubles_nothing(broker: Broker, action: Action) -> None:
    """Aiokafka repeats a produce whose answer it missed; the log holds it once."""
    async with AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap, enable_idempotence=True, retry_backoff_ms=10
    ) as producer:
        await producer.send_and_wait("t", b"first", partition=0)
        broker.control("produce", once(action))
        await producer.send_and_wait("t", b"second", partition=0)
        sent = await producer.send_and_wait("t", b"third", partition=0)
    assert sent.offset == 2
    assert broker.end_offset("t", 0) == 3


async def test_a_fetch_is_woken_by_data(broker: Broker) -> None:
    """A consumer that waits 5 s for records has them within a fraction of that."""
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
        await producer.send_and_wait("t", b"x", partition=0)
        consumer = AIOKafkaConsumer(
            "t",
            bootstrap_servers=broker.bootstrap,
            fetch_max_wait_ms=5_000,
            auto_offset_reset="earliest",
        )
        async with consumer:
            await consumer.getone()
            waiting = asyncio.ensure_future(consumer.getone())
            await asyncio.sleep(0.2)
            began = time.perf_counter()
            await producer.send_and_wait("t", b"y", partition=0)
            assert (await waiting).value == b"y"
            assert time.perf_counter() - began < 1.0


async def test_an_empty_fetch_is_held(broker: Broker) -> None:
    """Idle consumers ask twice a second, and not as fast as they can."""
    asked = list[RequestInfo]()

    def count(info: RequestInfo) -> None:
        asked.append(info)

    async with AIOKafkaConsumer("t", bootstrap_servers=broker.bootstrap, fetch_max_wait_ms=500):
        await asyncio.sleep(0.3)
        broker.control("fetch", count)
        await asyncio.sleep(1.2)
    assert 1 <= len(asked) <= 4


async def test_a_slow_answer_is_waited_for(broker: Broker) -> None:
    """A delayed request delays its own connection only."""
    broker.control("produce", once(Delay(1.0)))
    async with (
        AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as slow,
        AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as quick,
    ):
        delayed = asyncio.ensure_future(slow.send_and_wait("t", b"x", partition=0))
        await asyncio.sleep(0.1)
        await quick.send_and_wait("t", b"y", partition=0)
        assert not delayed.done()
        await delayed


async def test_a_port_in_use_is_told(broker: Broker) -> None:
    """The error names the port and what to do."""
    port = int(broker.bootstrap.partition(":")[2])
    with pytest.raises(PortInUse, match=rf"port {port} .* in use .*--port {port + 1}"):
        await Broker(BrokerOptions(port=port)).start()


async def test_a_broker_that_stops_leaves_no_task_behind() -> None:
    """Closing ends connections that wait in a fetch or a join; closing twice is fine."""
    before = asyncio.all_tasks()
    broker = Broker()
    await broker.start()
    consumer = AIOKafkaConsumer("t", bootstrap_servers=broker.bootstrap, group_id="g")
    await consumer.start()
    await broker.aclose()
    await broker.aclose()
    await consumer.stop()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before


async def test_librdkafka_creates_produces_and_consumes_in_a_group(broker: Broker) -> None:
    """A client of another family: admin, idempotent producer, two group members, commits."""
    await asyncio.to_thread(_librdkafka, broker.bootstrap)
    assert sum(broker.end_offset("orders", partition) for partition in range(4)) == 500
    assert sum(broker.committed("billing", "orders", p) or 0 for p in range(4)) == 500


def _librdkafka(bootstrap: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for made in admin.create_topics([NewTopic("orders", 4, 1)]).values():
        made.result(10)
    assert "orders" in admin.list_topics(timeout=10).topics
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
    for number in range(500):
        producer.produce("orders", key=str(number), value=str(number), headers={"n": b"1"})
    assert producer.flush(20) == 0
    settings = {
        "bootstrap.servers": bootstrap,
        "group.id": "billing",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "session.timeout.ms": 6000,
    }
    members = [Consumer(settings), Consumer(settings)]
    for member in members:
        member.subscribe(["orders"])
    seen: set[bytes] = set()
    owned: list[int] = []
    reached = (
        0  # what was seen before a rebalance is read again by the new owner, and not committed
    )
    deadline = time.monotonic() + 30
    while (reached < 500 or sorted(owned) != [2, 2]) and time.monotonic() < deadline:
        for member in members:
            message = member.poll(0.01)
            if message is not None:
                error = message.error()
                assert error is None or error.code() == KafkaError._PARTITION_EOF
                seen.add(message.value() or b"")
        owned = [len(member.assignment()) for member in members]
        positions = [p for member in members for p in member.position(member.assignment())]
        reached = sum(max(position.offset, 0) for position in positions)
    assert len(seen) == 500
    assert sorted(owned) == [2, 2]
    for member in members:
        if member.assignment():
            member.commit(asynchronous=False)
        member.close()
