"""Publishers over a real log: the same tests on the embedded broker and on Apache Kafka."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import Int64Value, StringValue
from pydantic import BaseModel
from support.consuming import fresh, make_topic, shop, until

from callboard import ActorSystem, ConsumerContext, DeadLetter, Entity, Publisher, handler
from callboard.supervision import Backoff, RetryPolicy
from callboard.transport import DeliveryOptions
from callboard.transport.delivery import partition_for


class Placed(BaseModel):
    """An order as JSON."""

    order_id: str


async def read(broker_url: str, topic: str, count: int) -> Sequence[Any]:
    """Read records as a program without callboard does."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=broker_url, auto_offset_reset="earliest", group_id=None
    )
    await consumer.start()
    found: list[Any] = []
    try:
        async with asyncio.timeout(20):
            while len(found) < count:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found.extend(records)
    finally:
        await consumer.stop()
    return found


async def test_each_message_is_a_cloud_event_at_the_place_of_its_key(broker_url: str) -> None:
    """Any Kafka client reads it: key, value, headers, and the partition all clients agree on."""
    name, topic = fresh("shop"), fresh("orders")
    await make_topic(broker_url, topic, 5)
    system = shop(broker_url, name)
    orders = system.publisher(topic, StringValue, key="value")
    async with system:
        await orders.send(StringValue(value="a"), headers={"shop": "north"})
        orders.tell(StringValue(value="b"), key=b"\xff")
        await orders.send_all(StringValue(value=f"c{n}") for n in range(50))
        assert orders.statistics().published == 52
    records = await read(broker_url, topic, 52)

    first = next(each for each in records if each.key == b"a")
    headers = dict(first.headers)
    assert StringValue.FromString(first.value).value == "a"
    assert headers["shop"] == b"north"
    assert headers["ce_type"] == b"google.protobuf.StringValue"
    assert headers["content-type"] == b"application/protobuf"
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_source"] == f"callboard://{name}/nodes/one".encode()
    assert len({dict(each.headers)["ce_id"] for each in records}) == 52
    assert all(each.partition == partition_for(each.key, 5) for each in records)
    assert any(each.key == b"\xff" for each in records)


async def test_messages_of_a_key_keep_their_order(broker_url: str) -> None:
    """Whichever verb they were given with."""
    name, topic = fresh("shop"), fresh("orders")
    system = shop(broker_url, name)
    orders = system.publisher(topic, Int64Value, key=lambda message: str(message.value % 3))
    async with system:
        for n in range(0, 300, 3):
            orders.tell(Int64Value(value=n))
            orders.tell(Int64Value(value=n + 1))
            await orders.send_all([Int64Value(value=n + 2)])
    by_key: dict[bytes, list[int]] = defaultdict(list)
    for record in await read(broker_url, topic, 300):
        by_key[record.key].append(Int64Value.FromString(record.value).value)
    assert by_key == {str(k).encode(): list(range(k, 300, 3)) for k in range(3)}


async def test_json_and_bytes_say_what_they_are(broker_url: str) -> None:
    """By their content type, as CloudEvents have it; and all protobuf messages in one topic."""
    name, json, raw, every = fresh("shop"), fresh("json"), fresh("raw"), fresh("every")
    system = shop(broker_url, name)
    placed = system.publisher(json, Placed, key="order_id")
    blobs = system.publisher(raw, bytes)
    messages = system.publisher(every, Message)
    async with system:
        await placed.send(Placed(order_id="7"))
        await blobs.send(b"\x00\x01")
        await messages.send(StringValue(value="x"))
        await messages.send(Int64Value(value=1))
    (one,) = await read(broker_url, json, 1)
    (two,) = await read(broker_url, raw, 1)
    several = await read(broker_url, every, 2)
    assert one.value == b'{"order_id":"7"}'
    assert dict(one.headers)["content-type"] == b"application/json"
    assert dict(one.headers)["ce_type"] == b"Placed"
    assert two.value == b"\x00\x01"
    assert dict(two.headers)["content-type"] == b"application/octet-stream"
    assert {dict(each.headers)["ce_type"] for each in several} == {
        b"google.protobuf.StringValue",
        b"google.protobuf.Int64Value",
    }


