"""Redriving: what was parked comes back in its order, once, whoever crashes on the way."""

import asyncio
from collections.abc import Callable, Iterator
from typing import get_args

import pytest
from google.protobuf.struct_pb2 import ListValue
from google.protobuf.wrappers_pb2 import Int64Value, StringValue
from support.delivery_node import Node, write
from support.scripted_log import Log, Mode, ScriptedPort

from callboard import Entity, handler
from callboard.testing import run_virtual
from callboard.transport.delivery import (
    Changelog,
    Inbound,
    Outbound,
    Shelf,
    TopicPartition,
    redrive_records,
)

MAILBOX = TopicPartition("t.Shelf_", 0)
QUARANTINE = TopicPartition("t.Shelf_.quarantine", 0)
broken = {3}
"""Numbers the entity fails on; a deployment that mends it empties this."""


class Echo(Entity):
    """Hears of every number that was kept."""

    partitions = 1
    state: ListValue

    @handler
    def heard(self, message: StringValue) -> None:
        """Remember it."""
        self.state.values.add().string_value = message.value


class Keeper(Entity):
    """Keeps numbers in order, tells each on, and fails on the broken ones."""

    kind_name = "Shelf_"
    partitions = 1
    state: ListValue

    @handler
    def number(self, message: Int64Value) -> None:
        """Keep a number."""
        self.state.values.add().number_value = message.value
        said = StringValue(value=str(message.value))
        self.context.entity(Echo, "all").tell(said)
        if message.value in broken:
            raise ValueError(f"{message.value} is broken")


KINDS = (Keeper, Echo)


@pytest.fixture(autouse=True)
def three_is_broken() -> Iterator[None]:
    """Begin each test with a class that fails on 3."""
    broken.clear()
    broken.add(3)
    yield
    broken.clear()


def put(log: Log, *numbers: int) -> None:
    """Write numbers to the mailbox of `k`."""
    for number in numbers:
        write(log, Keeper, "k", Int64Value(value=number), number)


def shelf(log: Log) -> Shelf:
    """Return what the quarantine topic tells."""
    found = Shelf()
    found.fold(log.partitions[QUARANTINE])
    return found


def waiting(log: Log) -> list[int]:
    """Return the numbers in quarantine."""
    return [Int64Value.FromString(m.value).value for m in shelf(log).messages()]


def redrive(log: Log, run: bytes, *, without: tuple[int, ...] = ()) -> None:
    """Write what `Quarantine.redrive` writes."""
    found = shelf(log)
    parked = [
        (m.offset, m.value, m.headers)
        for m in found.messages()
        if Int64Value.FromString(m.value).value not in without
    ]
    newest = found.newest(*MAILBOX, "k")
    for record in redrive_records(MAILBOX, b"k", parked, newest=newest, run=run):
        log.append(record)


def kept(log: Log, topic: str, key: str) -> list[float | str]:
    """Return what an entity's state has."""
    changelog = Changelog()
    changelog.fold(log.partitions[TopicPartition(topic, 0)])
    state = ListValue.FromString(changelog.states[key].value)
    return [v.number_value or v.string_value for v in state.values]


async def on_a_node(log: Log, *steps: Callable[[], object]) -> None:
    """Run a node until the log is done; call a step and run on, for each."""
    node = Node("one", ScriptedPort(log), KINDS)
    await node.start()
    await node.until_done()
    for step in steps:
        step()
        await node.until_done()
    await node.stop()


def mend() -> None:
    """Deploy the class that takes a 3."""
    broken.clear()


def test_what_was_parked_is_handled_in_its_order_before_what_comes_later() -> None:
    """After the release the key flows again; nothing of it waits any more."""
    log = Log()
    put(log, 1, 2, 3, 4, 5)
    run_virtual(on_a_node(log, mend, lambda: redrive(log, b"r"), lambda: put(log, 6, 7)))
    assert kept(log, "t.Shelf_.state", "k") == [1, 2, 3, 4, 5, 6, 7]
    assert kept(log, "t.Echo.state", "all") == ["1", "2", "3", "4", "5", "6", "7"]
    assert waiting(log) == []
    assert shelf(log).answers == {b"r": -1}


def test_one_that_fails_again_keeps_its_place_and_those_behind_theirs() -> None:
    """Nothing is lost or reordered by redriving too early; the next time it works."""
    log = Log()
    put(log, 1, 3, 4, 5)
    run_virtual(on_a_node(log, lambda: redrive(log, b"early"), lambda: put(log, 6)))
    assert waiting(log) == [3, 4, 5, 6]
    assert shelf(log).answers[b"early"] >= 0
    run_virtual(on_a_node(log, mend, lambda: redrive(log, b"late"), lambda: put(log, 7)))
    assert kept(log, "t.Shelf_.state", "k") == [1, 3, 4, 5, 6, 7]
    assert kept(log, "t.Echo.state", "all") == ["1", "3", "4", "5", "6", "7"]


