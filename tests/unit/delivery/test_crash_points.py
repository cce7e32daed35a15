"""Effectively once: a process dies, sleeps or errs at every step there is.

The faultless run numbers the steps: every write of outputs, of states, of
markers, and every commit. Then each step fails in each way, a second process
takes over, and what is in the log must be what the faultless run left there.
"""

import asyncio
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, get_args

import pytest
from google.protobuf.struct_pb2 import ListValue
from google.protobuf.wrappers_pb2 import Int64Value, StringValue
from support.delivery_disks import Disks
from support.delivery_node import OPTIONS, Node, shuffled, write
from support.scripted_log import Log, Mode, ScriptedPort

from callboard import Entity, handler
from callboard.testing import run_virtual
from callboard.transport.delivery import Changelog, DeliveryOptions, TopicPartition

KEYS = ("a", "b", "c", "d")
POISON = 13


class Sink(Entity):
    """Keeps what it is told, in order."""

    partitions = 2
    state: ListValue

    @handler
    def told(self, message: StringValue) -> None:
        """Remember a message."""
        self.state.values.add().string_value = message.value


class Source(Entity):
    """Keeps its numbers in order, tells each to two sinks, and fails on one number."""

    partitions = 2
    state: ListValue

    @handler
    async def number(self, message: Int64Value) -> None:
        """Remember a number, wait a little, tell it on, and fail if it is the bad one."""
        self.state.values.add().number_value = message.value
        if message.value % 3 == 0:
            await asyncio.sleep(0.003)
        said = StringValue(value=f"{self.context.self_ref.id}:{message.value}")
        self.context.entity(Sink, "left").tell(said)
        if message.value == POISON:
            raise ValueError("the bad one")
        self.context.entity(Sink, "right").tell(said)


class Left(NamedTuple):
    """What a run left in the log."""

    sources: dict[str, list[float]]
    sinks: dict[str, list[str]]
    quarantined: Counter[str]


KINDS = (Source, Sink)
ONCE = replace(OPTIONS, exactly_once=True)
NO_DISKS = Disks(None)
MESSAGES = shuffled(5, 24, KEYS)


def fold(log: Log, topic: str) -> dict[str, ListValue]:
    """Return every entity's state as a restore would find it."""
    found: dict[str, ListValue] = {}
    for partition in range(2):
        changelog = Changelog()
        changelog.fold(log.partitions[TopicPartition(topic, partition)])
        for key, stored in changelog.states.items():
            found[key] = ListValue.FromString(stored.value)
    return found


def left_in(log: Log) -> Left:
    """Read what a run left."""
    parked = Counter(
        dict(record.headers)["cb_quarantine_origin"].decode()
        for partition in range(2)
        for record in log.partitions[TopicPartition("t.Source.quarantine", partition)]
    )
    return Left(
        {k: [v.number_value for v in s.values] for k, s in fold(log, "t.Source.state").items()},
        {k: [v.string_value for v in s.values] for k, s in fold(log, "t.Sink.state").items()},
        parked,
    )


def expected() -> tuple[dict[str, list[float]], set[str]]:
    """Compute without callboard what the sources keep and what every sink hears."""
    kept: dict[str, list[float]] = {key: [] for key in KEYS}
    parked: set[str] = set()
    heard: set[str] = set()
    for key, number in MESSAGES:
        if number == POISON:
            parked.add(key)
        if key not in parked:
            kept[key].append(float(number))
            heard.add(f"{key}:{number}")
    return kept, heard


def check(left: Left, what: str) -> None:
    """Compare what a run left with what must be there."""
    kept, heard = expected()
    assert left.sources == kept, what
    for sink in ("left", "right"):
        assert sorted(left.sinks[sink]) == sorted(heard), f"{what}: sink {sink}"
        for key in KEYS:
            own = [text for text in left.sinks[sink] if text.startswith(f"{key}:")]
            numbers = [int(text.partition(":")[2]) for text in own]
            assert numbers == sorted(numbers), f"{what}: order of {key} at {sink}"
    assert len(left.quarantined) == len(MESSAGES) - len(heard), what


def fill(log: Log, messages: list[tuple[str, int]]) -> None:
    """Write messages to the sources' mailboxes; every other one as a stranger, without an id."""
    for key, number in messages:
        write(log, Source, key, Int64Value(value=number), number if number % 2 else None)


def filled(count: int = len(MESSAGES)) -> Log:
    """Return a log with the first messages in it."""
    log = Log()
    fill(log, MESSAGES[:count])
    return log


def check_stores(disks: Disks, log: Log, what: str) -> None:
    """What each disk knows, with the log behind its checkpoint, is what the whole log says."""
    for store in disks.stores.values():
        for kind in KINDS:
            for number in range(2):
                states = TopicPartition(f"t.{kind.__name__}.state", number)
                source = f"t.{kind.__name__}/{number}"
                whole = Changelog()
                whole.fold(log.partitions[states])
                reach = store.checkpoint(source)
                if reach is None:
                    continue
                assert reach.until <= len(log.partitions[states]), what
                rest = Changelog(partial(store.get, source))
                rest.fold(log.partitions[states][reach.until :])
                found = {
                    key: rest.states.get(key) or store.get(source, key) for key in whole.states
                }
                assert found == whole.states, f"{what}: {source} from {reach}"


async def faultless(options: DeliveryOptions = OPTIONS) -> tuple[Log, int]:
    """Run once without a fault; return the log and the number of steps."""
    log = filled()
    node = Node("one", ScriptedPort(log), KINDS, options)
    await node.start()
    await node.until_done()
    await node.stop()
    return log, node.port.steps


