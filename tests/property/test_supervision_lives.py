"""Random families under random trouble, in virtual time: what must hold whatever happens."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.actor_lives import Boom, Crash
from support.families import Host, does_later
from support.quiet_end import run_to_quiet_end

from callboard import Actor, ActorRef, ActorSystem, FailureEvent, handler
from callboard.actors import ChildSpec, RestartKind
from callboard.supervision import Backoff, OneForAll, OneForOne, RestForOne, child

NEVER_TOO_MANY = 100_000
KINDS: list[RestartKind | None] = ["permanent", "transient", "temporary", None]
SECONDS = st.sampled_from([0.0, 0.0, 0.0, 0.1, 0.3, 1.0, 3.0])
VERBS = (
    "tell",
    "tell",
    "busy",
    "crash",
    "crash",
    "crash_later",
    "stop",
    "stop_itself",
    "kill",
    "stopped_by_host",
    "crash_host",
)


@dataclass(frozen=True)
class Member:
    """One child: its kind, and how long its start and its end take."""

    kind: RestartKind | None
    rising: float
    falling: float
    failing: int  # how many of its first starts fail


@dataclass(frozen=True)
class Step:
    """What happens to which child, and how long nothing happens then."""

    verb: str
    place: int
    after: float


@dataclass
class Record:
    """What the children of one family did."""

    made: Counter[int] = field(default_factory=Counter)
    handled: dict[int, list[int]] = field(default_factory=dict)
    crashes: int = 0
    up: set[int] = field(default_factory=set)


class Restless(Actor):
    """Checks that no two instances of one name live at once."""

    def __init__(self, record: Record, member: Member, place: int) -> None:
        record.made[place] += 1
        self.record, self.member, self.place = record, member, place
        self.number = record.made[place]

    async def started(self) -> None:
        assert self.place not in self.record.up
        await asyncio.sleep(self.member.rising)
        if self.number <= self.member.failing:
            self.fail()
        self.record.up.add(self.place)

    async def stopped(self) -> None:
        await asyncio.sleep(self.member.falling)
        self.record.up.discard(self.place)

    def fail(self) -> None:
        self.record.crashes += 1
        raise Boom

    @handler
    def tell(self, message: int) -> None:
        self.record.handled.setdefault(self.place, []).append(message)

    @handler
    async def busy(self, message: float) -> None:
        await asyncio.sleep(message)

    @handler
    def crash(self, message: Crash) -> None:
        self.fail()

    @handler
    async def crash_later(self, message: str) -> None:
        await asyncio.sleep(0.5)
        self.fail()

    @handler
    def call(self, message: FunctionType) -> None:
        message(self)


def act(system: ActorSystem, host: ActorRef[Any], ref: ActorRef[Any], verb: str) -> None:
    """Do one thing to a child, or to its host."""
    if verb == "busy":
        ref.tell(0.7)
    elif verb == "crash":
        ref.tell(Crash())
    elif verb == "crash_later":
        ref.tell("")
    elif verb == "stop":
        system.stop(ref)
    elif verb == "stop_itself":
        does_later(ref, lambda me: me.context.stop())
    elif verb == "kill":
        system.kill(ref)
    elif verb == "stopped_by_host":
        does_later(host, lambda me: me.context.stop(ref) if ref in me.context.children else None)
    elif verb == "crash_host":
        host.tell(Crash())


async def live(strategy: Any, members: list[Member], steps: list[Step]) -> None:
    """Run one family through its trouble and check it."""
    record, events = Record(), list[FailureEvent]()
    lenient = OneForOne(NEVER_TOO_MANY, 5.0, Backoff(0.1, 0.1))
    killed: set[int] = set()
    children: list[ChildSpec | tuple[Any, ...]] = []
    for place, member in enumerate(members):
        arguments: tuple[Any, ...] = (record, member, place)
        if member.kind is None:
            children.append((Restless, *arguments, f"c{place}"))
        else:
            children.append(child(Restless, *arguments, name=f"c{place}", restart=member.kind))
    async with ActorSystem("t", supervision=lenient) as system:
        system.events.subscribe(FailureEvent, events.append)
        host = system.spawn(Host, strategy, *children, name="host")
        hosts_crashes = 0
        for number, step in enumerate(steps):
            ref = system.find(f"host/c{step.place % len(members)}")
            if ref is not None:
                if step.verb == "kill":  # its `stopped` is not called
                    killed.add(step.place % len(members))
                    record.up.discard(step.place % len(members))
                hosts_crashes += step.verb == "crash_host"
                ref.tell(number)
                act(system, host, ref, step.verb)
            await asyncio.sleep(step.after)
        await asyncio.sleep(300.0)
        node = system.tree().children[0]
        alive = {one.name: one.state for one in node.children}
        assert set(alive.values()) <= {"running"}, f"not settled: {alive}"
        stopped_for_good = {
            step.place % len(members) for step in steps if step.verb == "stopped_by_host"
        }
        for place, member in enumerate(members):
            if member.kind == "permanent" and place not in stopped_for_good:
                assert f"c{place}" in alive, f"c{place} is lost: {alive}"
        for numbers in record.handled.values():
            assert numbers == sorted(set(numbers)), "mail out of order, or twice"
        told = [one for one in events if one.error_type == "Boom" and "/c" in one.path]
        assert sum(1 + one.suppressed for one in told) == record.crashes
        for name in alive:
            await system_answers(system, name)
    assert system.statistics().actors == 0
    assert system.statistics().dispatcher.runners == 0


async def system_answers(system: ActorSystem, name: str) -> None:
    """See that a child that runs takes mail."""
    ref = system.find(f"host/{name}")
    assert ref is not None
    await ref.ask(0.0, timeout=1.0)


MEMBERS = st.builds(Member, st.sampled_from(KINDS), SECONDS, SECONDS, st.integers(0, 2))
STEPS = st.builds(Step, st.sampled_from(VERBS), st.integers(0, 5), SECONDS)
STRATEGIES = st.sampled_from(
    [
        strategy(NEVER_TOO_MANY, 5.0, Backoff(delay, delay))
        for strategy in (OneForOne, OneForAll, RestForOne)
        for delay in (0.0, 0.1, 2.0)
    ]
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    STRATEGIES,
    st.lists(MEMBERS, min_size=1, max_size=6),
    st.lists(STEPS, min_size=1, max_size=12),
)
def test_a_family_comes_to_rest_with_all_who_belong_to_it(
    strategy: Any, members: list[Member], steps: list[Step]
) -> None:
    """All children run in the end, permanent ones are there, mail is in order, crashes are told."""
    with structlog.testing.capture_logs():
        run_to_quiet_end(live(strategy, members, steps))
