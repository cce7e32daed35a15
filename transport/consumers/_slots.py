"""How many calls are under way at once, and which of them take too long."""

import asyncio
from collections import deque
from typing import Protocol


class Waiting(Protocol):
    """A lane that waits for a slot, or for its function."""

    def admitted(self) -> bool:
        """There is room: go on; False if there is nothing to go on with."""
        ...

    def overdue(self) -> None:
        """The call has taken too long."""
        ...


class Slots:
    """Bounds the calls of an async function, and ends those that take too long.

    All calls have the same time, so they are overdue in the order they began: one timer
    looks after all of them.

    Args:
        most: Calls at once.
        timeout: Seconds for each.
    """

    def __init__(self, most: int, timeout: float) -> None:
        self._most = most
        self._timeout = timeout
        self._line: deque[Waiting] = deque()
        self._running: dict[Waiting, float] = {}  # until when, in the order they began
        self._timer: asyncio.TimerHandle | None = None

    def take(self, lane: Waiting) -> bool:
        """Begin a call; or return False, and have the lane `admitted` when there is room."""
        if not self.room:
            self.wait(lane)
            return False
        self.began(lane)
        return True

    @property
    def room(self) -> bool:
        """One more call may begin."""
        return len(self._running) < self._most

    def wait(self, lane: Waiting) -> None:
        """Have a lane `admitted` when there is room."""
        self._line.append(lane)

    def began(self, lane: Waiting) -> None:
        """Take note of a call that has begun, whether there is room or not."""
        loop = asyncio.get_running_loop()
        self._running[lane] = loop.time() + self._timeout
        if self._timer is None:
            self._timer = loop.call_later(self._timeout, self._look)

    def ended(self, lane: Waiting) -> None:
        """Take note that a call is over."""
        if self._running.pop(lane, None) is None:
            return
        self.fill()

    def fill(self) -> None:
        """Admit the next in line, if there is room; who does not use it calls this in turn."""
        while self._line and self.room:
            if self._line.popleft().admitted():
                return

    def aclose(self) -> None:
        """Stop looking."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        late = [lane for lane, until in self._running.items() if until <= now]
        for lane in late:
            lane.overdue()
        left = [until for until in self._running.values() if until > now]
        delay = max(0.0, left[0] - now) if left else self._timeout
        self._timer = loop.call_later(delay, self._look) if self._running else None
