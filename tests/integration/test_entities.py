"""Entities over a real log: the same tests on the embedded broker and on Apache Kafka."""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer
from google.protobuf.struct_pb2 import ListValue
from google.protobuf.wrappers_pb2 import BytesValue, Int64Value, StringValue

from callboard import (
    ActorFailed,
    ActorSystem,
    AskTimeout,
    Entity,
    FailureEvent,
    InvalidTransportURL,
    MessageTooLarge,
    SchemaError,
    TransportError,
    TransportUnavailable,
    handler,
    send_all,
)
from callboard.supervision import Backoff, RetryPolicy
from callboard.transport import Inspector


class Ledger(Entity):
    """Keeps amounts in order, and tells each to the total of its owner."""

    partitions = 3
    policy = RetryPolicy(max_attempts=2, backoff=Backoff(0.01, 0.05))
    state: ListValue

    @handler
    def amount(self, message: Int64Value) -> Int64Value:
        """Keep an amount; a negative one is refused by crashing."""
        self.state.values.add().number_value = message.value
        self.context.entity(Total, "all").tell(message)
        if message.value < 0:
            raise ValueError(f"{message.value} is below zero")
        return Int64Value(value=len(self.state.values))

    @handler
    async def slow(self, message: StringValue) -> None:
        """Take as long as the message says."""
        await asyncio.sleep(float(message.value))

    @handler
    def large(self, message: BytesValue) -> None:
        """Take bytes of any size."""


class Total(Entity):
    """Adds what it is told."""

    partitions = 2
    state: Int64Value

    @handler
    def add(self, message: Int64Value) -> None:
        """Add an amount."""
        self.state.value += message.value


KINDS = (Ledger, Total)


@pytest.fixture
def name() -> str:
    """A system name of the test's own, since Apache Kafka serves the whole run."""
    return f"ledger-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def url(broker_url: str) -> str:
    """The transport URL of the broker under test."""
    return f"kafka://{broker_url}"


def system(name: str, url: str, node: str, *kinds: type[Entity]) -> ActorSystem:
    """Return a node that hosts these kinds."""
    return ActorSystem(name, transport=url, node=node, entities=kinds)


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def inspecting(url: str, name: str) -> AsyncGenerator[Inspector]:
    """An inspector of a system."""
    async with Inspector(url, name) as inspector:
        yield inspector


async def drained(inspector: Inspector) -> None:
    """Wait until all mail is handled."""
    async with asyncio.timeout(30):
        # The group's progress is its nodes' doing, and can only be asked for.
        while await inspector.lag(Ledger) or await inspector.lag(Total):
            await asyncio.sleep(0.05)


async def amounts(inspector: Inspector) -> dict[str, list[float]]:
    """Return what every ledger keeps."""
    return {
        key: [value.number_value for value in ListValue.FromString(stored.value).values]
        for key, stored in (await inspector.states(Ledger)).items()
    }


async def total(inspector: Inspector) -> int:
    """Return the total."""
    return Int64Value.FromString((await inspector.states(Total))["all"].value).value


async def test_state_outlives_its_node(name: str, url: str) -> None:
    """What a node acknowledged is there when another one starts."""
    async with system(name, url, "one", *KINDS) as first:
        ledger = first.entity(Ledger, "a")
        await ledger.send(Int64Value(value=5))
        assert (await ledger.ask(Int64Value(value=6), timeout=20.0)).value == 2
    async with system(name, url, "two", *KINDS) as second:
        ledger = second.entity(Ledger, "a")
        assert (await ledger.ask(Int64Value(value=7), timeout=20.0)).value == 3
    async with inspecting(url, name) as inspector:
        assert await amounts(inspector) == {"a": [5.0, 6.0, 7.0]}


