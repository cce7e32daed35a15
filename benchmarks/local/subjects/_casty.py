"""casty: virtual actors. One exists from its first message on; messages are serialized.

Message types and bodies stand at module scope, as it asks for, and so does what the bodies count
with: a body has no arguments of its own.
"""
# pyright: reportMissingImports=false, reportUntypedFunctionDecorator=false
# pyright: reportUntypedBaseClass=false, reportUnknownParameterType=false
# It is installed where this runs, which is not where it is checked.

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from casty import ActorSystem, Askable, Backoff, Context, actor

from ._measure import CALLERS, CROWD, Latch, Runs, Stopwatch, resident, share

# Nothing is to end for idleness while it is measured.
HOUR = timedelta(hours=1)

latches: list[Latch] = []


@dataclass(frozen=True)
class Tick:
    """Nothing but a message."""


@dataclass(frozen=True)
class Question(Askable[int]):
    """Is answered with a number."""


@actor(initial=0, idle_after=HOUR)
async def counter(ctx: Context[int, Tick]) -> None:
    """Count what it is told."""
    latch = latches[0]
    async for _ in ctx.inbox:
        latch.down()


@actor(initial=0, idle_after=HOUR)
async def player(ctx: Context[int, Tick]) -> None:
    """Tell the peer whatever it is told."""
    latch = latches[0]
    peer = ctx.system.ref(player, "pong" if ctx.key == "ping" else "ping")
    async for ball in ctx.inbox:
        latch.down()
        if latch.left > 0:
            peer.tell(ball)


@actor(initial=0, idle_after=HOUR)
async def desk(ctx: Context[int, Tick | Question]) -> None:
    """Answer."""
    asked = 0
    async for message in ctx.inbox:
        if isinstance(message, Question):
            asked += 1
            message.reply_to.tell(asked)


@actor(initial=0, idle_after=HOUR, backoff=Backoff(timedelta(0), timedelta(0)))
async def crasher(ctx: Context[int, Tick]) -> None:
    """Fail on each message; the body is called again."""
    latches[0].down()
    async for _ in ctx.inbox:
        raise RuntimeError("as it was told to")


TICK = Tick()
QUESTION = Question()


async def tell(n: int) -> AsyncIterator[float]:
    """Tell one actor."""
    async with ActorSystem() as system:
        latches[:] = [latch := Latch(n)]
        one = system.ref(counter, "counter")
        with Stopwatch() as watch:
            for _ in range(n):
                one.tell(TICK)
            await latch.wait()
        yield n / watch.seconds


async def fan_out(n: int) -> AsyncIterator[float]:
    """Tell each of a crowd, wait until all have handled it, and again."""
    rounds = share(n, CROWD)
    async with ActorSystem() as system:
        latches[:] = [latch := Latch(CROWD)]
        refs = [system.ref(counter, f"counter-{i}") for i in range(CROWD)]
        for ref in refs:
            ref.tell(TICK)  # activates it, which the others' actors are already
        await latch.wait()
        with Stopwatch() as watch:
            for _ in range(rounds):
                latch.again(CROWD)
                for ref in refs:
                    ref.tell(TICK)
                await latch.wait()
        yield rounds * CROWD / watch.seconds


async def ping_pong(n: int) -> AsyncIterator[float]:
    """Have two actors tell each other."""
    async with ActorSystem() as system:
        latches[:] = [latch := Latch(n)]
        with Stopwatch() as watch:
            system.ref(player, "ping").tell(TICK)
            await latch.wait()
        yield n / watch.seconds


async def ask(n: int) -> AsyncIterator[float]:
    """Ask one question after another."""
    async with ActorSystem() as system:
        one = system.ref(desk, "desk")
        with Stopwatch() as watch:
            for _ in range(n):
                await one.ask(QUESTION)
        yield n / watch.seconds


async def ask_100(n: int) -> AsyncIterator[float]:
    """Have many callers ask one actor."""
    each = share(n, CALLERS)
    async with ActorSystem() as system:
        one = system.ref(desk, "desk")

        async def call() -> None:
            for _ in range(each):
                await one.ask(QUESTION)

        with Stopwatch() as watch:
            await asyncio.gather(*(call() for _ in range(CALLERS)))
        yield each * CALLERS / watch.seconds


async def spawn(n: int) -> AsyncIterator[float]:
    """Activate actors by a message each, until the last one answers."""
    async with ActorSystem() as system:
        with Stopwatch() as watch:
            for i in range(n - 1):
                system.ref(desk, f"desk-{i}").tell(TICK)
            await system.ref(desk, "last").ask(QUESTION)
            _check_active(system, n)
        yield n / watch.seconds


async def idle_used(n: int) -> AsyncIterator[float]:
    """Weigh actors that have handled one message each."""
    async with ActorSystem() as system:
        await system.ref(desk, "first").ask(QUESTION)
        before = resident()
        for i in range(n - 1):
            system.ref(desk, f"desk-{i}").tell(TICK)
        await system.ref(desk, "last").ask(QUESTION)
        _check_active(system, n + 1)
        yield (resident() - before) / n


async def restarts(n: int) -> AsyncIterator[float]:
    """Crash an actor again and again."""
    async with ActorSystem() as system:
        latches[:] = [latch := Latch(n + 1)]  # the first call of the body counts itself as well
        one = system.ref(crasher, "crasher")
        with Stopwatch() as watch:
            for _ in range(n):
                one.tell(TICK)
            await latch.wait()
        yield n / watch.seconds


def _check_active(system: ActorSystem, expected: int) -> None:
    stats = [one for one in system.stats().actors.values() if one.active]
    active, queued = sum(one.active for one in stats), sum(one.queued for one in stats)
    if (active, queued) != (expected, 0):
        raise RuntimeError(f"{active} actors with {queued} messages; expected {expected} with none")


RUNS: Runs = {
    # Every body is an async function, so one figure stands for both.
    "tell": tell,
    "tell_async": tell,
    "fan_out": fan_out,
    "ping_pong": ping_pong,
    "ask": ask,
    "ask_100": ask_100,
    "spawn": spawn,
    "idle_used": idle_used,
    "restarts": restarts,
}
