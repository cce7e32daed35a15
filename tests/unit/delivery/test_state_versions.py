"""States of older and newer classes."""

import pytest
from google.protobuf.struct_pb2 import ListValue
from google.protobuf.wrappers_pb2 import Int64Value
from support.delivery_node import Node, write
from support.scripted_log import Log, ScriptedPort

from callboard import Entity, HandlerError, handler
from callboard.testing import run_virtual
from callboard.transport.delivery import Changelog, StoredState, TopicPartition


class Sum(Entity):
    """The first version: keeps a sum."""

    kind_name = "Till"
    partitions = 1
    state: Int64Value

    @handler
    def add(self, message: Int64Value) -> None:
        """Add a number."""
        self.state.value += message.value


class Items(Entity):
    """The second: keeps every number, and what an older class had summed up as the first."""

    kind_name = "Till"
    partitions = 1
    state: ListValue
    state_version = 2

    @classmethod
    def upgrade_state(cls, value: bytes, version: int) -> ListValue:
        """Read a sum."""
        assert version == 1
        state = ListValue()
        state.values.add().number_value = Int64Value.FromString(value).value
        return state

    @handler
    def add(self, message: Int64Value) -> None:
        """Keep a number."""
        self.state.values.add().number_value = message.value


def stored(log: Log, key: str = "a") -> StoredState:
    """Return what a restore finds."""
    changelog = Changelog()
    changelog.fold(log.partitions[TopicPartition("t.Till.state", 0)])
    return changelog.states[key]


async def run(log: Log, kind: type[Entity]) -> int:
    """Run a node until the log is done; return its exit code."""
    node = Node("one", ScriptedPort(log), [kind])
    await node.start()
    await node.until_done()
    await node.stop()
    return node.system.exit_code


def put(log: Log, *numbers: int) -> None:
    """Write numbers."""
    for number in numbers:
        write(log, Sum, "a", Int64Value(value=number), number)


def test_an_older_state_is_upgraded_before_the_first_handler() -> None:
    """And saved in its new form, with its version, by the next message."""
    log = Log()
    put(log, 1, 2)
    run_virtual(run(log, Sum))
    assert stored(log).version == 1
    put(log, 4)
    run_virtual(run(log, Items))
    state = ListValue.FromString(stored(log).value)
    assert [v.number_value for v in state.values] == [3, 4]
    assert stored(log).version == 2


def test_a_newer_state_stops_the_node_and_loses_nothing() -> None:
    """Older code must not touch it: nothing is parked or applied, and the right class goes on."""
    log = Log()
    put(log, 1)
    run_virtual(run(log, Items))
    put(log, 2)

    async def older() -> int:
        node = Node("older", ScriptedPort(log), [Sum])
        await node.start()
        await node.system.wait_stopped()
        await node.stop()
        return node.system.exit_code

    assert run_virtual(older()) == 70
    assert not log.partitions[TopicPartition("t.Till.quarantine", 0)]
    run_virtual(run(log, Items))
    state = ListValue.FromString(stored(log).value)
    assert [v.number_value for v in state.values] == [1, 2]


def test_an_upgrade_that_fails_is_a_failure_of_the_entity() -> None:
    """Its policy decides: retried, then parked, with the old state kept as it was."""

    class Broken(Items):
        kind_name = "Till"

        @classmethod
        def upgrade_state(cls, value: bytes, version: int) -> ListValue:
            raise ValueError(f"no idea what {value!r} of version {version} means")

    log = Log()
    put(log, 5)
    run_virtual(run(log, Sum))
    put(log, 6)
    run_virtual(run(log, Broken))
    assert stored(log).parked
    assert Int64Value.FromString(stored(log).value).value == 5
    assert stored(log).version == 1


def test_versions_begin_at_one() -> None:
    """A version below is a mistake of the class, told when it is defined."""
    with pytest.raises(HandlerError, match="versions begin at 1"):
        type("Zero", (Entity,), {"state_version": 0})
