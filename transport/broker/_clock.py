"""Time as the broker sees it: handed in, so that a test can own it."""

from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A timer that may be taken back."""

    def cancel(self) -> None:
        """Take it back."""
        ...


Later = Callable[[float, Callable[[], None]], Timer]
"""Calls something after so many seconds."""


class Clock:
    """Two clocks and timers.

    Args:
        later: Sets timers.
        wall: Seconds since the epoch.
    """

    def __init__(self, later: Later, wall: Callable[[], float]) -> None:
        self.later = later
        self._wall = wall
        self.skew = 0.0
        """Seconds by which the wall clock is wrong."""

    def now_ms(self) -> int:
        """Return milliseconds since the epoch."""
        return int((self._wall() + self.skew) * 1000)
