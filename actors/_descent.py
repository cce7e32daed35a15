"""Bringing children down one after another, each within its deadline."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

from ._path import ActorPath

# Seconds that a killed child has to notice it, before it is left behind.
GRACE = 1.0


class Falling(Protocol):
    """A child that is being stopped, or lowered for a restart of its group."""

    @property
    def path(self) -> ActorPath: ...
    @property
    def is_down(self) -> bool: ...
    @property
    def is_gone(self) -> bool: ...
    @property
    def has_children(self) -> bool: ...
    @property
    def alone_since(self) -> float: ...
    @property
    def stop_deadline(self) -> float: ...
    def abandon(self) -> None: ...


F = TypeVar("F", bound=Falling)


class Descent(Generic[F]):
    """Brings children down in the order given: the next one when the one before is down.

    A child that takes longer than its deadline is killed. The time of one that has children itself
    counts from when the last of them had gone, since each of those has a deadline of its own. One
    that was killed and does not end within a second is abandoned: its place is given up while its
    coroutine goes on.

    Args:
        children: the first to go first.
        lower: begins to bring one down.
        done: whether one is down already.
        kill: ends one whose time is over.
        overrun: told of one that is killed or abandoned: child, seconds it had, which of the two.
        then: called when all are down.
    """

    __slots__ = (
        "_current",
        "_done",
        "_kill",
        "_killed",
        "_left",
        "_lower",
        "_overrun",
        "_since",
        "_then",
        "_timer",
    )

    def __init__(
        self,
        *,
        children: Iterable[F],
        lower: Callable[[F], None],
        done: Callable[[F], bool],
        kill: Callable[[F], None],
        overrun: Callable[[F, float, str], None],
        then: Callable[[], None],
    ) -> None:
        self._left = iter(list(children))
        self._lower = lower
        self._done = done
        self._kill = kill
        self._overrun = overrun
        self._then = then
        self._current: F | None = None
        self._killed = False
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Bring down the first."""
        self._next()

    def settled(self, child: object) -> None:
        """Go on if this is the child that was waited for."""
        if child is self._current:
            self._next()

    def cancel(self) -> None:
        """Wait for nobody any more."""
        self._current = None
        self._left = iter(())
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _next(self) -> None:
        for child in self._left:
            if not self._done(child):
                loop = asyncio.get_running_loop()
                self._current, self._killed, self._since = child, False, loop.time()
                if self._timer is None:
                    self._timer = loop.call_later(child.stop_deadline, self._look)
                elif self._since + child.stop_deadline < self._timer.when():
                    self._timer.cancel()
                    self._timer = loop.call_later(child.stop_deadline, self._look)
                self._lower(child)
                return
        self.cancel()
        self._then()

    def _look(self) -> None:
        """See whether the time of the current child is over."""
        self._timer = None
        child = self._current
        if child is None:
            return
        loop = asyncio.get_running_loop()
        given = GRACE if self._killed else child.stop_deadline
        if child.has_children and not self._killed:
            due = loop.time() + max(given, GRACE)
        else:
            due = max(self._since, 0.0 if self._killed else child.alone_since) + given
        if loop.time() + 1e-9 < due:
            self._timer = loop.call_at(due, self._look)
        elif not self._killed:
            self._killed, self._since = True, loop.time()
            self._timer = loop.call_later(GRACE, self._look)
            self._overrun(child, given, "killed")
            self._kill(child)
        else:
            self._overrun(child, given, "abandoned")
            child.abandon()