async def with_fault(
    step: int,
    mode: Mode,
    second: tuple[int, Mode] | None = None,
    options: DeliveryOptions = OPTIONS,
    disks: Disks = NO_DISKS,
) -> Left:
    """Run with one failing step, a second process taking over, perhaps a second fault.

    A process that died is followed by one on the same disk.
    """
    at_once = 16 if mode == "asleep" else len(MESSAGES)
    log = filled(at_once)
    first = Node("one", ScriptedPort(log, step, mode), KINDS, options, disks.of("one"))
    await first.start()
    await first.until_ended()
    if first.port.dead.is_set():
        await first.die()
    if mode == "refused":
        first.core.assigned(first.mailboxes)  # lost, and given back by the next rebalance
        await first.until_done()
    nodes = [first] if not first.port.dead.is_set() else []
    for number, fault in enumerate((second, None)):
        if number and second is None:
            break
        port = ScriptedPort(log, *fault) if fault else ScriptedPort(log)
        dead = "one" if number == 0 or second is None else "next-0"
        like = dead if first.port.dead.is_set() else None
        store = disks.of(f"next-{number}", like=like)
        node = Node(f"next-{number}", port, KINDS, options, store)
        await node.start()
        if fault:
            died = asyncio.create_task(port.dead.wait())
            done = asyncio.create_task(node.until_done())
            await asyncio.wait((died, done), return_when=asyncio.FIRST_COMPLETED)
            died.cancel()
            done.cancel()
            await asyncio.gather(died, done, return_exceptions=True)
            await node.die()
        else:
            await node.until_done()
            nodes.append(node)
    if mode == "asleep":
        # The sleeper goes on as if nothing had happened, while new mail arrives for both.
        # What it sends to others arrives at the rightful owner, who drops it.
        first.port.awake.set()
        for at in range(at_once, len(MESSAGES), 4):
            fill(log, MESSAGES[at : at + 4])
            await asyncio.sleep(0.5)  # virtual; the group refuses the sleeper's commits meanwhile
        await nodes[-1].until_done()
    for node in nodes:
        await node.die()
    check_stores(disks, log, f"{mode} at {step}, {second}")
    disks.close()
    return left_in(log)


def test_the_faultless_run_leaves_what_is_expected() -> None:
    """Without faults every message is applied once, in order, and the bad one is parked."""
    log, _ = run_virtual(faultless())
    left = left_in(log)
    check(left, "faultless")
    assert set(left.quarantined.values()) == {1}


def test_the_same_run_takes_the_same_steps() -> None:
    """The enumeration below would be worth nothing if the steps were not the same each time."""
    assert run_virtual(faultless())[1] == run_virtual(faultless())[1]


@pytest.mark.parametrize("options", [OPTIONS, ONCE], ids=["ids", "transactions"])
@pytest.mark.parametrize("mode", get_args(Mode))
def test_one_fault_at_every_step_changes_nothing(mode: Mode, options: DeliveryOptions) -> None:
    """Whatever fails at whichever step, the log ends as in the faultless run."""
    _, steps = run_virtual(faultless(options))
    assert steps > 15
    for step in range(steps):
        check(run_virtual(with_fault(step, mode, None, options)), f"{mode} at step {step}")


@pytest.mark.parametrize("options", [OPTIONS, ONCE], ids=["ids", "transactions"])
@pytest.mark.parametrize("then", ["after", "lost"])
@pytest.mark.parametrize("mode", ["before", "partly", "after"])
def test_two_faults_at_every_pair_of_steps_change_nothing(
    mode: Mode, then: Mode, options: DeliveryOptions
) -> None:
    """The process that takes over dies, or misses an answer, at every step of its own."""
    _, steps = run_virtual(faultless(options))
    for step in range(0, steps, 2):
        for second in range(step % 4 // 2, steps, 2):
            what = f"{mode} at {step}, then {then} at {second}"
            check(run_virtual(with_fault(step, mode, (second, then), options)), what)


@pytest.mark.parametrize("options", [OPTIONS, ONCE], ids=["ids", "transactions"])
@pytest.mark.parametrize("mode", get_args(Mode))
def test_a_local_store_is_a_former_state_of_the_log(
    mode: Mode, options: DeliveryOptions, tmp_path: Path
) -> None:
    """Whatever fails, those who go on from the dead one's disk know what the log says."""
    options = replace(options, checkpoint_interval=0.02, guard_interval=0.05)
    _, steps = run_virtual(faultless(options))
    for step in range(steps):
        disks = Disks(tmp_path / str(step))
        run = with_fault(step, mode, None, options, disks)
        check(run_virtual(run), f"{mode} at step {step}, with local stores")


@pytest.mark.parametrize("options", [OPTIONS, ONCE], ids=["ids", "transactions"])
def test_local_stores_outlive_two_deaths(options: DeliveryOptions, tmp_path: Path) -> None:
    """The process that goes on from the disk dies, too, and a third one goes on from there."""
    options = replace(options, checkpoint_interval=0.02, guard_interval=0.05)
    _, steps = run_virtual(faultless(options))
    for step in range(0, steps, 2):
        for second in range(step % 4 // 2, steps, 4):
            disks = Disks(tmp_path / f"{step}-{second}")
            run = with_fault(step, "after", (second, "after"), options, disks)
            check(run_virtual(run), f"after at {step}, then at {second}, with local stores")
