"""Consumers at their limits: time, number, keys, and topics that are others' too."""

import asyncio

import pytest
import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from google.protobuf.wrappers_pb2 import Int64Value
from support.consuming import (
    QUICK,
    fresh,
    make_topic,
    number,
    shop,
    until,
    until_parked,
    write,
)

from callboard import (
    ConsumerContext,
    ConsumerOptions,
)


async def test_at_most_once_repeats_nothing(broker_url: str) -> None:
    """What fails is dropped; what was taken in is committed before it is handled."""
    name, topic = fresh("shop"), fresh("orders")
    await make_topic(broker_url, topic)
    await write(broker_url, topic, [(f"k{n % 4}", number(n)) for n in range(100)])
    seen: list[int] = []

    async def run(wanted: int) -> None:
        system = shop(broker_url, name)

        @system.consumer(topic, at_most_once=True)
        async def on_order(message: Int64Value) -> None:
            seen.append(message.value)
            await asyncio.sleep(0)
            if message.value % 10 == 0:
                raise ValueError("dropped")

        async with system:
            await until(lambda: len(seen) >= wanted)

    await run(60)  # what is taken in is handled before the node has stopped
    await write(broker_url, topic, [("k0", number(100))])
    await run(101)
    assert sorted(seen) == list(range(101))


async def test_a_call_that_takes_too_long_is_a_failure(broker_url: str) -> None:
    """It is cancelled at its deadline, and its policy decides."""
    name, topic = fresh("shop"), fresh("orders")
    await make_topic(broker_url, topic)
    await write(broker_url, topic, [("slow", number(1)), ("quick", number(2))])
    system = shop(broker_url, name)
    left: list[float] = []

    @system.consumer(topic, timeout=0.2, retry=QUICK, concurrency=1)
    async def on_order(message: Int64Value, context: ConsumerContext) -> None:
        left.append(context.remaining())
        if message.value == 1:
            await asyncio.sleep(60)

    async with system:
        (found,) = await until_parked(broker_url, name, 1)
        await until(lambda: len(left) == 4)

    assert "took longer than 0.2 s" in found.error
    assert all(0.0 < each <= 0.2 for each in left)


async def test_no_more_calls_are_under_way_than_said(broker_url: str) -> None:
    """`concurrency` bounds an async function, over all partitions of a node."""
    name, topic = fresh("shop"), fresh("orders")
    await make_topic(broker_url, topic)
    await write(broker_url, topic, [(f"k{n}", number(n)) for n in range(60)])
    system = shop(broker_url, name)
    running = most = done = 0

    @system.consumer(topic, concurrency=7)
    async def on_order(message: Int64Value) -> None:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        done += 1

    async with system:
        await until(lambda: done == 60)
    assert most == 7


async def test_keys_may_be_missing_or_no_text(broker_url: str) -> None:
    """Records without a key have no order and hold up nobody; binary keys are keys."""
    name, topic = fresh("shop"), fresh("orders")
    await make_topic(broker_url, topic)
    binary = b"\xff\xfe\x00"
    rows = [(None, number(n)) for n in range(5)] + [(binary, number(n)) for n in range(5, 10)]
    await write(broker_url, topic, rows)
    system = shop(broker_url, name)
    seen: list[int] = []

    @system.consumer(topic, retry=QUICK)
    def on_order(message: Int64Value) -> None:
        if message.value in {2, 7}:
            raise ValueError("bad")
        seen.append(message.value)

    async with system:
        await until_parked(broker_url, name, 4)
        await until(lambda: len(seen) == 6)
    assert sorted(seen) == [0, 1, 3, 4, 5, 6]


