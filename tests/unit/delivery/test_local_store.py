"""A node's copy of its states on disk: what it saves, and what it never gets wrong."""

import asyncio
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from google.protobuf.struct_pb2 import ListValue
from google.protobuf.wrappers_pb2 import Int64Value
from support.delivery_node import OPTIONS, Node, write
from support.keeper import Keeper
from support.scripted_log import Log, ScriptedPort

from callboard import TransportError
from callboard.testing import run_virtual
from callboard.transport.delivery import (
    Changelog,
    Checkpoint,
    LocalStore,
    Mark,
    Outbound,
    StoredState,
    TopicPartition,
)

STATE = TopicPartition("t.Keeper.state", 0)
SOURCE = "t.Keeper/0"
QUICK = replace(OPTIONS, checkpoint_interval=0.5)
REACH = Checkpoint(7, 3, Mark(2, b"token"))
FULL = StoredState(b"value", 3, 41, True, b"window", 40, 12, 2)  # noqa: FBT003 - its `parked`


def numbers(log: Log, key: str) -> list[float]:
    """Return what an entity has kept, as the log says."""
    changelog = Changelog()
    changelog.fold(log.partitions[STATE])
    return [v.number_value for v in ListValue.FromString(changelog.states[key].value).values]


async def tell(log: Log, node: Node, *keys: str, number: int) -> None:
    """Have entities keep a number, and wait until that is durable."""
    for key in keys:
        write(log, Keeper, key, Int64Value(value=number), None)
    await node.until_done()


def in_memory(node: Node) -> int:
    """Return how many states a node holds that no instance has."""
    return sum(len(shard.truths._memory) for shard in node.core._all())


def test_states_come_back_as_they_went(tmp_path: Path) -> None:
    """Field by field, after the folder was closed and opened again."""
    for _ in range(2):
        store = LocalStore(tmp_path)
        store.put(SOURCE, {"a": FULL, "b": StoredState()}, REACH)
        store.put("t.Keeper/1", {"a": StoredState(b"another")}, REACH._replace(until=9))
        store.close()
    store = LocalStore(tmp_path)
    assert store.checkpoint(SOURCE) == REACH
    assert (store.get(SOURCE, "a"), store.get(SOURCE, "b")) == (FULL, StoredState())
    assert store.get(SOURCE, "c") is None
    store.discard(SOURCE)
    assert (store.checkpoint(SOURCE), store.get(SOURCE, "a")) == (None, None)
    assert store.get("t.Keeper/1", "a") == StoredState(b"another")
    store.close()


def test_a_restart_reads_only_what_came_after_the_checkpoint(tmp_path: Path) -> None:
    """Entities that nobody speaks to are not even loaded."""
    keys = [f"k{number:02}" for number in range(40)]

    async def main() -> tuple[list[int], list[float]]:
        log = Log()
        restored: list[int] = []
        for run in range(2):
            store = LocalStore(tmp_path)
            node = Node("one", ScriptedPort(log), [Keeper], QUICK, store)
            await node.start()
            await tell(log, node, *(keys if run == 0 else ["k07", "k08"]), number=run)
            await node.stop()
            store.close()
            restored.append(node.host.counters.restored)
        store = LocalStore(tmp_path)
        node = Node("one", ScriptedPort(log), [Keeper], QUICK, store)
        await node.start()
        await tell(log, node, "k07", number=2)
        assert {key for shard in node.core._all() for key in shard.lanes} == {"k07"}
        assert in_memory(node) == 0
        await node.die()  # nothing more is saved: two records are behind the checkpoint
        store.close()
        store = LocalStore(tmp_path)
        node = Node("one", ScriptedPort(log), [Keeper], QUICK, store)
        await node.start()
        await tell(log, node, "k07", number=3)
        restored.append(node.host.counters.restored)
        await node.stop()
        store.close()
        return restored, numbers(log, "k07")

    restored, kept = run_virtual(main())
    assert restored == [0, 0, 1]
    assert kept == [0, 1, 2, 3]


def test_memory_holds_only_what_is_in_use(tmp_path: Path) -> None:
    """Passivated entities are on disk and nowhere else, and come back from there."""
    keys = [f"k{number:02}" for number in range(40)]

    async def main() -> tuple[int, int, list[float]]:
        log = Log()
        store = LocalStore(tmp_path)
        node = Node("one", ScriptedPort(log), [Keeper], replace(QUICK, max_entities=5), store)
        await node.start()
        await tell(log, node, *keys, number=1)
        await asyncio.sleep(3.0)
        living = sum(len(shard.lanes) for shard in node.core._all())
        held = in_memory(node)
        await tell(log, node, "k00", number=2)
        await node.stop()
        store.close()
        return living, held, numbers(log, "k00")

    assert run_virtual(main()) == (4, 0, [1, 2])


def test_another_log_is_not_taken_for_the_one_it_knows(tmp_path: Path) -> None:
    """Topics deleted and made again, with more in them than before: nothing old comes back."""

    async def main() -> list[float]:
        log = Log()
        for run in range(2):
            log = Log()
            store = LocalStore(tmp_path)
            node = Node("one", ScriptedPort(log), [Keeper], QUICK, store)
            if run:  # as much as the former log had, by a node without a disk
                other = Node("two", ScriptedPort(log), [Keeper], QUICK)
                await other.start()
                await tell(log, other, "a", "b", "c", number=7)
                await other.stop()
            await node.start()
            await tell(log, node, "a", number=8)
            await node.stop()
            store.close()
        return numbers(log, "a")

    assert run_virtual(main()) == [7, 8]