async def test_nodes_that_come_and_go_lose_and_double_nothing(name: str, url: str) -> None:
    """While messages flow a second node joins and the first leaves: order and sums hold."""
    keys = [f"key-{number}" for number in range(20)]

    async def write(client: ActorSystem, first: int) -> None:
        for number in range(first, first + 300):
            await client.entity(Ledger, keys[number % 20]).send(Int64Value(value=number))

    async with system(name, url, "client") as client, inspecting(url, name) as inspector:
        async with system(name, url, "one", *KINDS):
            await write(client, 0)
            async with system(name, url, "two", *KINDS):
                writing = asyncio.create_task(write(client, 300))
                await until(
                    lambda: all(
                        member in inspector.members() and inspector.members()[member].owned
                        for member in ("one", "two")
                    )
                )
                await writing
                await write(client, 600)
            await write(client, 900)
            await drained(inspector)
        kept = await amounts(inspector)
        assert kept == {key: [float(n) for n in range(at, 1200, 20)] for at, key in enumerate(keys)}
        assert await total(inspector) == sum(range(1200))
        assert inspector.members()["two"].leaving


async def test_a_crash_is_told_to_everybody_and_parks_its_key(name: str, url: str) -> None:
    """The asker hears at once, the failures topic holds the events, the quarantine the mail."""
    heard: list[FailureEvent] = []
    async with system(name, url, "one", *KINDS) as node, inspecting(url, name) as inspector:
        inspector.on_failure(heard.append)
        ledger = node.entity(Ledger, "a")
        await ledger.send(Int64Value(value=1))
        with pytest.raises(ActorFailed, match="ValueError: -1 is below zero"):
            await ledger.ask(Int64Value(value=-1), timeout=20.0)
        await ledger.send(Int64Value(value=2))
        await node.entity(Ledger, "b").send(Int64Value(value=3))
        await drained(inspector)
        await until(lambda: len(heard) == 2)
        parked = await inspector.quarantined(Ledger)
        states = await inspector.states(Ledger)
        kept = await amounts(inspector)
        assert await total(inspector) == 4
    assert [(event.decision, event.attempt) for event in heard] == [("retry", 1), ("quarantine", 2)]
    assert heard[0].node == "one"
    assert [(m.key, m.reason, m.offset >= 0) for m in parked] == [
        ("a", "failed", True),
        ("a", "behind", True),
    ]
    assert kept == {"a": [1.0], "b": [3.0]}
    assert states["a"].parked
    assert not states["b"].parked


async def test_a_strangers_record_is_handled_or_quarantined(name: str, url: str) -> None:
    """Any Kafka client may write to a mailbox: a known type is handled, the rest is set aside."""
    async with system(name, url, "one", *KINDS), inspecting(url, name) as inspector:
        headers = [("ce_type", b"google.protobuf.Int64Value")]
        whole = Int64Value(value=300).SerializeToString()
        async with AIOKafkaProducer(
            bootstrap_servers=url.removeprefix("kafka://"), enable_idempotence=True
        ) as stranger:
            topic = f"{name}.Ledger"
            await stranger.send_and_wait(topic, whole, key=b"fine", headers=headers)
            await stranger.send_and_wait(topic, whole[:-1], key=b"cut", headers=headers)
            await stranger.send_and_wait(topic, whole, key=b"untyped")
            await stranger.send_and_wait(topic, whole, headers=headers)
        await drained(inspector)
        found = {m.key: m.reason for m in await inspector.quarantined(Ledger)}
        kept = await amounts(inspector)
        assert kept["fine"] == [300.0]
    assert found == {"cut": "undecodable", "untyped": "undecodable", "": "keyless"}


async def test_an_ask_ends_by_its_deadline(name: str, url: str) -> None:
    """A slow handler costs its asker the deadline and no more."""
    async with system(name, url, "one", *KINDS) as node:
        ledger = node.entity(Ledger, "a")
        await ledger.ask(Int64Value(value=1), timeout=20.0)
        began = time.perf_counter()
        with pytest.raises(AskTimeout, match=r"did not answer StringValue within 0\.3 s"):
            await ledger.ask(StringValue(value="1"), timeout=0.3)
        assert time.perf_counter() - began < 1.0


async def test_what_cannot_travel_is_refused_where_it_is_sent(name: str, url: str) -> None:
    """A message that is too large, or none of protobuf's, raises at the call."""
    async with system(name, url, "one") as node:
        ledger = node.entity(Ledger, "a")
        with pytest.raises(MessageTooLarge, match=r"1,000,004 bytes, the limit is 900,000"):
            await ledger.send(BytesValue(value=b"x" * 1_000_000))
        with pytest.raises(SchemaError, match="got dict; entities take protobuf messages"):
            ledger.tell({"amount": 5})
        await ledger.send(BytesValue(value=b"x" * 890_000))