@pytest.mark.parametrize("start", ["earliest", "latest"])
async def test_a_new_group_begins_where_it_is_told_to(broker_url: str, start: str) -> None:
    """From the first record there is, or with what comes from now on."""
    name, topic = fresh("shop"), fresh("orders")
    await make_topic(broker_url, topic)
    await write(broker_url, topic, [("a", number(1))])
    system = shop(broker_url, name)
    seen: list[int] = []

    @system.consumer(topic, options=ConsumerOptions(start=start))  # type: ignore[arg-type]
    def on_order(message: Int64Value) -> None:
        seen.append(message.value)

    async with system:
        consuming = system._kafka
        assert consuming is not None
        await until(lambda: len(consuming._owned()) == 4)
        await write(broker_url, topic, [("a", number(2))])
        await until(lambda: 2 in seen)
    assert seen == ([1, 2] if start == "earliest" else [2])


async def test_a_topic_that_has_grown_is_read_whole(broker_url: str) -> None:
    """Its quarantine grows with it when a node starts; nothing else is refused."""
    name, topic = fresh("shop"), fresh("orders")
    await make_topic(broker_url, topic, 2)
    seen: list[int] = []

    async def run(wanted: int) -> None:
        system = shop(broker_url, name)

        @system.consumer(topic, retry=QUICK)
        def on_order(message: Int64Value) -> None:
            if message.value == 7:
                raise ValueError("bad")
            seen.append(message.value)

        async with system:
            await until(lambda: len(seen) >= wanted)
            if wanted > 4:
                await until_parked(broker_url, name, 1)

    await write(broker_url, topic, [(f"k{n}", number(n)) for n in range(4)], 2)
    await run(4)
    await grow(broker_url, topic, 6)
    await write(broker_url, topic, [(f"k{n}", number(n)) for n in range(4, 30)], 6)
    await run(29)
    assert sorted(seen) == [n for n in range(30) if n != 7]


async def grow(broker_url: str, topic: str, partitions: int) -> None:
    """Add partitions to a topic, and wait until a broker tells of them."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker_url)
    await admin.start()
    try:
        await admin.create_partitions({topic: NewPartitions(partitions)})
        async with asyncio.timeout(20):
            while len((await admin.describe_topics([topic]))[0]["partitions"]) < partitions:
                await asyncio.sleep(0.05)
    finally:
        await admin.close()


async def test_a_group_of_another_program_stops_the_node(broker_url: str) -> None:
    """It would get nothing, for ever; the log says why, and the exit code tells a supervisor."""
    name, topic = fresh("shop"), fresh("orders")
    await make_topic(broker_url, topic)
    other = AIOKafkaConsumer(topic, bootstrap_servers=broker_url, group_id=f"{name}.on_order")
    await other.start()
    await until(lambda: len(other.assignment()) == 4)
    system = shop(broker_url, name)

    @system.consumer(topic)
    def on_order(message: Int64Value) -> None: ...

    with structlog.testing.capture_logs() as logs:
        async with system, asyncio.timeout(20):
            await system.wait_stopped()
    assert len(other.assignment()) == 4
    await other.stop()
    assert system.exit_code == 70
    assert any("has members that are not callboard's" in str(each.get("error")) for each in logs)


async def test_nodes_that_declare_one_consumer_differently_are_told(broker_url: str) -> None:
    """Each message is handled all the same; who leads the group says what differs, once."""
    name, topic = fresh("shop"), fresh("orders")
    await make_topic(broker_url, topic)
    handled: list[int] = []
    first, second = (shop(broker_url, name, node) for node in ("one", "two"))

    @first.consumer(topic, timeout=5.0)
    def on_order(message: Int64Value) -> None:
        handled.append(message.value)

    second.consumer(topic, name="on_order", timeout=7.0, at_most_once=True)(on_order)
    with structlog.testing.capture_logs() as logs:
        async with first, second:
            await until(
                lambda: any("declare one consumer differently" in each["event"] for each in logs)
            )
            await write(broker_url, topic, [(str(n), number(n)) for n in range(200)])
            await until(lambda: len(handled) == 200)
    (told,) = [each for each in logs if "declare one consumer differently" in each["event"]]
    assert told["group"] == f"{name}.on_order"
    assert set(told["differences"]) == {"at_most_once", "timeout"}
    assert sorted(told["differences"]["timeout"].values()) == ["5.0", "7.0"]
    assert sorted(handled) == list(range(200))
