"""One slow, poisonous or crowded key holds nobody else up: in virtual time."""

import asyncio
from dataclasses import replace

from google.protobuf.wrappers_pb2 import Int64Value
from support.delivery_node import OPTIONS, Node, write
from support.scripted_log import Log, ScriptedPort

from callboard import Entity, handler
from callboard.testing import run_virtual
from callboard.transport.delivery import Position, TopicPartition, Tracker

SLEEP, POISON = -60, -1
MANY = replace(OPTIONS, max_in_flight=1_000)
seen: dict[str, float] = {}


class Clerk(Entity):
    """Notes when it was heard; sleeps so many seconds, or fails, when told to."""

    partitions = 2
    state: Int64Value

    @handler
    async def told(self, message: Int64Value) -> None:
        """Do as told."""
        if message.value < POISON:
            await asyncio.sleep(-message.value)
        if message.value == POISON:
            raise ValueError("poison")
        self.state.value += 1
        seen[self.context.self_ref.id] = asyncio.get_running_loop().time()


async def _among_ten_thousand(special: int) -> tuple[float, float, Log]:
    """Send one key something special, then 9,999 others a message each; return when all were."""
    seen.clear()
    log = Log()
    write(log, Clerk, "special", Int64Value(value=special), 0)
    write(log, Clerk, "special", Int64Value(value=1), 1)
    for number in range(9_999):
        write(log, Clerk, f"key-{number}", Int64Value(value=1), number + 2)
    node = Node("one", ScriptedPort(log), [Clerk], MANY)
    began = asyncio.get_running_loop().time()
    await node.start()
    async with asyncio.timeout(120):
        while len(seen) < 9_999:
            await asyncio.sleep(0.05)
    others = max(when for key, when in seen.items() if key != "special") - began
    await node.until_done()
    done = asyncio.get_running_loop().time() - began
    await node.stop()
    return others, done, log


def test_a_key_that_sleeps_for_a_minute_holds_up_no_other() -> None:
    """9,999 others are done long before it wakes up; then its own next message comes."""
    others, done, _ = run_virtual(_among_ten_thousand(SLEEP))
    assert others < 30
    assert done >= 60
    assert "special" in seen


def test_a_poisoned_key_holds_up_no_other() -> None:
    """It is parked with what is behind it; the others never notice."""
    others, done, log = run_virtual(_among_ten_thousand(POISON))
    assert done < others + 5
    assert "special" not in seen
    parked = sum(len(log.partitions[TopicPartition("t.Clerk.quarantine", n)]) for n in range(2))
    assert parked == 2


def test_a_restart_takes_in_only_what_was_not_finished() -> None:
    """The commit says what is done beyond the sleeper; the next owner is not handed it again."""

    async def main() -> tuple[int, Position]:
        log = Log()
        write(log, Clerk, "special", Int64Value(value=-20), 0)
        for number in range(200):
            write(
                log,
                Clerk,
                "special" if number % 50 == 7 else f"key-{number}",
                Int64Value(value=1),
                number + 1,
            )
        node = Node("one", ScriptedPort(log), [Clerk], MANY)
        await node.start()
        await asyncio.sleep(5)
        await node.die()
        place = next(p for p in log.committed if log.committed[p].ahead)
        committed = log.committed[place]
        second = Node("two", ScriptedPort(log), [Clerk], MANY)
        await second.start()
        await second.until_done()
        skipped = second.host.counters.redeliveries_skipped
        await second.stop()
        return skipped, committed

    skipped, committed = run_virtual(main())
    assert committed.offset == 0
    assert skipped == 0


def test_stragglers_do_not_hold_the_floor() -> None:
    """What others remember of a partition stays bounded while a few of its records take long."""
    tracker = Tracker(0, straggling=100)
    for offset in range(10_000):
        assert tracker.received(offset)
        if offset not in {3, 700}:
            tracker.finished(offset)
    assert str(tracker.floor()) == "10000;3,700"
    assert tracker.position == 3
    assert tracker.span == 0
    tracker.finished(3)
    tracker.finished(700)
    assert str(tracker.floor()) == "10000"


def test_many_stragglers_do_hold_it() -> None:
    """The floor names sixteen holes and stops at the next; the span is what bounds a partition."""
    tracker = Tracker(0, straggling=100)
    for offset in range(1_000):
        tracker.received(offset)
        if offset % 10:
            tracker.finished(offset)
    floor = tracker.floor()
    assert floor.offset == 160
    assert floor.holes == tuple(range(0, 160, 10))
    assert tracker.span == 840
