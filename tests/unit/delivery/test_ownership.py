"""Who may write: the lease before, and the guard behind."""

import asyncio
from dataclasses import replace

from google.protobuf.struct_pb2 import ListValue
from google.protobuf.wrappers_pb2 import Int64Value
from support.delivery_node import OPTIONS, Node, write
from support.keeper import Keeper
from support.scripted_log import Log, ScriptedPort

from callboard.testing import run_virtual
from callboard.transport.delivery import Changelog, Inbound, Outbound, StoredState, TopicPartition
from callboard.transport.delivery._state import state_record

STATE = TopicPartition("t.Keeper.state", 0)
MAILBOX = TopicPartition("t.Keeper", 0)
WATCHFUL = replace(OPTIONS, guard_interval=1.0, lease=0.5)


def as_a_compacted_log(log: Log) -> list[Inbound]:
    """Return what compaction leaves: the last record of each key."""
    last = {record.key: record for record in log.partitions[STATE]}
    return sorted(last.values(), key=lambda record: record.offset)


def states(records: list[Inbound]) -> dict[str, StoredState]:
    """Return what a restore makes of records."""
    changelog = Changelog()
    changelog.fold(records)
    return changelog.states


def late(log: Log, key: str, *numbers: int) -> None:
    """Write the state of a former owner, which knows of these numbers only."""
    value = ListValue()
    for number in numbers:
        value.values.add().number_value = number
    stale = StoredState(value.SerializeToString(), epoch=0, applied=0)
    log.append(state_record(STATE, key.encode(), stale))


def numbers(state: StoredState) -> list[float]:
    """Return the numbers in a state."""
    return [v.number_value for v in ListValue.FromString(state.value).values]


def test_what_a_former_owner_overwrote_is_written_again() -> None:
    """Once between the owner's own writes and once behind the last: compaction takes neither."""

    async def main() -> Log:
        log = Log()
        node = Node("one", ScriptedPort(log), [Keeper], WATCHFUL)
        await node.start()
        for key in ("a", "b"):
            write(log, Keeper, key, Int64Value(value=1), None)
            write(log, Keeper, key, Int64Value(value=2), None)
        await node.until_done()
        late(log, "a", 1)
        write(log, Keeper, "b", Int64Value(value=3), None)
        await node.until_done()
        late(log, "b", 1)
        assert numbers(states(as_a_compacted_log(log))["a"]) == [1], "the harm is done"
        await asyncio.sleep(3)
        await node.stop()
        return log

    log = run_virtual(main())
    found = states(as_a_compacted_log(log))
    assert numbers(found["a"]) == [1, 2]
    assert numbers(found["b"]) == [1, 2, 3]


def test_an_owner_does_not_take_its_own_writes_for_others() -> None:
    """Without strangers nothing is written twice, however often the guard looks."""

    async def main() -> int:
        log = Log()
        node = Node("one", ScriptedPort(log), [Keeper], WATCHFUL)
        await node.start()
        for number in range(20):
            write(log, Keeper, "a", Int64Value(value=number), None)
            await asyncio.sleep(0.3)
        await node.until_done()
        written = len(log.partitions[STATE])
        await asyncio.sleep(10)
        assert len(log.partitions[STATE]) == written
        await node.stop()
        return len(log.partitions[STATE])

    assert run_virtual(main()) <= 21


def test_a_node_whose_lease_ran_out_asks_before_it_writes() -> None:
    """Lost in its sleep, it learns so from the group, and writes nothing."""

    async def main() -> tuple[int, int]:
        log = Log()
        node = Node("one", ScriptedPort(log), [Keeper], replace(WATCHFUL, commit_interval=60.0))
        await node.start()
        write(log, Keeper, "a", Int64Value(value=1), None)
        while not states(log.partitions[STATE]):
            await asyncio.sleep(0.01)
        await asyncio.sleep(2)  # nothing proves its ownership meanwhile
        log.owner = None  # the group has given the partition to somebody else
        before = len(log.partitions[STATE])
        write(log, Keeper, "a", Int64Value(value=2), None)
        await asyncio.sleep(2)
        after = len(log.partitions[STATE])
        assert node.core.owned == []
        await node.stop()
        return before, after

    before, after = run_virtual(main())
    assert after == before


def test_a_stranger_with_a_key_that_nobody_knows_is_left_alone() -> None:
    """There is no truth to write again; the message itself is still to come."""

    async def main() -> dict[str, StoredState]:
        log = Log()
        node = Node("one", ScriptedPort(log), [Keeper], WATCHFUL)
        await node.start()
        write(log, Keeper, "a", Int64Value(value=1), None)
        await node.until_done()
        late(log, "unknown", 7)
        log.append(Outbound(STATE, b"not ours", b"x", []))
        await asyncio.sleep(3)
        await node.stop()
        return states(log.partitions[STATE])

    found = run_virtual(main())
    assert numbers(found["unknown"]) == [7]
    assert numbers(found["a"]) == [1]


def test_a_fenced_partition_is_not_asked_for_across_a_rebalance() -> None:
    """Somebody else may have it by then; it is asked for within the same assignment only."""

    async def main() -> tuple[list[TopicPartition], list[TopicPartition]]:
        node = Node("one", ScriptedPort(Log()), [Keeper], replace(WATCHFUL, exactly_once=True))
        await node.start()
        while not node.core.owned:
            await asyncio.sleep(0.01)
        node.core._fenced(MAILBOX)
        await asyncio.sleep(1)
        again = node.core.owned
        node.core._fenced(MAILBOX)
        await node.core.revoked(node.mailboxes)
        await asyncio.sleep(1)
        node.core.assigned([])
        await asyncio.sleep(1)
        left = node.core.owned
        await node.stop()
        return again, left

    again, left = run_virtual(main())
    assert again == [MAILBOX], "within the assignment it comes back"
    assert left == []


def test_an_assignment_ends_the_one_before() -> None:
    """What is not in it is let go, whoever had begun to take it over."""

    async def main() -> list[TopicPartition]:
        node = Node("one", ScriptedPort(Log()), [Keeper], WATCHFUL)
        await node.start()
        node.core.assigned([])
        await asyncio.sleep(1)
        left = node.core.owned
        await node.stop()
        return left

    assert run_virtual(main()) == []
