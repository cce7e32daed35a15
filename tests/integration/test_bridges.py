"""Bridges from a scripted queue: every step fails once, and bad messages hold nothing up."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from google.protobuf.wrappers_pb2 import Int64Value
from pydantic import BaseModel
from structlog.testing import capture_logs
from support.consuming import fresh
from support.planes import QUICK, Plane, kept, message, running, to_one, until_kept
from support.scripted_queue import ScriptedQueue
from support.small_apps import within

from callboard import (
    ActorSystem,
    BridgeError,
    BridgeOptions,
    FailureEvent,
    HandlerError,
)
from callboard.transport import Quarantine, _bridging
from callboard.transport._bridging import LogIntake
from callboard.transport.bridges import ForeignMessage, Known


async def test_what_is_in_hand_is_acknowledged_before_a_node_has_stopped(broker_url: str) -> None:
    """Else it would stand in the queue for whoever looks, though the log has it."""
    queue = ScriptedQueue(slow=0.5)
    async with running(broker_url, to_one(queue)) as system:
        queue.put(message(1))
        assert await until_kept(system, "p", 1) == [1]  # while it is not acknowledged yet
    assert queue.messages == []


@pytest.mark.parametrize("step", ["connect", "take", "acknowledge", "acknowledged"])
async def test_each_step_fails_once(broker_url: str, step: str) -> None:
    """The bridge starts anew, and what comes again is known by its id: all once, in order."""
    queue = ScriptedQueue()
    failed: list[str] = []

    def once(name: str) -> None:
        if name == step and queue.steps.count(name) == 2 and not failed:
            failed.append(name)
            raise BridgeError(f"gone at {name}")

    def at_first(name: str) -> None:
        if name == step and not failed:
            failed.append(name)
            raise BridgeError(f"gone at {name}")

    queue.fail = at_first if step == "connect" else once
    queue.put(*(message(number) for number in range(1, 101)))
    events: list[FailureEvent] = []
    async with running(broker_url, to_one(queue, batch=30)) as system:
        system.events.subscribe(FailureEvent, events.append)
        assert await until_kept(system, "p", 100) == list(range(1, 101))
        await within(30.0, lambda: not queue.messages)
        queue.put(message(101), message(7), message(102))
        assert await until_kept(system, "p", 102) == list(range(1, 103))
        await within(30.0, lambda: not queue.messages)
    assert failed == [step]
    assert [(each.error_type, each.decision) for each in events] == [("BridgeError", "restart")]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_write_fails_before_or_after_it_was_taken(
    broker_url: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows whether it was taken: what stands in the log says so."""
    write = LogIntake.write
    failed: list[str] = []

    async def once(self: Any, records: Any) -> Any:
        if not failed:
            failed.append(when)
            if when == "after":
                await write(self, records)
            raise BridgeError("the answer was lost")
        return await write(self, records)

    monkeypatch.setattr(LogIntake, "write", once)
    queue = ScriptedQueue()
    queue.put(*(message(number) for number in range(1, 51)))
    async with running(broker_url, to_one(queue, batch=20)) as system:
        assert await until_kept(system, "p", 50) == list(range(1, 51))
        await asyncio.sleep(0.5)  # what would come twice would come now
        assert len(await kept(system, "p")) == 50
    assert failed == [when]