async def test_many_are_sent_at_once_and_each_arrives_once_in_order(name: str, url: str) -> None:
    """More than one piece of them, to two entities, with the checks of a single send."""
    count = 12_000
    async with system(name, url, "one", *KINDS) as node, Inspector(url, name) as inspector:
        refs = [node.entity(Ledger, each) for each in ("a", "b")]
        await send_all((refs[n % 2], Int64Value(value=n)) for n in range(count))
        async with asyncio.timeout(60):
            while await inspector.lag(Ledger):
                await asyncio.sleep(0.05)
        states = await inspector.states(Ledger)
        for rest, each in enumerate(("a", "b")):
            kept = [v.number_value for v in ListValue.FromString(states[each].value).values]
            assert kept == list(range(rest, count, 2))
        with pytest.raises(SchemaError):
            await send_all([(refs[0], Int64Value(value=1)), (refs[1], "no message")])


async def test_what_is_sent_while_a_node_starts_keeps_its_order(name: str, url: str) -> None:
    """A mailbox is ready before the whole start is through; who sends then does not overtake."""
    client = ActorSystem(name, transport=url, node="client", entities=())
    told = client.publisher(f"{name}-told", Int64Value)  # is made ready after the mailboxes
    async with system(name, url, "one", *KINDS), inspecting(url, name) as inspector, client:
        ledger = client.entity(Ledger, "a")
        sends = [asyncio.create_task(ledger.send(Int64Value(value=0)))]
        while not all(each.done() for each in sends):  # one at each step of its loop
            if len(sends) < 5_000:
                message = Int64Value(value=len(sends))
                sends.append(asyncio.create_task(ledger.send(message)))
                sends.append(asyncio.create_task(told.send(message)))
            await asyncio.sleep(0)
        await asyncio.gather(*sends)
        await drained(inspector)
        state = ListValue.FromString((await inspector.states(Ledger))["a"].value)
    values = [int(each.number_value) for each in state.values]
    assert len(values) > 2
    assert values == sorted(values)


async def test_who_looks_before_anybody_came_makes_nothing(name: str, url: str) -> None:
    """A broker makes a topic for whoever asks for its end, with partitions as it likes."""
    async with Inspector(url, name) as inspector:
        assert await inspector.lag(Ledger) == await inspector.written(Ledger) == 0
        assert await inspector.states(Ledger) == {}
        assert await inspector.quarantined(Ledger) == []
        async with system(name, url, "one", *KINDS) as node:
            await node.entity(Ledger, "a").send(Int64Value(value=1))
            await drained(inspector)
            assert await inspector.written(Ledger) == 1


async def test_another_number_of_partitions_is_refused(name: str, url: str) -> None:
    """Keys would belong elsewhere; the error says what to write."""
    async with system(name, url, "one", Total):
        pass

    class Wider(Total):
        kind_name = "Total"
        partitions = 5

    with pytest.raises(TransportError, match=r"2 partitions and the class says 5.*partitions = 2"):
        async with system(name, url, "two", Wider):
            pass


async def test_no_broker_is_told_within_seconds() -> None:
    """The error names the address and the command that starts a broker."""
    began = time.perf_counter()
    with pytest.raises(TransportUnavailable, match=r"127.0.0.1:9 .*callboard broker --port 9"):
        async with system("nowhere", "kafka://127.0.0.1:9", "one", Total):
            pass
    assert time.perf_counter() - began < 8.0


async def test_memory_needs_nothing() -> None:
    """memory:// is a broker inside the process; the kinds a node refers to are hosted."""
    async with ActorSystem("inside", transport="memory://") as node:
        ledger = node.entity(Ledger, "a")
        ledger.tell(Int64Value(value=1))
        assert (await ledger.ask(Int64Value(value=2), timeout=20.0)).value == 2
    with pytest.raises(InvalidTransportURL, match="lives inside one process"):
        Inspector("memory://", "inside")
