"""callboard, by its public names: named actors under the default supervision, typed messages."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

from callboard import Actor, ActorRef, ActorSystem, configure_logging, handler
from callboard.supervision import Backoff, OneForOne

from ._measure import (
    CALLERS,
    CROWD,
    PATIENCE,
    Latch,
    Probes,
    Runs,
    Stopwatch,
    keep_busy,
    resident,
    share,
)
from ._messages import QUESTION, TICK, Probe, Question, Tick

# As for all subjects: a crash is reported, but not written.
configure_logging("critical")


@dataclass(slots=True)
class Meet:
    """Introduces a player's peer."""

    peer: "ActorRef[Tick]"


@dataclass(slots=True)
class Hire:
    """Has the keeper spawn an actor that crashes."""

    latch: Latch


class Counter(Actor):
    """Counts what it is told."""

    def __init__(self, latch: Latch) -> None:
        self.latch = latch

    @handler
    def count(self, _: Tick) -> None:
        self.latch.down()


class AsyncCounter(Actor):
    """Counts in an async handler."""

    def __init__(self, latch: Latch) -> None:
        self.latch = latch

    @handler
    async def count(self, _: Tick) -> None:
        self.latch.down()


class Player(Actor):
    """Tells the peer whatever it is told."""

    def __init__(self, latch: Latch) -> None:
        self.latch = latch
        self.peer: ActorRef[Tick] | None = None

    @handler
    def meet(self, message: Meet) -> None:
        self.peer = message.peer

    @handler
    def play(self, ball: Tick) -> None:
        self.latch.down()
        if self.latch.left > 0 and self.peer is not None:
            self.peer.tell(ball)


class Desk(Actor):
    """Answers."""

    def __init__(self) -> None:
        self.asked = 0

    @handler
    def answer(self, _: Question) -> int:
        self.asked += 1
        return self.asked

    @handler
    def nothing(self, _: Tick) -> None:
        return


class Crasher(Actor):
    """Fails on each message."""

    def __init__(self, latch: Latch) -> None:
        latch.down()

    @handler
    def crash(self, _: Tick) -> None:
        raise RuntimeError("as it was told to")


class Keeper(Actor):
    """Restarts its child at once, as often as it takes."""

    supervision = OneForOne(max_restarts=1_000_000, within=1.0, backoff=Backoff(0.0, 0.0))

    @handler
    def hire(self, message: Hire) -> "ActorRef[Tick]":
        return self.context.spawn(Crasher, message.latch, name="crasher")


class Busy(Actor):
    """Takes its time."""

    def __init__(self, latch: Latch) -> None:
        self.latch = latch

    @handler
    def work(self, _: Tick) -> None:
        keep_busy()
        self.latch.down()


class Quiet(Actor):
    """Notes how late its messages are."""

    def __init__(self, probes: Probes) -> None:
        self.probes = probes

    @handler
    def arrive(self, probe: Probe) -> None:
        self.probes.arrived(probe.due)


async def tell(kind: type[Actor], n: int) -> AsyncIterator[float]:
    """Tell one actor, which counts."""
    async with ActorSystem("bench") as system:
        latch = Latch(n)
        counter = system.spawn(kind, latch, name="counter")
        with Stopwatch() as watch:
            for _ in range(n):
                counter.tell(TICK)
            await latch.wait()
        yield n / watch.seconds


async def fan_out(n: int) -> AsyncIterator[float]:
    """Tell each of a crowd, wait until all have handled it, and again."""
    rounds = share(n, CROWD)
    async with ActorSystem("bench") as system:
        latch = Latch(CROWD)
        refs = [system.spawn(Counter, latch, name=f"counter-{i}") for i in range(CROWD)]
        with Stopwatch() as watch:
            for _ in range(rounds):
                latch.again(CROWD)
                for ref in refs:
                    ref.tell(TICK)
                await latch.wait()
        yield rounds * CROWD / watch.seconds


