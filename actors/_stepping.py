"""Steps of coroutines in contexts of their own, and the clock that work is measured by."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from functools import partial
from time import monotonic
from types import coroutine as coroutine_function
from typing import Any


@coroutine_function
def resumed(
    scope: Context, coroutine: Coroutine[Any, Any, Any], waiting: Any
) -> Generator[Any, Any, Any]:
    """Go on with a coroutine that was suspended at `waiting`, each step in its own context."""
    run: Callable[..., Any] = scope.run
    while True:
        try:
            yield waiting
        except GeneratorExit:
            coroutine.close()
            raise
        except BaseException as error:  # noqa: BLE001 - handed to the coroutine, which may raise it
            step: Callable[[], Any] = partial(run, coroutine.throw, error)
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
