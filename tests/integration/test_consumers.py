"""Consumers over a real log: the same tests on the embedded broker and on Apache Kafka."""

import asyncio
from collections import defaultdict

from google.protobuf.struct_pb2 import ListValue
from google.protobuf.wrappers_pb2 import Int64Value, StringValue
from pydantic import BaseModel
from support.consuming import (
    QUICK,
    fresh,
    make_topic,
    number,
    parked,
    shop,
    until,
    until_parked,
    write,
)

from callboard import (
    ConsumerContext,
    ConsumerOptions,
    Entity,
    FailureEvent,
    Quarantine,
    Retry,
    Skip,
    compose,
    handler,
)
from callboard.supervision import RetryPolicy


class Kept(Entity):
    """Keeps what it is told, in order."""

    partitions = 2
    state: ListValue

    @handler
    def told(self, message: StringValue) -> ListValue:
        """Remember a message, and answer with all."""
        if message.value:
            self.state.values.add().string_value = message.value
        return self.state


class Order(BaseModel):
    """An order as JSON."""

    order_id: str
    cents: int


async def test_each_message_is_handled_once_and_in_the_order_of_its_key(broker_url: str) -> None:
    """Restarting handles nothing again."""
    name, topic = fresh("shop"), fresh("orders")
    await make_topic(broker_url, topic)
    rows = [(f"k{n % 7}", number(n)) for n in range(200)]
    await write(broker_url, topic, rows)
    seen: dict[str, list[int]] = defaultdict(list)

    for _ in range(2):
        system = shop(broker_url, name)

        @system.consumer(topic)
        async def on_order(message: Int64Value, context: ConsumerContext) -> None:
            seen[(context.record.key or b"").decode()].append(message.value)
            if message.value % 5 == 0:
                await asyncio.sleep(0.001)

        async with system:
            await until(lambda: sum(map(len, seen.values())) >= 200)

    assert seen == {f"k{k}": [n for n in range(200) if n % 7 == k] for k in range(7)}


async def test_a_failing_key_waits_and_no_other_does(broker_url: str) -> None:
    """Its later mail comes after it, in order; the other keys are through long before."""
    name, topic = fresh("shop"), fresh("orders")
    await make_topic(broker_url, topic)
    rows = [(f"k{n % 4}", number(n)) for n in range(40)]
    await write(broker_url, topic, rows)
    system = shop(broker_url, name)
    seen: list[int] = []
    failures: list[str] = []
    system.events.subscribe(FailureEvent, lambda event: failures.append(event.decision))

    @system.consumer(topic, retry=RetryPolicy(max_attempts=10_000))
    def on_order(message: Int64Value, context: ConsumerContext) -> None:
        if message.value == 1 and (len(seen) < 30 or context.attempt < 3):
            raise Retry(after=0.02)
        seen.append(message.value)

    async with system:
        await until(lambda: len(seen) == 40)

    assert set(seen[:30]) == {n for n in range(40) if n % 4 != 1}
    assert seen[30:] == list(range(1, 40, 4))
    assert len(failures) >= 2
    assert set(failures) == {"retry"}


async def test_at_the_ceiling_a_message_goes_to_quarantine_and_its_key_follows(
    broker_url: str,
) -> None:
    """After a restart, too; the other keys flow on."""
    name, topic = fresh("shop"), fresh("orders")
    await make_topic(broker_url, topic)
    await write(broker_url, topic, [(f"k{n % 4}", number(n)) for n in range(20)])
    seen: list[tuple[int, int]] = []

    def node() -> object:
        system = shop(broker_url, name)

        @system.consumer(topic, retry=QUICK)
        async def on_order(message: Int64Value, context: ConsumerContext) -> None:
            seen.append((message.value, context.attempt))
            if message.value == 5:
                raise ValueError("the bad one")

        return system

    async with node():  # type: ignore[attr-defined]
        await until(lambda: len(seen) == 15 + 1 + 3)
        await until_parked(broker_url, name, 4)
    await write(broker_url, topic, [(f"k{n % 4}", number(n)) for n in range(20, 24)])
    async with node():  # type: ignore[attr-defined]
        await until(lambda: len(seen) == 15 + 1 + 3 + 3)
        found = await until_parked(broker_url, name, 5)

    assert [each for each in seen if each[0] % 4 == 1] == [(1, 1), (5, 1), (5, 2), (5, 3)]
    assert [(Int64Value.FromString(m.value).value, m.reason) for m in found] == [
        (5, "failed"),
        *((n, "behind") for n in (9, 13, 17, 21)),
    ]
    assert "ValueError('the bad one')" in found[0].error


