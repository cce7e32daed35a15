"""At least once, in order, and into entities once: a consumer's process fails at every step.

As for entities, the faultless run numbers the steps, each then fails in each way, and another
process takes over.
"""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import NamedTuple, get_args

import pytest
from google.protobuf.struct_pb2 import ListValue
from google.protobuf.wrappers_pb2 import Int64Value, StringValue
from support.delivery_node import OPTIONS, SYSTEM, Node, shuffled
from support.scripted_log import Log, Mode, ScriptedPort

from callboard import ConsumerContext, ConsumerOptions, Entity, handler
from callboard.testing import run_virtual
from callboard.transport.consumers import Consumer, declare
from callboard.transport.delivery import (
    ANY,
    Changelog,
    DeliveryOptions,
    Outbound,
    TopicPartition,
    partition_for,
)

KEYS = ("a", "b", "c", "d")
POISON = 13
MESSAGES = shuffled(5, 24, KEYS)
OUT = TopicPartition("out", ANY)
ONCE = replace(OPTIONS, exactly_once=True)


class Tally(Entity):
    """Keeps what it is told, in order."""

    partitions = 2
    state: ListValue

    @handler
    def told(self, message: StringValue) -> None:
        """Remember a message."""
        self.state.values.add().string_value = message.value


async def on_number(message: Int64Value, context: ConsumerContext) -> None:
    """Tell an entity, wait a little, fail on the bad number, and publish."""
    key = (context.record.key or b"").decode()
    context.entity(Tally, "all").tell(StringValue(value=f"{key}:{message.value}"))
    if message.value % 3 == 0:
        await asyncio.sleep(0.003)
    if message.value == POISON:
        raise ValueError("the bad one")
    context.publish("out", message, key=key)


def on_numbers(messages: list[Int64Value], context: ConsumerContext) -> None:
    """Do the same with a batch, and fail when the bad number is among it."""
    for message, record in zip(messages, context.records, strict=True):
        key = (record.key or b"").decode()
        if message.value == POISON:
            raise ValueError("the bad one")
        context.publish("out", message, key=key)


def consumer(function: object = on_number) -> Consumer:
    """Return the consumer under test."""
    assert callable(function)
    options = ConsumerOptions(partitions=2, batch_size=4)
    return declare(SYSTEM, "numbers", function, to=None, key=None, options=options)


class Left(NamedTuple):
    """What a run left in the log."""

    tally: list[str]
    published: dict[str, list[int]]
    quarantined: list[str]


def filled(count: int = len(MESSAGES)) -> Log:
    """Return a log with the first messages in it."""
    log = Log()
    fill(log, MESSAGES[:count])
    return log


def fill(log: Log, messages: list[tuple[str, int]]) -> None:
    """Write messages as a stranger would: key and value, no headers."""
    for key, number in messages:
        to = TopicPartition("numbers", partition_for(key.encode(), 2))
        value = Int64Value(value=number).SerializeToString()
        log.append(Outbound(to, key.encode(), value, []))


def left_in(log: Log) -> Left:
    """Read what a run left; what was published counts once for each id."""
    tally: list[str] = []
    for number in range(2):
        changelog = Changelog()
        changelog.fold(log.partitions[TopicPartition("t.Tally.state", number)])
        for stored in changelog.states.values():
            tally += [value.string_value for value in ListValue.FromString(stored.value).values]
    published: dict[str, list[int]] = {key: [] for key in KEYS}
    seen: dict[bytes, bytes] = {}
    for record in log.partitions[OUT]:
        message_id, value = dict(record.headers)["ce_id"], record.value or b""
        assert seen.setdefault(message_id, value) == value, f"two messages with one id {record}"
        published[(record.key or b"").decode()].append(Int64Value.FromString(value).value)
    quarantined = [
        dict(record.headers)["cb_quarantine_origin"].decode()
        for number in range(2)
        for record in log.partitions[TopicPartition("t.on_number.quarantine", number)]
        + log.partitions[TopicPartition("t.on_numbers.quarantine", number)]
    ]
    return Left(tally, published, quarantined)


