"""everything-is-an-actor: classes with one async method, an `asyncio.Queue` and a task per actor.

An actor takes no arguments, so each class is made where what it counts with is known. Mailboxes
have their default bound of 256, at which `tell` waits.
"""
# pyright: reportMissingImports=false, reportUntypedBaseClass=false, reportUnknownParameterType=false
# It is installed where this runs, which is not where it is checked.

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from actor_for_agents import Actor, ActorRef, ActorSystem, OneForOneStrategy

from ._measure import CALLERS, CROWD, PATIENCE, Latch, Runs, Stopwatch, resident, share
from ._messages import QUESTION, TICK, Question, Tick


def counter(latch: Latch) -> type[Actor]:
    """Return a class that counts what it is told."""

    class Counter(Actor[Tick, None]):
        async def on_receive(self, message: Tick) -> None:  # noqa: ARG002 - its name is the base's
            latch.down()

    return Counter


def player(latch: Latch) -> type[Actor]:
    """Return a class that tells its peer whatever it is told."""

    class Player(Actor[Any, None]):
        peer: Any = None

        async def on_receive(self, message: Any) -> None:
            if isinstance(message, ActorRef):
                self.peer = message
                return
            latch.down()
            if latch.left > 0:
                await self.peer.tell(message)

    return Player


class Desk(Actor[Any, Any]):
    """Answers."""

    asked = 0

    async def on_receive(self, message: Any) -> Any:
        if isinstance(message, Question):
            self.asked += 1
            return self.asked
        return None


def keeper(latch: Latch) -> type[Actor]:
    """Return a class that restarts its child at once, as often as it takes."""

    class Crasher(Actor[Tick, None]):
        def __init__(self) -> None:
            latch.down()

        async def on_receive(self, message: Tick) -> None:  # noqa: ARG002 - its name is the base's
            raise RuntimeError("as it was told to")

    class Keeper(Actor[Any, Any]):
        def supervisor_strategy(self) -> OneForOneStrategy:
            return OneForOneStrategy(max_restarts=1_000_000, within_seconds=1.0)

        async def on_receive(self, message: Any) -> Any:  # noqa: ARG002 - its name is the base's
            return await self.context.spawn(Crasher, "crasher")

    return Keeper


async def tell(n: int) -> AsyncIterator[float]:
    """Tell one actor."""
    latch = Latch(n)
    one = await ActorSystem("bench").spawn(counter(latch), "counter")
    with Stopwatch() as watch:
        for _ in range(n):
            await one.tell(TICK)
        await latch.wait()
    yield n / watch.seconds


async def fan_out(n: int) -> AsyncIterator[float]:
    """Tell each of a crowd, wait until all have handled it, and again."""
    rounds = share(n, CROWD)
    system, latch = ActorSystem("bench"), Latch(CROWD)
    kind = counter(latch)
    refs = [await system.spawn(kind, f"counter-{i}") for i in range(CROWD)]
    with Stopwatch() as watch:
        for _ in range(rounds):
            latch.again(CROWD)
            for ref in refs:
                await ref.tell(TICK)
            await latch.wait()
    yield rounds * CROWD / watch.seconds


async def ping_pong(n: int) -> AsyncIterator[float]:
    """Have two actors tell each other."""
    system, latch = ActorSystem("bench"), Latch(n)
    kind = player(latch)
    ping, pong = await system.spawn(kind, "ping"), await system.spawn(kind, "pong")
    await ping.tell(pong)
    await pong.tell(ping)
    with Stopwatch() as watch:
        await ping.tell(TICK)
        await latch.wait()
    yield n / watch.seconds


async def ask(n: int) -> AsyncIterator[float]:
    """Ask one question after another."""
    desk = await ActorSystem("bench").spawn(Desk, "desk")
    with Stopwatch() as watch:
        for _ in range(n):
            await desk.ask(QUESTION, timeout=PATIENCE)
    yield n / watch.seconds


async def ask_100(n: int) -> AsyncIterator[float]:
    """Have many callers ask one actor."""
    each = share(n, CALLERS)
    desk = await ActorSystem("bench").spawn(Desk, "desk")

    async def call() -> None:
        for _ in range(each):
            await desk.ask(QUESTION, timeout=PATIENCE)

    with Stopwatch() as watch:
        await asyncio.gather(*(call() for _ in range(CALLERS)))
    yield each * CALLERS / watch.seconds


async def spawn(n: int) -> AsyncIterator[float]:
    """Spawn named actors, until the last one answers."""
    system = ActorSystem("bench")
    with Stopwatch() as watch:
        for i in range(n - 1):
            await system.spawn(Desk, f"desk-{i}")
        await (await system.spawn(Desk, "last")).ask(QUESTION, timeout=PATIENCE)
    yield n / watch.seconds


async def idle(n: int, *, used: bool) -> AsyncIterator[float]:
    """Weigh actors that never got a message, or have handled one each."""
    system = ActorSystem("bench")
    await (await system.spawn(Desk, "first")).ask(QUESTION, timeout=PATIENCE)
    before = resident()
    for i in range(n - 1):
        ref = await system.spawn(Desk, f"desk-{i}")
        if used:
            await ref.tell(TICK)
    await (await system.spawn(Desk, "last")).ask(QUESTION, timeout=PATIENCE)
    yield (resident() - before) / n


async def restarts(n: int) -> AsyncIterator[float]:
    """Crash an actor again and again."""
    latch = Latch(n + 1)  # the first instance counts itself as well
    parent = await ActorSystem("bench").spawn(keeper(latch), "keeper")
    crasher = await parent.ask(TICK, timeout=PATIENCE)
    with Stopwatch() as watch:
        for _ in range(n):
            await crasher.tell(TICK)
        await latch.wait()
    yield n / watch.seconds


RUNS: Runs = {
    # Every handler is async, so one figure stands for both.
    "tell": tell,
    "tell_async": tell,
    "fan_out": fan_out,
    "ping_pong": ping_pong,
    "ask": ask,
    "ask_100": ask_100,
    "spawn": spawn,
    "idle": partial(idle, used=False),
    "idle_used": partial(idle, used=True),
    "restarts": restarts,
}