async def test_what_comes_next_is_taken_while_one_batch_is_written(
    broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write waits here until the queue has been asked once more; all come, in order."""
    write, queue = LogIntake.write, ScriptedQueue()

    async def when_asked_again(self: Any, records: Any) -> Any:
        await within(30.0, lambda: queue.steps.count("take") >= 2)
        return await write(self, records)

    monkeypatch.setattr(LogIntake, "write", when_asked_again)
    queue.put(*(message(number) for number in range(1, 51)))
    async with running(broker_url, to_one(queue, batch=20)) as system:
        assert await until_kept(system, "p", 50) == list(range(1, 51))
        await within(30.0, lambda: not queue.messages)
    assert queue.sessions == 1


async def test_the_time_of_an_adapter_is_not_the_brokers(
    broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch may take longer to be made than a write may take, and than a session lasts."""
    monkeypatch.setattr(_bridging, "_WRITE_TIMEOUT", 1.5)
    queue = ScriptedQueue()
    queue.put(*(message(number) for number in range(1, 301)))

    def declare(system: ActorSystem) -> None:
        @system.bridge(queue, to=Plane, key=lambda _: "p", name="flights")
        def slow(payload: bytes) -> Int64Value:
            time.sleep(0.01)
            return Int64Value(value=int(payload))

    async with running(broker_url, declare) as system:
        assert await until_kept(system, "p", 300) == list(range(1, 301))
        await within(30.0, lambda: not queue.messages)
    assert queue.sessions == 1


async def test_a_node_that_dies_is_followed_by_another(broker_url: str) -> None:
    """The other writes on where the first one stopped; the first, awake again, writes nothing."""
    queue = ScriptedQueue()
    url = f"kafka://{broker_url}?session_timeout=2"
    name = fresh("air")
    systems = [ActorSystem(name, transport=url, node=node, entities=[Plane]) for node in "ab"]
    for system in systems:
        to_one(queue)(system)
    first, second = systems
    async with first, second:
        queue.put(*(message(number) for number in range(1, 21)))
        await until_kept(second, "p", 20)
        first.terminate()
        await first.wait_stopped()
        queue.put(*(message(number) for number in range(15, 41)))
        assert await until_kept(second, "p", 40) == list(range(1, 41))
    assert queue.sessions >= 2


async def test_what_a_dead_bridge_had_begun_holds_up_nobody_for_long(broker_url: str) -> None:
    """Its successor undoes it, and the mailbox it was written to is read on."""
    queue = ScriptedQueue()
    queue.put(message(1))
    name = fresh("air")

    def node() -> ActorSystem:
        url = f"kafka://{broker_url}?session_timeout=2"
        system = ActorSystem(name, transport=url, node="n1", entities=[Plane])
        to_one(queue)(system)
        return system

    async with node() as system:
        assert await until_kept(system, "p", 1) == [1]
    dead = AIOKafkaProducer(
        bootstrap_servers=broker_url,
        transactional_id=f"{name}/bridges/{name}.flights.intake/0",
        transaction_timeout_ms=60_000,
    )
    await dead.start()
    await dead.begin_transaction()
    await dead.send_and_wait(f"{name}.Plane", b"never", key=b"p")
    await dead.client.close()  # it dies
    queue.put(message(2))
    async with node() as system, asyncio.timeout(30):
        assert await until_kept(system, "p", 2) == [1, 2]
    await dead.stop()


async def test_a_batch_of_which_nothing_is_left(broker_url: str) -> None:
    """Dropped, and without ids there is no receipt either: acknowledged all the same."""
    queue = ScriptedQueue()

    def declare(system: ActorSystem) -> None:
        @system.bridge(queue, to=Plane, key=lambda _: "p", options=BridgeOptions(batch=10))
        def adapter(payload: bytes) -> Int64Value | None:
            return None if payload == b"0" else Int64Value(value=int(payload))

    queue.put(*(ForeignMessage("", b"0") for _ in range(40)), ForeignMessage("", b"7"))
    async with running(broker_url, declare) as system:
        assert await until_kept(system, "p", 1) == [7]
        await within(30.0, lambda: not queue.messages)
    assert queue.sessions == 1


async def test_bad_messages_hold_up_no_other(broker_url: str) -> None:
    """Undecodable, of the wrong type, for nobody: in quarantine, as they came; the rest goes on."""
    queue = ScriptedQueue()

    def declare(system: ActorSystem) -> None:
        @system.bridge(queue, to=Plane, key=key, name="flights", handling=QUICK, options=SMALL)
        def adapter(payload: bytes, headers: dict[str, str]) -> Any:
            if headers.get("drop"):
                return None
            if payload == b"wrong":
                return "no message"
            return Int64Value(value=int(payload))

    def key(command: Int64Value) -> str:
        return "" if command.value == 13 else "p"

    queue.put(
        message(1),
        ForeignMessage("bad", b"\xff\xfe", {"from": "tower \udcff"}),
        ForeignMessage("wrong", b"wrong"),
        message(13),
        message(2, drop="yes"),
        ForeignMessage("large", bytes(2_000), {}),
        ForeignMessage("", b"3"),
        ForeignMessage("x" * 500, b"4"),
        ForeignMessage("odd:1.2", b"5", {"ce_id": "mine", "cb_reply_to": "nobody"}),
        message(6),
    )
    with capture_logs() as lines:
        async with running(broker_url, declare) as system:
            assert sorted(await until_kept(system, "p", 5)) == [1, 3, 4, 5, 6]
            await within(30.0, lambda: not queue.messages)
            async with Quarantine(f"kafka://{broker_url}", system.name) as desk:
                parked = await desk.messages("flights")
    assert sorted(each.value for each in parked) == [b"13", b"wrong", b"\xff\xfe"]
    (bad,) = [each for each in parked if each.value == b"\xff\xfe"]
    assert dict(bad.headers)["from_from"] == b"tower \xff"
    assert [each.id for each in queue.aside] == ["large"]
    assert len([each for each in lines if "set aside" in str(each["event"])]) == 1
    assert len([each for each in lines if "messages have no id" in str(each["event"])]) == 1


SMALL = BridgeOptions(max_message_bytes=1_000)


async def test_what_is_mended_comes_back_from_quarantine(broker_url: str) -> None:
    """As it came: the adapter sees body and headers once more."""
    queue = ScriptedQueue()
    lenient = False

    def declare(system: ActorSystem) -> None:
        @system.bridge(queue, to=Plane, key=lambda _: "p", name="flights", handling=QUICK)
        def adapter(payload: bytes, headers: dict[str, str]) -> Int64Value:
            if not lenient:
                raise ValueError("not yet")
            return Int64Value(value=int(payload) + int(headers["add"]))

    queue.put(message(1, add="10"))
    async with running(broker_url, declare) as system:
        async with Quarantine(f"kafka://{broker_url}", system.name) as desk:
            async with asyncio.timeout(20):
                while "flights" not in desk.kinds or not await desk.messages("flights"):
                    await asyncio.sleep(0.1)
            lenient = True
            (done,) = await desk.redrive("flights", timeout=30.0)
            assert (done.handled, done.left) == (1, 0)
        assert await until_kept(system, "p", 1) == [11]


async def test_a_full_intake_makes_the_bridge_wait(broker_url: str) -> None:
    """The queue keeps what cannot be handled yet; when there is room, it goes on."""
    queue = ScriptedQueue()
    gate = asyncio.Event()

    def declare(system: ActorSystem) -> None:
        @system.bridge(queue, name="slow", options=BridgeOptions(batch=10, max_backlog=20))
        async def handle(payload: bytes) -> None:
            await gate.wait()
            done.append(int(payload))

    done: list[int] = []
    queue.put(*(message(number) for number in range(200)))
    async with running(broker_url, declare):
        await within(30.0, lambda: len(queue.messages) < 200)
        waiting = -1
        while len(queue.messages) != waiting:  # until it takes no more
            waiting = len(queue.messages)
            await asyncio.sleep(1.0)
        assert waiting, "it took everything although nothing was handled"
        gate.set()
        await within(30.0, lambda: not queue.messages and len(done) == 200)
    assert sorted(done) == list(range(200))


async def test_what_is_handled_is_removed(broker_url: str) -> None:
    """But for the ids that are still to be known."""
    queue = ScriptedQueue()
    queue.put(*(message(number) for number in range(1, 101)))
    async with running(broker_url, to_one(queue, remember=10, batch=20)) as system:
        await until_kept(system, "p", 100)
        name = system.name
    topic = TopicPartition(f"{name}.flights.intake", 0)
    queue.put(message(100), message(101))
    again = ActorSystem(name, transport=f"kafka://{broker_url}", node="n2", entities=[Plane])
    to_one(queue, remember=10, batch=20)(again)
    async with again:
        assert await until_kept(again, "p", 101) == list(range(1, 102))
    consumer = AIOKafkaConsumer(bootstrap_servers=broker_url)
    await consumer.start()
    try:
        first = (await consumer.beginning_offsets([topic]))[topic]
        end = (await consumer.end_offsets([topic]))[topic]
    finally:
        await consumer.stop()
    assert 0 < first < end, "the receipt of the last ones stays"


class Departure(BaseModel):
    """What a body says, as JSON."""

    tail: str
    minutes: int


async def test_bodies_are_decoded_by_annotation(broker_url: str) -> None:
    """JSON into a model, which has the key; the adapter stays a plain function."""
    queue = ScriptedQueue()
    adapters: list[Callable[[Departure], Int64Value]] = []

    def declare(system: ActorSystem) -> None:
        @system.bridge(queue, to=Plane, key="tail")
        def departed(payload: Departure) -> Int64Value:
            return Int64Value(value=payload.minutes)

        adapters.append(departed)

    queue.put(ForeignMessage("a", b'{"tail": "N1", "minutes": 5}'))
    async with running(broker_url, declare) as system:
        assert await until_kept(system, "N1", 1) == [5]
    assert adapters[0](Departure(tail="x", minutes=2)).value == 2


def test_declarations_that_make_no_sense() -> None:
    """Each is refused where it is made, with what to write."""
    system = ActorSystem("t")
    queue = ScriptedQueue()
    with pytest.raises(HandlerError, match="takes the payload, and the headers"):

        @system.bridge(queue, to=Plane, key="x")
        def three(a: bytes, b: dict[str, str], c: int) -> None: ...

    with pytest.raises(HandlerError, match="takes one message"):

        @system.bridge(queue)
        def many(payload: list[bytes]) -> None: ...

    with pytest.raises(HandlerError, match="does not say which messages it takes"):

        @system.bridge(queue)
        def silent(payload) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
            ...

    with pytest.raises(ValueError, match="max_backlog is 0"):
        BridgeOptions(max_backlog=0)

    @system.bridge(queue, name="one")
    def first(payload: bytes) -> None: ...

    with pytest.raises(ValueError, match="are called 'one'"):

        @system.bridge(queue, name="one")
        def second(payload: bytes) -> None: ...


def test_the_oldest_ids_are_forgotten_first() -> None:
    """As many are remembered as was said; none is no id at all."""
    seen = Known(3)
    assert [seen.is_new(each) for each in "abca"] == [True, True, True, False]
    assert seen.is_new("d")
    assert seen.is_new("a"), "the oldest has gone"
    assert seen.is_new("")
    assert seen.is_new("")
