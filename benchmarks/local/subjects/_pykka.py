"""Pykka: each actor is a thread with a `queue.Queue`.

It has no names, no async handlers and no supervision, so it takes part where it can.
"""
# pyright: reportMissingImports=false, reportUntypedBaseClass=false, reportMissingTypeArgument=false
# It is installed where this runs, which is not where it is checked.

import threading
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pykka

from ._measure import CALLERS, CROWD, PATIENCE, Runs, Stopwatch, resident, share
from ._messages import QUESTION, TICK, Question, Tick


class Gate:
    """Counts down across threads, then lets the one who waits go on."""

    def __init__(self, left: int) -> None:
        self._lock = threading.Lock()
        self._done = threading.Event()
        self.left = left

    def again(self, left: int) -> None:
        self._done.clear()
        self.left = left

    def down(self) -> None:
        with self._lock:  # a thousand threads count; without it some would be lost
            self.left -= 1
            left = self.left
        if not left:
            self._done.set()

    def wait(self) -> None:
        if not self._done.wait(PATIENCE):
            raise RuntimeError(f"{self.left} messages were not handled within {PATIENCE:g} s")


class Counter(pykka.ThreadingActor):
    """Counts what it is told."""

    use_daemon_thread = True

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Tick):
            self.gate.down()


class Player(pykka.ThreadingActor):
    """Tells the peer whatever it is told."""

    use_daemon_thread = True

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate
        self.peer: Any = None

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, pykka.ActorRef):
            self.peer = message
            return
        self.gate.down()
        if self.gate.left > 0:
            self.peer.tell(message)


class Desk(pykka.ThreadingActor):
    """Answers."""

    use_daemon_thread = True

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Question):
            self.asked += 1
            return self.asked
        return None


async def tell(n: int) -> AsyncIterator[float]:
    """Tell one actor."""
    gate = Gate(n)
    counter = Counter.start(gate)
    with Stopwatch() as watch:
        for _ in range(n):
            counter.tell(TICK)
        gate.wait()
    yield n / watch.seconds


async def fan_out(n: int) -> AsyncIterator[float]:
    """Tell each of a crowd, wait until all have handled it, and again."""
    rounds = share(n, CROWD)
    gate = Gate(CROWD)
    refs = [Counter.start(gate) for _ in range(CROWD)]
    with Stopwatch() as watch:
        for _ in range(rounds):
            gate.again(CROWD)
            for ref in refs:
                ref.tell(TICK)
            gate.wait()
    yield rounds * CROWD / watch.seconds


async def ping_pong(n: int) -> AsyncIterator[float]:
    """Have two actors tell each other."""
    gate = Gate(n)
    ping, pong = Player.start(gate), Player.start(gate)
    ping.tell(pong)
    pong.tell(ping)
    with Stopwatch() as watch:
        ping.tell(TICK)
        gate.wait()
    yield n / watch.seconds


async def ask(n: int) -> AsyncIterator[float]:
    """Ask one question after another."""
    desk = Desk.start()
    with Stopwatch() as watch:
        for _ in range(n):
            desk.ask(QUESTION, timeout=PATIENCE)
    yield n / watch.seconds


async def ask_100(n: int) -> AsyncIterator[float]:
    """Have many callers, each a thread, ask one actor."""
    each = share(n, CALLERS)
    desk = Desk.start()

    def call() -> None:
        for _ in range(each):
            desk.ask(QUESTION, timeout=PATIENCE)

    callers = [threading.Thread(target=call, daemon=True) for _ in range(CALLERS)]
    with Stopwatch() as watch:
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(PATIENCE)
    yield each * CALLERS / watch.seconds


async def spawn(n: int) -> AsyncIterator[float]:
    """Start actors, until the last one answers."""
    with Stopwatch() as watch:
        for _ in range(n - 1):
            Desk.start()
        Desk.start().ask(QUESTION, timeout=PATIENCE)
    yield n / watch.seconds


async def idle(n: int, *, used: bool) -> AsyncIterator[float]:
    """Weigh actors that never got a message, or have handled one each."""
    Desk.start().ask(QUESTION, timeout=PATIENCE)
    before = resident()
    for _ in range(n - 1):
        ref = Desk.start()
        if used:
            ref.ask(QUESTION, timeout=PATIENCE)
    Desk.start().ask(QUESTION, timeout=PATIENCE)
    yield (resident() - before) / n


RUNS: Runs = {
    "tell": tell,
    "fan_out": fan_out,
    "ping_pong": ping_pong,
    "ask": ask,
    "ask_100": ask_100,
    "spawn": spawn,
    "idle": partial(idle, used=False),
    "idle_used": partial(idle, used=True),
}