def expected() -> tuple[dict[str, list[int]], int]:
    """Compute without callboard what is published of each key, and how many are parked."""
    handled: dict[str, list[int]] = {key: [] for key in KEYS}
    parked: Counter[str] = Counter()
    for key, number in MESSAGES:
        if number == POISON or parked[key]:
            parked[key] += 1
        else:
            handled[key].append(number)
    return handled, parked.total()


def check(left: Left, what: str, *, tallied: bool = True) -> None:
    """Compare what a run left with what must be there."""
    handled, parked = expected()
    for key in KEYS:
        first = list(dict.fromkeys(left.published[key]))
        assert first == handled[key], f"{what}: {key}: {left.published[key]}"
        if tallied:
            told = [text for text in left.tally if text.startswith(f"{key}:")]
            assert told == [f"{key}:{number}" for number in handled[key]], f"{what}: {key}"
    assert len(set(left.quarantined)) == parked, what


async def faultless(options: DeliveryOptions, function: object) -> tuple[Log, int]:
    """Run once without a fault; return the log and the number of steps."""
    log = filled()
    node = Node("one", ScriptedPort(log), [Tally], options, consumers=[consumer(function)])
    await node.start()
    await node.until_done()
    await node.stop()
    return log, node.port.steps


async def with_fault(step: int, mode: Mode, options: DeliveryOptions, function: object) -> Left:
    """Run with one failing step, a second process taking over."""
    at_once = 16 if mode == "asleep" else len(MESSAGES)
    log = filled(at_once)
    wanted = [consumer(function)]
    first = Node("one", ScriptedPort(log, step, mode), [Tally], options, consumers=wanted)
    await first.start()
    await first.until_ended()
    if first.port.dead.is_set():
        await first.die()
    if mode == "refused":
        first.core.assigned(first.mailboxes)
        await first.until_done()
    second = Node("two", ScriptedPort(log), [Tally], options, consumers=wanted)
    await second.start()
    await second.until_done()
    if mode == "asleep":
        first.port.awake.set()
        for at in range(at_once, len(MESSAGES), 4):
            fill(log, MESSAGES[at : at + 4])
            await asyncio.sleep(0.5)  # virtual
        await second.until_done()
    for node in (first, second):
        await node.die()
    return left_in(log)


def test_the_faultless_run_leaves_what_is_expected() -> None:
    """Without faults every message is handled once, in order, and the bad one's key is parked."""
    log, _ = run_virtual(faultless(OPTIONS, on_number))
    left = left_in(log)
    check(left, "faultless")
    assert left.published == expected()[0]
    assert len(left.quarantined) == expected()[1]


@pytest.mark.parametrize("options", [OPTIONS, ONCE], ids=["ids", "transactions"])
@pytest.mark.parametrize("mode", get_args(Mode))
def test_one_fault_at_every_step_loses_nothing(mode: Mode, options: DeliveryOptions) -> None:
    """Whatever fails at whichever step: all handled in order, entities told once, none lost."""
    _, steps = run_virtual(faultless(options, on_number))
    assert steps > 10
    for step in range(steps):
        left = run_virtual(with_fault(step, mode, options, on_number))
        check(left, f"{mode} at step {step}")


@pytest.mark.parametrize("mode", get_args(Mode))
def test_one_fault_at_every_step_of_batches_loses_nothing(mode: Mode) -> None:
    """A batch with a bad message is taken apart; the others are handled, in order."""
    _, steps = run_virtual(faultless(OPTIONS, on_numbers))
    for step in range(steps):
        log = with_fault(step, mode, OPTIONS, on_numbers)
        handled, parked = expected()
        left = run_virtual(log)
        for key in KEYS:
            assert set(left.published[key]) == set(handled[key]), f"{mode} at {step}: {key}"
        assert len(set(left.quarantined)) == parked, f"{mode} at {step}"
