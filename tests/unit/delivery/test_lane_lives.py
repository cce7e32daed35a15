"""The life of lanes and partitions: start, idleness, room, leaving, coming back."""

import asyncio

import pytest
import structlog
from google.protobuf.wrappers_pb2 import Int64Value, StringValue
from support.delivery_node import Node, write
from support.keeper import MAILBOX, STATE, Keeper, handled, kept
from support.scripted_log import Log, ScriptedPort

from callboard import FailureEvent
from callboard.supervision import RetryPolicy
from callboard.testing import run_virtual
from callboard.transport.delivery import (
    Kind,
    Outbound,
)


@pytest.fixture(autouse=True)
def _fresh() -> None:
    Keeper.failures = 0
    Keeper.starts.clear()
    Keeper.stops.clear()


def test_started_runs_once_per_instance() -> None:
    """`started` comes before the first message and again after a failure, not per message."""
    log = Log()
    for number, value in enumerate((1, 2, -3)):
        write(log, Keeper, "a", Int64Value(value=value), number)
    run_virtual(handled(log))
    assert Keeper.starts == ["a", "a", "a"]  # the first, and two retries of the bad one


def test_room_is_bounded() -> None:
    """A partition with as many unfinished records as it may have takes no more."""
    log = Log()
    for number in range(100):
        write(log, Keeper, f"key-{number}", Int64Value(value=1_000), number)

    async def main() -> int:
        node = Node("one", ScriptedPort(log), [Keeper])
        await node.start()
        await asyncio.sleep(1.0)
        taken = node.port.positions[MAILBOX]
        await node.die()
        return taken

    assert 16 <= run_virtual(main()) < 16 + 4


def test_partitions_that_come_back_unchanged_stay_warm() -> None:
    """A partition that comes back is not restored again, unless somebody wrote meanwhile."""
    log = Log()
    write(log, Keeper, "a", Int64Value(value=1), 1)

    async def main() -> tuple[int, int]:
        node = Node("one", ScriptedPort(log), [Keeper])
        await node.start()
        await node.until_done()
        before = len(log.partitions[STATE])
        await node.core.revoked(node.mailboxes)
        node.core.assigned(node.mailboxes)
        write(log, Keeper, "a", Int64Value(value=2), 2)
        await node.until_done()
        warm = len(log.partitions[STATE]) - before
        await node.core.revoked(node.mailboxes)
        log.append(Outbound(STATE, b"x", b"", [("cb_epoch", b"1"), ("cb_applied", b"0")]))
        node.core.assigned(node.mailboxes)
        write(log, Keeper, "a", Int64Value(value=3), 3)
        await node.until_done()
        cold = len(log.partitions[STATE]) - before - warm
        await node.stop()
        return warm, cold

    warm, cold = run_virtual(main())
    assert warm == 1  # the state of "a", and no marker
    assert cold == 3  # the stranger's record, a marker, and the state of "a"
    assert kept(log, "a") == [1.0, 2.0, 3.0]


def test_a_handler_in_hand_is_finished_before_its_partition_leaves() -> None:
    """Draining waits for the message in hand, flushes and commits it."""
    log = Log()
    write(log, Keeper, "a", StringValue(value="x"), 1)

    async def main() -> None:
        node = Node("one", ScriptedPort(log), [Keeper])
        await node.start()
        while not node.core.owned:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.003)
        await node.core.revoked(node.mailboxes)
        assert log.committed[MAILBOX].offset == 1
        await node.stop()

    run_virtual(main())
    assert kept(log, "a") == ["x"]


def test_stopped_is_called_when_the_partition_leaves() -> None:
    """Every instance is told once; one that fails at it hurts nobody, and is an event."""
    log, events = Log(), list[FailureEvent]()
    for number, key in enumerate(("a", "bad at ending", "c")):
        write(log, Keeper, key, Int64Value(value=1), number)

    async def main() -> None:
        node = Node("one", ScriptedPort(log), [Keeper])
        node.system.events.subscribe(FailureEvent, events.append)
        await node.start()
        await node.until_done()
        await node.stop()

    run_virtual(main())
    assert sorted(Keeper.stops) == ["a", "bad at ending", "c"]
    assert [(event.error, event.decision) for event in events] == [("cannot end", "stop")]


def test_an_idle_entity_is_passivated_and_comes_back() -> None:
    """Without mail its instance goes after a while; its state is there for the next message."""
    log = Log()
    write(log, Keeper, "a", Int64Value(value=1), 1)

    async def main() -> None:
        node = Node("one", ScriptedPort(log), [Keeper])
        await node.start()
        await node.until_done()
        await asyncio.sleep(300)
        assert Keeper.stops == ["a"]
        write(log, Keeper, "a", Int64Value(value=2), 2)
        await node.until_done()
        await node.stop()

    run_virtual(main())
    assert Keeper.starts == ["a", "a"]
    assert kept(log, "a") == [1.0, 2.0]


def test_a_closed_core_takes_no_partition() -> None:
    """Between draining and leaving, the group may still assign: nothing is opened or written."""
    log = Log()

    async def main() -> tuple[int, int]:
        node = Node("one", ScriptedPort(log), [Keeper])
        await node.start()
        await node.core.aclose()
        before = node.port.steps
        node.core.assigned(node.mailboxes)
        await asyncio.sleep(10)
        after = node.port.steps
        await node.stop()
        return before, after

    before, after = run_virtual(main())
    assert before == after


def test_a_failure_that_escalates_stops_the_node() -> None:
    """The message is not lost: it stays unfinished, and the exit code says what happened."""
    log = Log()
    write(log, Keeper, "a", Int64Value(value=-1), 1)

    async def main() -> int:
        node = Node("one", ScriptedPort(log), [Keeper])
        kind = node.core._kinds[MAILBOX.topic]
        assert isinstance(kind, Kind)
        kind.policy = RetryPolicy(escalate=(ValueError,))
        await node.start()
        await node.system.wait_stopped()
        await node.stop()
        return node.system.exit_code

    assert run_virtual(main()) == 70
    assert log.committed[MAILBOX].offset == 0


def test_for_how_long_partitions_stood_still_is_counted_and_told() -> None:
    """From the moment they are given back until they deliver again, wherever they were."""
    log = Log()
    write(log, Keeper, "a", Int64Value(value=1), 1)

    async def main() -> tuple[int, int, list[tuple[int, float]]]:
        with structlog.testing.capture_logs() as said:
            node = Node("one", ScriptedPort(log), [Keeper])
            await node.start()
            await node.until_done()
            first = node.host.counters.standstill_ms
            await node.core.revoked(node.mailboxes)
            await asyncio.sleep(3.0)  # the group makes up its mind
            node.core.assigned(node.mailboxes)
            await asyncio.sleep(1.0)
            counters = node.host.counters
            await node.stop()
        told = [
            (line["warm"], line["seconds"])
            for line in said
            if line["event"] == "partitions deliver"
        ]
        return counters.rebalances, counters.standstill_ms - first, told

    moves, stood_still, told = run_virtual(main())
    assert moves == 2
    assert 3_000 <= stood_still < 3_100
    assert [warm for warm, _ in told] == [0, 1]
    assert 3.0 <= told[1][1] < 3.1