async def test_a_function_decides_by_what_it_raises(broker_url: str) -> None:
    """Skip drops, Quarantine parks at once, and both leave what was published unsent."""
    name, topic, out = fresh("shop"), fresh("orders"), fresh("out")
    await make_topic(broker_url, topic)
    await write(broker_url, topic, [(f"k{n}", number(n)) for n in range(4)])
    system = shop(broker_url, name)
    system.publisher(out, StringValue)
    decisions: list[tuple[str, str]] = []
    system.events.subscribe(
        FailureEvent, lambda event: decisions.append((event.error_type, event.decision))
    )
    heard: list[str] = []

    @system.consumer(topic)
    async def on_order(message: Int64Value, context: ConsumerContext) -> None:
        context.publish(out, StringValue(value=f"saw {message.value}"), headers={"shop": "yes"})
        if message.value == 1:
            raise Skip("a test order")
        if message.value == 2:
            raise Quarantine("no such product")

    @system.consumer(out)
    async def on_out(message: StringValue, context: ConsumerContext) -> None:
        assert context.headers["shop"] == b"yes"
        heard.append(message.value)

    async with system:
        await until(lambda: len(heard) == 2)
        (found,) = await until_parked(broker_url, name, 1)

    assert sorted(heard) == ["saw 0", "saw 3"]
    assert sorted(decisions) == [("Quarantine", "quarantine"), ("Skip", "skip")]
    assert "no such product" in found.error


async def test_on_failure_hears_of_what_is_given_up(broker_url: str) -> None:
    """It may publish, and may drop the message by raising Skip."""
    name, topic, alerts = fresh("shop"), fresh("orders"), fresh("alerts")
    await make_topic(broker_url, topic)
    await write(broker_url, topic, [(f"k{n}", number(n)) for n in range(3)])
    system = shop(broker_url, name)
    system.publisher(alerts, StringValue)
    heard: list[str] = []

    async def gave_up(context: ConsumerContext, error: BaseException) -> None:
        await asyncio.sleep(0.001)
        value = Int64Value.FromString(context.record.value or b"").value
        context.publish(alerts, StringValue(value=f"{value}: {error}"))
        if value == 1:
            raise Skip("known to be bad")

    @system.consumer(topic, retry=QUICK, on_failure=gave_up)
    def on_order(message: Int64Value) -> None:
        if message.value:
            raise ValueError(f"no {message.value}")

    @system.consumer(alerts)
    def on_alert(message: StringValue) -> None:
        heard.append(message.value)

    async with system:
        await until(lambda: len(heard) == 1)
        (found,) = await until_parked(broker_url, name, 1)

    assert heard == ["2: no 2"]
    assert Int64Value.FromString(found.value).value == 2


async def test_entities_are_told_once_however_often_a_record_comes(broker_url: str) -> None:
    """An adapter makes the commands, None drops; reading the topic anew changes no entity."""
    name, topic = fresh("shop"), fresh("orders")
    await make_topic(broker_url, topic)
    orders = [Order(order_id=f"o{n % 3}", cents=n) for n in range(30)]
    await write(broker_url, topic, [(None, each.model_dump_json().encode()) for each in orders])
    seen: list[int] = []

    def parse(order: Order) -> Order | None:
        seen.append(order.cents)
        return order if order.cents % 2 else None

    def command(order: Order) -> StringValue:
        return StringValue(value=f"{order.order_id} {order.cents}")

    async def told(group: str, count: int) -> list[list[str]]:
        system = shop(broker_url, name)

        @system.consumer(
            topic,
            to=Kept,
            key=lambda command: command.value.split()[0],
            name="orders",
            group=group,
            adapter=compose(parse, command),
        )
        def on_order(message: StringValue) -> None:
            """Only look on."""

        async with system:
            await until(lambda: len(seen) >= count)
            kept = [system.entity(Kept, f"o{n}") for n in range(3)]
            async with asyncio.timeout(20):
                while True:
                    states = [await each.ask(StringValue(), timeout=20.0) for each in kept]
                    if sum(len(state.values) for state in states) >= 15:
                        return [[v.string_value for v in state.values] for state in states]

    expected = [[f"o{k} {n}" for n in range(30) if n % 2 and n % 3 == k] for k in range(3)]
    assert await told(f"{name}.first", 30) == expected
    assert seen == list(range(30))