async def test_what_is_declared_while_the_system_runs_begins_at_once(broker_url: str) -> None:
    """A publisher and a consumer of a topic that nobody has made."""
    name, topic = fresh("shop"), fresh("orders")
    system = shop(broker_url, name)
    seen: list[str] = []
    async with system:
        orders = system.publisher(topic, StringValue, partitions=3)
        orders.tell(StringValue(value="told"))

        @system.consumer(topic)
        def on_order(message: StringValue, context: ConsumerContext) -> None:
            seen.append(message.value)

        await orders.send(StringValue(value="sent"))
        await until(lambda: sorted(seen) == ["sent", "told"])


async def test_what_is_told_and_never_leaves_is_counted() -> None:
    """With no broker there: a dead letter for each, with the reason."""
    system = ActorSystem("shop", transport="kafka://127.0.0.1:1")
    dead: list[DeadLetter] = []
    system.events.subscribe(DeadLetter, dead.append)
    async with system:
        orders = system.publisher("orders", StringValue)
        for n in range(3):
            orders.tell(StringValue(value=str(n)))
        assert orders.statistics().waiting == 3
    assert [letter.message for letter in dead] == [StringValue(value=str(n)) for n in range(3)]
    assert str(dead[0].recipient) == "callboard://shop/topics/orders"


async def test_a_consumer_without_a_broker_stops_the_start() -> None:
    """The error says where nobody answered, within the client's deadline."""
    system = ActorSystem("shop", transport="kafka://127.0.0.1:1", node="one")

    @system.consumer("orders")
    def on_order(message: StringValue) -> None: ...

    with pytest.raises(Exception, match=r"127\.0\.0\.1:1"):
        async with system:
            pass


class Till(Entity):
    """Publishes what it has, and fails once on some."""

    partitions = 2
    policy = RetryPolicy(backoff=Backoff(0.01, 0.05))
    state: Int64Value

    @handler
    def paid(self, message: Int64Value) -> None:
        """Add to it, and publish the sum."""
        self.state.value += message.value
        publisher: Publisher[Int64Value] = sums[self.context.system.name]
        publisher.tell(self.state, key=self.context.self_ref.id)
        if message.value % 5 == 0 and self.context.attempt == 1:
            raise ValueError("once")


sums: dict[str, Publisher[Int64Value]] = {}


@pytest.mark.parametrize("once", [False, True], ids=["ids", "transactions"])
async def test_what_a_handler_publishes_leaves_when_it_has_succeeded(
    broker_url: str, once: bool
) -> None:
    """Of an entity and of a consumer, at least once or in transactions; a failed try sends none."""
    name, topic, echo = fresh("shop"), fresh("sums"), fresh("echo")
    system = shop(broker_url, name, delivery=DeliveryOptions(exactly_once=once))
    sums[name] = system.publisher(topic, Int64Value)
    system.publisher(echo, Int64Value)
    attempts: list[int] = []

    @system.consumer(topic)
    async def on_sum(message: Int64Value, context: ConsumerContext) -> None:
        context.publish(echo, message, key=context.record.key)
        if message.value % 4 == 0 and context.attempt == 1:
            attempts.append(message.value)
            raise ValueError("once")

    async with system:
        for n in range(1, 21):
            await system.entity(Till, f"t{n % 3}").send(Int64Value(value=n))
        records = await read(broker_url, echo, 20)
    by_key: dict[bytes, list[int]] = defaultdict(list)
    for record in records:
        by_key[record.key].append(Int64Value.FromString(record.value).value)
    expected = {
        f"t{k}".encode(): list(accumulate(n for n in range(1, 21) if n % 3 == k)) for k in range(3)
    }
    assert by_key == expected
    assert attempts
