"""Steps of coroutines: in contexts of their own, as tasks that are not the one that runs."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import AbstractContextManager
from contextvars import Context
from functools import partial
from time import monotonic
from types import TracebackType
from types import coroutine as coroutine_function
from typing import Any

# What asyncio documents for those who extend it, under names with an underscore.
_enter_task: Callable[..., None] = asyncio.tasks._enter_task  # noqa: SLF001 - see above  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
_leave_task: Callable[..., None] = asyncio.tasks._leave_task  # noqa: SLF001 - see above  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]


class task_swapped(AbstractContextManager[None]):  # noqa: N801 - used like a function
    """Let `asyncio.current_task` be another task in the block, so that timeouts are set on it.

    Args:
        current: the task that runs.
        other: the one to be in its place; it waits for something.
    """

    __slots__ = ("_current", "_loop", "_other")

    def __init__(self, current: "asyncio.Task[Any]", other: "asyncio.Task[Any]") -> None:
        self._current = current
        self._other = other
        self._loop = current.get_loop()

    def __enter__(self) -> None:
        _leave_task(self._loop, self._current)
        _enter_task(self._loop, self._other)

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _leave_task(self._loop, self._other)
        _enter_task(self._loop, self._current)


class Suspended:
    """A coroutine that waits, to be gone on with in its own context by whoever awaits `resumed`.

    Args:
        scope: the context of its steps.
        coroutine: the coroutine.
        waiting: what it yielded: a future, or None to go on in the loop's next turn.
    """

    __slots__ = ("_cancelled", "_coroutine", "_scope", "_waiting")

    def __init__(self, scope: Context, coroutine: Coroutine[Any, Any, Any], waiting: Any) -> None:
        self._scope = scope
        self._coroutine = coroutine
        self._waiting = waiting
        self._cancelled = False

    def cancel(self) -> None:
        """Cancel what it waits for, before anybody awaits it: as a task would that is cancelled."""
        if self._waiting is None:
            self._cancelled = True
        else:
            self._waiting.cancel()

    @coroutine_function
    def resumed(self) -> Generator[Any, Any, Any]:
        """Go on to the end of the coroutine and return its result."""
        run: Callable[..., Any] = self._scope.run
        coroutine, waiting = self._coroutine, self._waiting
        while True:
            step: Callable[[], Any]
            try:
                if self._cancelled:
                    self._cancelled = False
                    raise asyncio.CancelledError
                yield waiting
            except GeneratorExit:
                coroutine.close()
                raise
            except BaseException as error:  # noqa: BLE001 - handed to the coroutine, which may raise it
                step = partial(run, coroutine.throw, error)
            else:
                step = partial(run, coroutine.send, None)
            try:
                waiting = step()
            except StopIteration as stop:
                return stop.value


def work_clock(loop: asyncio.AbstractEventLoop) -> Callable[[], float]:
    """Return the clock that slices are measured by.

    A simulated loop's own, so that its runs can be repeated; else the machine's, because uvloop's
    stands still within a turn.
    """
    real = isinstance(loop, asyncio.BaseEventLoop) and type(loop).time is asyncio.BaseEventLoop.time
    return monotonic if real or type(loop).__module__.startswith("uvloop") else loop.time
