"""Which entities are let go: the idle, and of too many those idle longest."""

import asyncio
from dataclasses import replace

from google.protobuf.struct_pb2 import ListValue
from google.protobuf.wrappers_pb2 import Int64Value
from support.delivery_node import OPTIONS, Node, write
from support.keeper import Keeper
from support.scripted_log import Log, ScriptedPort

from callboard.testing import run_virtual
from callboard.transport.delivery import Changelog, TopicPartition

STATE = TopicPartition("t.Keeper.state", 0)


def living(node: Node) -> set[str]:
    """Return the entities that have an instance."""
    return {key for shard in node.core._all() for key in shard.lanes}


def test_of_too_many_entities_those_idle_longest_go() -> None:
    """And come back with their state when they are written to again."""

    async def main() -> tuple[set[str], list[float]]:
        log = Log()
        node = Node("one", ScriptedPort(log), [Keeper], replace(OPTIONS, max_entities=10))
        await node.start()
        for number in range(30):
            write(log, Keeper, f"k{number:02}", Int64Value(value=number), None)
            await node.until_done()
            await asyncio.sleep(0.2)
        await asyncio.sleep(2.0)
        left = living(node)
        write(log, Keeper, "k00", Int64Value(value=100), None)
        await node.until_done()
        await node.stop()
        changelog = Changelog()
        changelog.fold(log.partitions[STATE])
        state = ListValue.FromString(changelog.states["k00"].value)
        return left, [v.number_value for v in state.values]

    left, state = run_virtual(main())
    assert left == {f"k{number}" for number in range(21, 30)}
    assert state == [0, 100]


def test_an_idle_entity_goes_and_one_that_is_used_stays() -> None:
    """Whatever there is room for."""

    async def main() -> set[str]:
        log = Log()
        node = Node("one", ScriptedPort(log), [Keeper], replace(OPTIONS, idle_timeout=4.0))
        await node.start()
        write(log, Keeper, "idle", Int64Value(value=1), None)
        for number in range(10):
            write(log, Keeper, "used", Int64Value(value=number), None)
            await asyncio.sleep(1.0)
        left = living(node)
        await node.stop()
        return left

    assert run_virtual(main()) == {"used"}
