"""The baseline: one `asyncio.Queue` and one `Task` per actor, as one writes it in an afternoon.

It has names, a table of methods by message type, asks through a future, and restarts. It has no
deadlines, no supervision, no stop, no dead letters.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from types import CoroutineType
from typing import Any, ClassVar, TypeAlias

from ._measure import CALLERS, CROWD, Latch, Probes, Runs, Stopwatch, keep_busy, resident, share
from ._messages import QUESTION, TICK, Probe, Question, Tick

# Which method takes which type of message.
Handlers: TypeAlias = Mapping[type, Callable[..., Any]]


class Actor:
    """An actor; a subclass says which method takes which type of message."""

    handlers: ClassVar[Handlers] = {}


class Ref:
    """Reaches an actor."""

    __slots__ = ("queue",)

    def __init__(self) -> None:
        self.queue: asyncio.Queue[tuple[Any, asyncio.Future[Any] | None]] = asyncio.Queue()

    def tell(self, message: object) -> None:
        """Fire and forget."""
        self.queue.put_nowait((message, None))

    async def ask(self, message: object) -> Any:
        """Return the reply."""
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.queue.put_nowait((message, reply))
        return await reply


class System:
    """Actors by name."""

    def __init__(self) -> None:
        self.refs: dict[str, Ref] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def spawn(self, name: str, make: Callable[[], Actor], *, restart: bool = False) -> Ref:
        """Start an actor; with `restart`, start another in its place when it fails."""
        if name in self.refs:
            raise ValueError(f"there is an actor {name!r} already: give another name")
        ref = self.refs[name] = Ref()
        self._start(name, make, ref, restart=restart)
        return ref

    def _start(self, name: str, make: Callable[[], Actor], ref: Ref, *, restart: bool) -> None:
        task = asyncio.get_running_loop().create_task(_run(make(), ref.queue))
        self.tasks[name] = task
        if restart:

            def ended(ended: "asyncio.Task[None]") -> None:
                if ended.exception() is not None:
                    self._start(name, make, ref, restart=True)

            task.add_done_callback(ended)


async def _run(
    actor: Actor, queue: "asyncio.Queue[tuple[Any, asyncio.Future[Any] | None]]"
) -> None:
    handlers = actor.handlers
    while True:
        message, reply = await queue.get()
        result = handlers[type(message)](actor, message)
        if type(result) is CoroutineType:
            result = await result
        if reply is not None and not reply.done():
            reply.set_result(result)


class Counter(Actor):
    """Counts what it is told."""

    def __init__(self, latch: Latch) -> None:
        self.latch = latch

    def count(self, _: Tick) -> None:
        self.latch.down()

    handlers: ClassVar[Handlers] = {Tick: count}


class AsyncCounter(Actor):
    """Counts in an async method."""

    def __init__(self, latch: Latch) -> None:
        self.latch = latch

    async def count(self, _: Tick) -> None:
        self.latch.down()

    handlers: ClassVar[Handlers] = {Tick: count}


class Player(Actor):
    """Tells the peer whatever it is told."""

    def __init__(self, latch: Latch) -> None:
        self.latch = latch
        self.peer: Ref | None = None

    def meet(self, peer: Ref) -> None:
        self.peer = peer

    def play(self, ball: Tick) -> None:
        self.latch.down()
        if self.latch.left > 0 and self.peer is not None:
            self.peer.tell(ball)

    handlers: ClassVar[Handlers] = {Ref: meet, Tick: play}


class Desk(Actor):
    """Answers."""

    def __init__(self) -> None:
        self.asked = 0

    def answer(self, _: Question) -> int:
        self.asked += 1
        return self.asked

    def nothing(self, _: Tick) -> None:
        return

    handlers: ClassVar[Handlers] = {Question: answer, Tick: nothing}


class Crasher(Actor):
    """Fails on each message."""

    def __init__(self, latch: Latch) -> None:
        latch.down()

    def crash(self, _: Tick) -> None:
        raise RuntimeError("as it was told to")

    handlers: ClassVar[Handlers] = {Tick: crash}


class Busy(Actor):
    """Takes its time."""

    def __init__(self, latch: Latch) -> None:
        self.latch = latch

    def work(self, _: Tick) -> None:
        keep_busy()
        self.latch.down()

    handlers: ClassVar[Handlers] = {Tick: work}


class Quiet(Actor):
    """Notes how late its messages are."""

    def __init__(self, probes: Probes) -> None:
        self.probes = probes

    def arrive(self, probe: Probe) -> None:
        self.probes.arrived(probe.due)

    handlers: ClassVar[Handlers] = {Probe: arrive}


async def tell(kind: Callable[[Latch], Actor], n: int) -> AsyncIterator[float]:
    """Tell one actor, which counts."""
    latch = Latch(n)
    counter = System().spawn("counter", lambda: kind(latch))
    with Stopwatch() as watch:
        for _ in range(n):
            counter.tell(TICK)
        await latch.wait()
    yield n / watch.seconds


async def fan_out(n: int) -> AsyncIterator[float]:
    """Tell each of a crowd, wait until all have handled it, and again."""
    rounds = share(n, CROWD)
    system, latch = System(), Latch(CROWD)
    refs = [system.spawn(f"counter-{i}", lambda: Counter(latch)) for i in range(CROWD)]
    with Stopwatch() as watch:
        for _ in range(rounds):
            latch.again(CROWD)
            for ref in refs:
                ref.tell(TICK)
            await latch.wait()
    yield rounds * CROWD / watch.seconds


async def ping_pong(n: int) -> AsyncIterator[float]:
    """Have two actors tell each other."""
    system, latch = System(), Latch(n)
    ping = system.spawn("ping", lambda: Player(latch))
    pong = system.spawn("pong", lambda: Player(latch))
    ping.tell(pong)
    pong.tell(ping)
    with Stopwatch() as watch:
        ping.tell(TICK)
        await latch.wait()
    yield n / watch.seconds


async def ask(n: int) -> AsyncIterator[float]:
    """Ask one question after another."""
    desk = System().spawn("desk", Desk)
    with Stopwatch() as watch:
        for _ in range(n):
            await desk.ask(QUESTION)
    yield n / watch.seconds


async def ask_100(n: int) -> AsyncIterator[float]:
    """Have many callers ask one actor."""
    each = share(n, CALLERS)
    desk = System().spawn("desk", Desk)

    async def call() -> None:
        for _ in range(each):
            await desk.ask(QUESTION)

    with Stopwatch() as watch:
        await asyncio.gather(*(call() for _ in range(CALLERS)))
    yield each * CALLERS / watch.seconds


async def spawn(n: int) -> AsyncIterator[float]:
    """Spawn named actors, until the last one answers."""
    system = System()
    with Stopwatch() as watch:
        for i in range(n - 1):
            system.spawn(f"desk-{i}", Desk)
        await system.spawn("last", Desk).ask(QUESTION)
    yield n / watch.seconds


async def idle(n: int, *, used: bool) -> AsyncIterator[float]:
    """Weigh actors that never got a message, or have handled one each."""
    system = System()
    await system.spawn("first", Desk).ask(QUESTION)
    before = resident()
    for i in range(n - 1):
        ref = system.spawn(f"desk-{i}", Desk)
        if used:
            ref.tell(TICK)
    # Tasks run in the order they were made in: when this one answers, all wait for mail.
    await system.spawn("last", Desk).ask(QUESTION)
    yield (resident() - before) / n


async def restarts(n: int) -> AsyncIterator[float]:
    """Crash an actor again and again."""
    latch = Latch(n + 1)  # the first instance counts itself as well
    crasher = System().spawn("crasher", lambda: Crasher(latch), restart=True)
    with Stopwatch() as watch:
        for _ in range(n):
            crasher.tell(TICK)
        await latch.wait()
    yield n / watch.seconds


async def fairness(n: int) -> AsyncIterator[float]:
    """Flood one actor and see how late another's mail is."""
    system, latch = System(), Latch(n)
    busy = system.spawn("busy", lambda: Busy(latch))
    for _ in range(n):
        busy.tell(TICK)
    probes = Probes(lambda due: quiet.tell(Probe(due)))
    quiet = system.spawn("quiet", lambda: Quiet(probes))
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
