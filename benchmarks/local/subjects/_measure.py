"""What every subject measures with: the same clock, the same end, the same memory."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Self, TypeAlias

# Given how much to do, a run yields its figure while its actors are still alive. The process ends
# with that: stopping a million actors is not what is measured.
Run: TypeAlias = Callable[[int], AsyncIterator[float]]
Runs: TypeAlias = Mapping[str, Run]

CROWD = 1_000
"""Actors of `fan_out`."""
CALLERS = 100
"""Callers of `ask_100`."""
PATIENCE = 60.0
"""Seconds an ask may take; never reached, but those who keep deadlines have one to keep."""
BUSY = 20e-6
"""Seconds a message keeps the flooded actor of `fairness` busy."""
PROBE_EVERY = 1e-3
"""Seconds between two messages to the quiet actor of `fairness`."""

_STATM = Path("/proc/self/statm")


class Latch:
    """Counts down what is still to be handled, then lets the one who waits go on."""

    __slots__ = ("_done", "left")

    def __init__(self, left: int) -> None:
        self.again(left)

    def again(self, left: int) -> None:
        """Count down anew."""
        self.left = left
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def down(self) -> None:
        """Count one."""
        self.left -= 1
        if not self.left:
            self._done.set_result(None)

    async def wait(self) -> None:
        """Return when all are counted."""
        await self._done


class Stopwatch:
    """Measures the block it is entered for.

    Attributes:
        seconds: how long the block took.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._begun = 0.0

    def __enter__(self) -> Self:
        self._begun = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._begun


def resident() -> int:
    """Return the bytes of memory that this process has.

    Raises:
        RuntimeError: this system does not tell it.
    """
    try:
        pages = int(_STATM.read_text(encoding="ascii").split()[1])
    except OSError as error:
        raise RuntimeError(
            f"resident memory is read from {_STATM}, which this system does not have: run on Linux"
        ) from error
    return pages * os.sysconf("SC_PAGE_SIZE")


def share(n: int, among: int) -> int:
    """Return what each of many does when they do `n` together: at least once."""
    return max(1, n // among)


def keep_busy() -> None:
    """Use the processor for as long as a handler of the flooded actor takes."""
    until = time.perf_counter() + BUSY
    while time.perf_counter() < until:
        pass


class Probes:
    """Sends a message every millisecond, and keeps the worst delay of all.

    A delay counts from when the message was *due*, not from when it was sent: a loop that is held
    up for a second also sends a second late, and counting from there would call it punctual.

    Args:
        send: sends a message with the time it was due to the quiet actor.

    Attributes:
        worst: the worst delay so far, in seconds.
    """

    def __init__(self, send: Callable[[float], object]) -> None:
        self._send = send
        self._loop = asyncio.get_running_loop()
        # Not the loop's own clock: uvloop's counts whole milliseconds.
        self._due = time.monotonic() + PROBE_EVERY
        self._timer = self._loop.call_later(PROBE_EVERY, self._fire)
        self.worst = 0.0

    def arrived(self, due: float) -> None:
        """Take the time of a message that the quiet actor has in hand."""
        self.worst = max(self.worst, time.monotonic() - due)

    async def finish(self) -> None:
        """Let the last one, which may have been held up, arrive; then send no more."""
        await asyncio.sleep(10 * PROBE_EVERY)
        self._timer.cancel()

    def _fire(self) -> None:
        self._send(self._due)  # of those that were missed meanwhile, the oldest is the worst
        now = time.monotonic()
        self._due = max(self._due, now) + PROBE_EVERY
        self._timer = self._loop.call_later(self._due - now, self._fire)