def test_redriving_twice_applies_once() -> None:
    """Whoever redrives may crash after writing and begin again, or two may do it."""
    log = Log()
    put(log, 1, 3, 4)

    def twice() -> None:
        broken.clear()
        found = shelf(log)
        parked = [(m.offset, m.value, m.headers) for m in found.messages()]
        newest = found.newest(*MAILBOX, "k")
        first = redrive_records(MAILBOX, b"k", parked, newest=newest, run=b"a")
        for record in [*first[:1], *first, *first[:-1], *first]:
            log.append(record)

    run_virtual(on_a_node(log, twice, lambda: put(log, 5)))
    assert kept(log, "t.Shelf_.state", "k") == [1, 3, 4, 5]
    assert waiting(log) == []


def test_mail_that_comes_while_redriving_is_not_overtaken() -> None:
    """It waits in quarantine, the release is refused and names it, and the next round takes it."""
    log = Log()
    put(log, 1, 3, 4)

    def with_mail_between() -> None:
        broken.clear()
        found = shelf(log)
        parked = [(m.offset, m.value, m.headers) for m in found.messages()]
        newest = found.newest(*MAILBOX, "k")
        *copies, release = redrive_records(MAILBOX, b"k", parked, newest=newest, run=b"a")
        for record in copies:
            log.append(record)
        put(log, 5)
        log.append(release)

    run_virtual(on_a_node(log, with_mail_between))
    assert waiting(log) == [5]
    assert shelf(log).answers[b"a"] == shelf(log).newest(*MAILBOX, "k")
    run_virtual(on_a_node(log, lambda: redrive(log, b"b"), lambda: put(log, 6)))
    assert kept(log, "t.Shelf_.state", "k") == [1, 3, 4, 5, 6]


def test_an_old_chain_is_nothing_to_a_key_that_was_parked_again() -> None:
    """Copies that arrive late, after another parking, are not taken for its messages."""
    log = Log()
    put(log, 3, 4)
    old: list[Inbound] = []

    def first() -> None:
        broken.clear()
        at = len(log.partitions[MAILBOX])
        redrive(log, b"a")
        old.extend(log.partitions[MAILBOX][at:])

    def park_again() -> None:
        broken.add(8)
        put(log, 8, 9)

    def late() -> None:
        for record in old:
            log.append(Outbound(MAILBOX, record.key, record.value, record.headers))

    run_virtual(on_a_node(log, first, park_again, late))
    assert kept(log, "t.Shelf_.state", "k") == [3, 4]
    assert waiting(log) == [8, 9]


@pytest.mark.parametrize("mode", get_args(Mode))
def test_one_fault_at_every_step_of_a_redrive_changes_nothing(mode: Mode) -> None:
    """The node dies, or errs, at each write and commit while the parked messages come back."""

    async def run(step: int | None) -> tuple[Log, int]:
        log = Log()
        put(log, 1, 3, 4, 5)
        await on_a_node(log)
        broken.clear()
        redrive(log, b"r")
        put(log, 6, 7)
        port = ScriptedPort(log, step, mode) if step is not None else ScriptedPort(log)
        node = Node("two", port, KINDS)
        await node.start()
        ends = [
            asyncio.create_task(waits)
            for waits in (port.dead.wait(), port.asleep.wait(), node.until_done())
        ]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in ends:
            task.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
        if not port.dead.is_set() and mode == "asleep":
            port.awake.set()
        if port.dead.is_set():
            await node.die()
        last = Node("three", ScriptedPort(log), KINDS)
        await last.start()
        await last.until_done()
        redrive(log, b"again")  # what the tool does that got no answer; harmless when it had one
        await last.until_done()
        if not port.dead.is_set():
            await node.die()
        await last.die()
        return log, port.steps

    broken.add(3)
    _, steps = run_virtual(run(None))
    assert steps > 5
    for step in range(steps):
        broken.add(3)
        log, _ = run_virtual(run(step))
        assert kept(log, "t.Shelf_.state", "k") == [1, 3, 4, 5, 6, 7], f"{mode} at {step}"
        assert kept(log, "t.Echo.state", "all") == ["1", "3", "4", "5", "6", "7"], (
            f"{mode} at {step}"
        )
        assert waiting(log) == [], f"{mode} at {step}"