def test_whoever_was_replaced_saves_nothing_more(tmp_path: Path) -> None:
    """What its successor wrote is not on its disk, so its checkpoint stays below it."""

    async def main() -> tuple[Checkpoint | None, Checkpoint | None]:
        log = Log()
        store = LocalStore(tmp_path)
        node = Node("one", ScriptedPort(log), [Keeper], QUICK, store)
        await node.start()
        await tell(log, node, "a", number=1)
        (shard,) = (each for each in node.core._all() if each.source == SOURCE)
        await node.core._checkpoints.save(shard)
        before = store.checkpoint(SOURCE)
        for key in (b"\x00callboard.takeover", b"a"):
            headers = [("cb_epoch", b"2"), ("cb_applied", b"9")]
            log.append(Outbound(STATE, key, b"the successor's", headers))
        await node.core._guard.look(shard)
        await node.core._checkpoints.save(shard)
        after = store.checkpoint(SOURCE)
        await node.die()
        store.close()
        return before, after

    before, after = run_virtual(main())
    assert before is not None
    assert after == before


class Full(LocalStore):
    """A store on a disk that is full for a while."""

    full = True

    def put(self, source: str, states: Mapping[str, StoredState], checkpoint: Checkpoint) -> None:
        """Fail as sqlite does."""
        if self.full:
            raise OSError("database or disk is full")
        super().put(source, states, checkpoint)


def test_a_full_disk_costs_nothing_but_a_longer_restore(tmp_path: Path) -> None:
    """It is said, tried again, and whole when there is room."""

    async def main() -> tuple[int, StoredState | None]:
        log = Log()
        store = Full(tmp_path)
        node = Node("one", ScriptedPort(log), [Keeper], QUICK, store)
        with structlog.testing.capture_logs() as said:
            await node.start()
            await tell(log, node, "a", number=1)
            await asyncio.sleep(2.0)
        warned = sum("does not take states" in line["event"] for line in said)
        store.full = False
        await asyncio.sleep(1.0)
        await node.die()
        found = store.get(SOURCE, "a")
        store.close()
        return warned, found

    warned, found = run_virtual(main())
    assert warned >= 2
    assert found is not None
    assert ListValue.FromString(found.value).values[0].number_value == 1


@pytest.mark.parametrize("harm", ["no database", "another version"])
def test_a_folder_that_cannot_be_read_is_begun_anew(tmp_path: Path, harm: str) -> None:
    """It is only a copy."""
    store = LocalStore(tmp_path)
    store.put(SOURCE, {"a": FULL}, REACH)
    store.close()
    for path in tmp_path.glob("states.db-*"):
        path.unlink()
    if harm == "no database":
        (tmp_path / "states.db").write_bytes(b"no database" * 1000)
    else:
        with sqlite3.connect(tmp_path / "states.db") as db:
            db.execute("PRAGMA user_version = 99")
        db.close()
    store = LocalStore(tmp_path)
    assert store.checkpoint(SOURCE) is None
    store.put(SOURCE, {"a": FULL}, REACH)
    store.close()


def test_damage_found_late_stops_the_node_and_is_gone_with_the_next_start(tmp_path: Path) -> None:
    """A page that cannot be read: the entity must not begin from nothing."""
    store = LocalStore(tmp_path)
    many = {f"k{number:04}": FULL._replace(value=b"x" * 500) for number in range(500)}
    store.put(SOURCE, many, REACH)
    store.close()
    path = tmp_path / "states.db"
    whole = bytearray(path.read_bytes())
    whole[20_000:-8192] = b"\xff" * (len(whole) - 20_000 - 8192)
    path.write_bytes(whole)
    store = LocalStore(tmp_path)
    with pytest.raises(TransportError, match="only a copy: the next start throws them away"):
        for key in many:
            store.get(SOURCE, key)
    store.close()
    store = LocalStore(tmp_path)
    assert store.checkpoint(SOURCE) is None
    store.close()


class Damaged(LocalStore):
    """A store whose file cannot be read from some moment on."""

    def harm(self) -> None:
        """Close what it reads with."""
        self._reading.close()


@pytest.mark.parametrize("restoring", [False, True])
def test_a_node_stops_when_its_store_cannot_be_read(tmp_path: Path, restoring: bool) -> None:
    """An entity must not begin from nothing; neither when it is loaded nor when it is restored."""

    async def main() -> int:
        log = Log()
        store = Damaged(tmp_path)
        node = Node("one", ScriptedPort(log), [Keeper], QUICK, store)
        await node.start()
        await tell(log, node, "a", number=1)
        await node.core.revoked(node.mailboxes)
        store.harm()
        if restoring:
            log.append(Outbound(STATE, b"x", b"", [("cb_epoch", b"1"), ("cb_applied", b"0")]))
        else:
            write(log, Keeper, "b", Int64Value(value=2), None)
        node.core.assigned(node.mailboxes)
        await asyncio.sleep(2.0)
        await node.die()
        return node.system.exit_code

    assert run_virtual(main()) == 70
    assert (tmp_path / "condemned").exists()


def test_one_process_at_a_time_uses_a_folder(tmp_path: Path) -> None:
    """The error names the folder and says what to do."""
    store = LocalStore(tmp_path / "mine")
    with pytest.raises(TransportError, match=r"mine' is used by another process\. Give each node"):
        LocalStore(tmp_path / "mine")
    store.close()
    LocalStore(tmp_path / "mine").close()
    (tmp_path / "file").touch()
    with pytest.raises(TransportError, match=r"file' cannot be used: .*Give a folder"):
        LocalStore(tmp_path / "file")