async def test_what_is_taken_is_said_by_the_annotation(broker_url: str) -> None:
    """JSON, bytes, several classes, and records without a value; the rest is put aside."""
    name, topic, mixed = fresh("shop"), fresh("json"), fresh("mixed")
    await make_topic(broker_url, topic)
    await make_topic(broker_url, mixed)
    system = shop(broker_url, name)
    both = system.publisher(mixed, StringValue)
    got: dict[str, list[object]] = defaultdict(list)

    @system.consumer(topic)
    def on_model(order: Order | None) -> None:
        got["model"].append(order)

    @system.consumer(topic)
    async def on_raw(raw: bytes) -> None:
        got["raw"].append(raw)

    @system.consumer(mixed)
    def on_either(message: StringValue | ListValue) -> None:
        got["either"].append(message)

    @system.consumer(mixed, options=ConsumerOptions(unknown="skip"))
    def on_number(message: Int64Value) -> None:
        got["number"].append(message)

    good = Order(order_id="a", cents=5)
    raw = good.model_dump_json().encode()
    async with system:
        await write(broker_url, topic, [("a", raw), ("b", b"{"), ("c", None)])
        await both.send(StringValue(value="x"), key="x")
        await until(lambda: len(got["model"]) == 2 and len(got["raw"]) == 2 and bool(got["either"]))
        async with asyncio.timeout(20):
            while not await parked(broker_url, name, "on_model") or not await parked(
                broker_url, name, "on_raw"
            ):
                await asyncio.sleep(0.05)

    (bad,) = await parked(broker_url, name, "on_model")
    (empty,) = await parked(broker_url, name, "on_raw")
    assert sorted(map(repr, got["model"])) == sorted([repr(good), "None"])
    assert sorted(map(repr, got["raw"])) == sorted([repr(raw), repr(b"{")])
    assert got["either"] == [StringValue(value="x")]
    assert got["number"] == []
    assert await parked(broker_url, name, "on_number") == []
    assert (bad.reason, bad.key) == ("undecodable", "b")
    assert "are no Order" in bad.error
    assert "tombstone" in empty.error
    assert "bytes | None" in empty.error


async def test_a_batch_is_taken_apart_around_the_bad_message(broker_url: str) -> None:
    """All others are handled, in the order of their partition."""
    name, topic = fresh("shop"), fresh("orders")
    await make_topic(broker_url, topic, partitions=1)
    await write(broker_url, topic, [(f"k{n % 5}", number(n)) for n in range(50)], partitions=1)
    system = shop(broker_url, name)
    done: list[int] = []
    sizes: list[int] = []

    @system.consumer(topic, batch_size=20, retry=QUICK)
    async def on_order(messages: list[Int64Value], context: ConsumerContext) -> None:
        sizes.append(len(messages))
        assert len(context.records) == len(messages)
        await asyncio.sleep(0)
        if any(message.value == 11 for message in messages):
            raise Skip("11 is among them")
        if any(message.value == 27 for message in messages):
            raise ValueError("27 is among them")
        done.extend(message.value for message in messages)

    async with system:
        found = await until_parked(broker_url, name, 5)
        await until(lambda: len(done) == 44)

    assert done == [n for n in range(50) if (n < 27 or n % 5 != 2) and n != 11]
    assert [Int64Value.FromString(m.value).value for m in found] == [27, 32, 37, 42, 47]
    assert max(sizes) == 20
