"""Keeps a crash loop from flooding the event stream and the log, without losing the count."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from ._failure import FailureEvent

# Events of one path within one window, and the window's length in seconds.
_EVENTS = 20
_WINDOW = 10.0
# Paths that are counted at once; the one that failed first is forgotten beyond that.
_PATHS = 10_000


class _Count:
    __slots__ = ("events", "held_back", "last", "since", "timer")

    def __init__(self, since: float) -> None:
        self.since = since
        self.events = 0
        self.held_back = 0
        self.last: Callable[[], FailureEvent] | None = None  # the latest that was held back
        self.timer: asyncio.TimerHandle | None = None


class FailureLimit:
    """Passes at most 20 failure events of a path on in 10 seconds.

    The next one that is passed on says how many were not. If none follows, the last that was held
    back is passed on when the window ends. So the numbers in the events add up to all failures.

    Args:
        publish: where events go.
    """

    def __init__(self, publish: Callable[[FailureEvent], None]) -> None:
        self._publish = publish
        self._counts: dict[str, _Count] = {}

    def admit(self, path: str, now: float, make: Callable[[], FailureEvent]) -> FailureEvent | None:
        """Publish the event that `make` makes and return it, or hold it back and return None.

        Args:
            path: whose failure it is.
            now: loop time in seconds.
            make: makes the event; called when it is published, if ever.
        """
        count = self._counts.get(path)
        if count is None:
            if len(self._counts) >= _PATHS:
                self._drop(next(iter(self._counts)))
            count = self._counts[path] = _Count(now)
        if now - count.since >= _WINDOW:
            self._flush(count)
            count.since, count.events = now, 0
        if count.events >= _EVENTS:
            count.held_back += 1
            count.last = make
            if count.timer is None:
                loop = asyncio.get_running_loop()
                count.timer = loop.call_later(count.since + _WINDOW - now, self._flush, count)
            return None
        count.events += 1
        event = make()
        self._publish(event)
        return event

    def close(self) -> None:
        """Publish what was held back."""
        for count in self._counts.values():
            self._flush(count)
        self._counts.clear()

    def _drop(self, path: str) -> None:
        self._flush(self._counts.pop(path))

    def _flush(self, count: _Count) -> None:
        if count.timer is not None:
            count.timer.cancel()
            count.timer = None
        last, count.last = count.last, None
        if last is not None:
            event = replace(last(), suppressed=count.held_back - 1)
            count.held_back = 0
            self._publish(event)
