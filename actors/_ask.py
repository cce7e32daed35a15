"""Deadlines of many waits, kept by one timer."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from typing import Any, TypeAlias

from ._errors import AskCycle

_Entry: TypeAlias = tuple[float, int, "asyncio.Future[Any]", Callable[[], BaseException]]

# Below this many entries, those already answered cost less than looking for them.
_COMPACT_FROM = 128


class OpenAsks:
    """Which actors wait inside a handler for an answer, and who is to give it: to see cycles.

    An answer is owed by the actor that was asked, or by the one it forwarded the message to, and by
    nobody known once it is a deferred reply.
    """

    __slots__ = ("_owed_by", "_waits_for")

    def __init__(self) -> None:
        self._waits_for: dict[Any, asyncio.Future[Any]] = {}
        self._owed_by: dict[asyncio.Future[Any], Any] = {}

    def __len__(self) -> int:
        return len(self._waits_for)

    def check(self, asker: Any, asked: Any) -> None:
        """Refuse an ask that could never be answered.

        Raises:
            AskCycle: the one asked waits, directly or through others, for the asker.
        """
        cycle, at = [asker], asked
        while at is not None:
            if at is asker:
                raise AskCycle([str(one.path) for one in cycle])
            cycle.append(at)
            reply = self._waits_for.get(at)
            at = None if reply is None or reply.done() else self._owed_by.get(reply)

    def begin(self, asker: Any, reply: asyncio.Future[Any], asked: Any) -> None:
        """Note an ask."""
        self._waits_for[asker] = reply
        self._owed_by[reply] = asked

    def passed_on(self, reply: asyncio.Future[Any] | None, to: Any) -> None:
        """Note that another owes the answer, or with None that nobody knows who does."""
        if reply is not None and reply in self._owed_by:
            if to is None:
                del self._owed_by[reply]
            else:
                self._owed_by[reply] = to

    def end(self, asker: Any, reply: asyncio.Future[Any]) -> None:
        """Forget an ask."""
        if self._waits_for.get(asker) is reply:
            del self._waits_for[asker]
        self._owed_by.pop(reply, None)


class Deadlines:
    """Fails futures that are not done in time.

    One timer serves them all: a timer each would cost more than the message that is waited for. A
    future that was done in time is forgotten when its turn comes or when half of those kept are
    done, so at most twice as many are kept as are waiting (or 128).
    """

    __slots__ = ("_compact_at", "_heap", "_loop", "_number", "_timer")

    def __init__(self) -> None:
        self._heap: list[_Entry] = []
        self._number = count()
        self._compact_at = _COMPACT_FROM
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __len__(self) -> int:
        return len(self._heap)

    def add(
        self, future: asyncio.Future[Any], timeout: float, error: Callable[[], BaseException]
    ) -> None:
        """Fail `future` with `error()` unless it is done within `timeout` seconds.

        `error` is called only then. A timeout of zero or less fails it in the loop's next turn.
        """
        loop = self._loop
        if loop is None:
            loop = self._loop = future.get_loop()
        heap = self._heap
        if len(heap) >= self._compact_at:
            self._compact()
        when = loop.time() + timeout
        heapq.heappush(heap, (when, next(self._number), future, error))
        timer = self._timer
        if timer is None:
            self._timer = loop.call_at(when, self._sweep)
        elif when < timer.when():
            timer.cancel()
            self._timer = loop.call_at(when, self._sweep)

    def close(self, error: Callable[[], BaseException]) -> None:
        """Fail whatever still waits with `error()` and stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._heap = self._heap, []
        for _, _, future, _ in waiting:
            if not future.done():
                future.set_exception(error())

    def _sweep(self) -> None:
        self._timer = None
        loop = self._loop
        assert loop is not None, "the sweep is scheduled by the first add"
        heap = self._heap
        # The loop may call a timer early by its clock's resolution.
        now = loop.time() + 1e-9
        while heap and (heap[0][0] <= now or heap[0][2].done()):
            _, _, future, error = heapq.heappop(heap)
            if not future.done():
                future.set_exception(error())
        if heap:
            self._timer = loop.call_at(heap[0][0], self._sweep)

    def _compact(self) -> None:
        self._heap[:] = [entry for entry in self._heap if not entry[2].done()]
        heapq.heapify(self._heap)
        self._compact_at = max(_COMPACT_FROM, 2 * len(self._heap))