async def ping_pong(n: int) -> AsyncIterator[float]:
    """Have two actors tell each other."""
    async with ActorSystem("bench") as system:
        latch = Latch(n)
        ping = system.spawn(Player, latch, name="ping")
        pong = system.spawn(Player, latch, name="pong")
        ping.tell(Meet(pong))
        pong.tell(Meet(ping))
        with Stopwatch() as watch:
            ping.tell(TICK)
            await latch.wait()
        yield n / watch.seconds


async def ask(n: int) -> AsyncIterator[float]:
    """Ask one question after another."""
    async with ActorSystem("bench") as system:
        desk = system.spawn(Desk, name="desk")
        with Stopwatch() as watch:
            for _ in range(n):
                await desk.ask(QUESTION, timeout=PATIENCE)
        yield n / watch.seconds


async def ask_100(n: int) -> AsyncIterator[float]:
    """Have many callers ask one actor."""
    each = share(n, CALLERS)
    async with ActorSystem("bench") as system:
        desk = system.spawn(Desk, name="desk")

        async def call() -> None:
            for _ in range(each):
                await desk.ask(QUESTION, timeout=PATIENCE)

        with Stopwatch() as watch:
            await asyncio.gather(*(call() for _ in range(CALLERS)))
        yield each * CALLERS / watch.seconds


async def spawn(n: int) -> AsyncIterator[float]:
    """Spawn named actors, until the last one answers."""
    async with ActorSystem("bench") as system:
        with Stopwatch() as watch:
            for i in range(n - 1):
                system.spawn(Desk, name=f"desk-{i}")
            await system.spawn(Desk, name="last").ask(QUESTION, timeout=PATIENCE)
        yield n / watch.seconds


async def idle(n: int, *, used: bool) -> AsyncIterator[float]:
    """Weigh actors that never got a message, or have handled one each."""
    async with ActorSystem("bench") as system:
        await system.spawn(Desk, name="first").ask(QUESTION, timeout=PATIENCE)
        before = resident()
        for i in range(n - 1):
            ref = system.spawn(Desk, name=f"desk-{i}")
            if used:
                ref.tell(TICK)
        await system.spawn(Desk, name="last").ask(QUESTION, timeout=PATIENCE)
        alive = system.statistics().actors
        if alive != n + 1:
            raise RuntimeError(f"{alive} actors are alive, and {n + 1} were spawned")
        yield (resident() - before) / n


async def restarts(n: int) -> AsyncIterator[float]:
    """Crash an actor again and again."""
    async with ActorSystem("bench") as system:
        latch = Latch(n + 1)  # the first instance counts itself as well
        keeper = system.spawn(Keeper, name="keeper")
        crasher = await keeper.ask(Hire(latch), timeout=PATIENCE)
        with Stopwatch() as watch:
            for _ in range(n):
                crasher.tell(TICK)
            await latch.wait()
        yield n / watch.seconds


async def fairness(n: int) -> AsyncIterator[float]:
    """Flood one actor and see how late another's mail is."""
    async with ActorSystem("bench") as system:
        latch = Latch(n)
        busy = system.spawn(Busy, latch, name="busy")
        for _ in range(n):
            busy.tell(TICK)
        probes = Probes(lambda due: quiet.tell(Probe(due)))
        quiet = system.spawn(Quiet, probes, name="quiet")
        await latch.wait()
        await probes.finish()
        yield probes.worst * 1_000


RUNS: Runs = {
    "tell": partial(tell, Counter),
    "tell_async": partial(tell, AsyncCounter),
    "fan_out": fan_out,
    "ping_pong": ping_pong,
    "ask": ask,
    "ask_100": ask_100,
    "spawn": spawn,
    "idle": partial(idle, used=False),
    "idle_used": partial(idle, used=True),
    "restarts": restarts,
    "fairness": fairness,
}
