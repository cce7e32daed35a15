"""Handlers that block: run in threads or processes of a bulkhead, behind the same signature."""

import asyncio
import functools
import inspect
import os
from collections.abc import Callable, Coroutine
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, overload
from weakref import WeakKeyDictionary

from ._crew import Crew, Job
from ._errors import BulkheadFull, HandlerError
from ._runtime import System

S = TypeVar("S")
M = TypeVar("M")
R = TypeVar("R")

_job: ContextVar[Job | None] = ContextVar("callboard_job", default=None)


def blocking_cancelled() -> bool:
    """Return whether the blocking handler that calls this is not wanted any more.

    A thread cannot be ended from outside. One that works long looks here now and then and returns
    when this is true: its actor was killed, or the bulkhead's timeout has passed.
    """
    job = _job.get()
    return job is not None and job.cancelled


_Handler: TypeAlias = Callable[[S, M], Coroutine[Any, Any, R]]


@dataclass(frozen=True, slots=True)
class BulkheadStatistics:
    """A bulkhead at one moment, in one system.

    Attributes:
        workers: threads or processes there are.
        busy: how many of them work; those whose handler was cancelled but goes on included.
        waiting: calls that wait for one.
    """

    workers: int
    busy: int
    waiting: int


class Bulkhead:
    """A bounded crew of threads or processes: one kind of blocking work cannot sink another.

    ```python
    HASHING = Bulkhead("hashing", workers=4, waiting=100)

    class Hasher(Actor):
        @handler
        @blocking(HASHING)
        def hash(self, message: Password) -> str: ...
    ```

    Workers are started when needed, for each actor system that uses it, and end with that. Calls
    beyond `workers` wait in order; beyond `waiting` they fail with BulkheadFull. A call that is
    cancelled while it waits is not made. One that runs in a process ends with its process, which is
    replaced; one in a thread goes on unseen, keeps its worker until it returns, and can ask
    `blocking_cancelled`.

    Args:
        name: for errors and statistics.
        workers: threads or processes at most.
        waiting: calls that may wait for one.
        timeout: seconds for one call, from when a worker takes it; None for no limit.
        processes: processes instead of threads: for work that holds Python's lock. Then the actor's
            attributes, the message and the result are pickled between this program's own
            processes, `self` is a copy without a context, and what it changes there is lost.

    Raises:
        ValueError: a number makes no sense.
    """

    def __init__(
        self,
        name: str,
        *,
        workers: int = 4,
        waiting: int = 1000,
        timeout: float | None = None,
        processes: bool = False,
    ) -> None:
        if workers < 1 or waiting < 0 or (timeout is not None and not timeout > 0.0):
            raise ValueError(
                f"Bulkhead({name!r}, workers={workers}, waiting={waiting}, timeout={timeout}): it "
                "needs at least 1 worker, 0 or more waiting, and a timeout above 0 or None"
            )
        self.name: str = name
        self._workers = workers
        self._waiting = waiting
        self._timeout = timeout
        self._processes = processes
        self._crews: WeakKeyDictionary[System, Crew] = WeakKeyDictionary()

    async def run(self, system: System, function: Callable[..., Any], *args: Any) -> Any:
        """Call `function(*args)` in a worker and return its result; raises what it raises.

        Raises:
            BulkheadFull: too many calls wait already.
            TimeoutError: it took longer than the bulkhead's timeout.
        """
        crew = self._crews.get(system)
        if crew is None or crew.closed:
            crew = self._crews[system] = Crew(self.name, self._workers, processes=self._processes)
            system.at_stop(crew.aclose)
        if crew.waiting + crew.busy >= self._waiting + self._workers:
            raise BulkheadFull(self.name, crew.waiting)
        loop = asyncio.get_running_loop()
        context = copy_context()
        if getattr(loop, "runs_threads_inline", False):  # virtual time does not wait for threads
            return context.run(function, *args)
        job = Job(loop, context, function, args)
        context.run(_job.set, job)
        crew.post(job)
        try:
            await job.begun
            async with asyncio.timeout(self._timeout):
                return await job.done
        except (asyncio.CancelledError, TimeoutError):
            job.cancel()
            raise

    def statistics(self, system: System) -> BulkheadStatistics:
        """Return how busy it is in a system."""
        crew = self._crews.get(system)
        if crew is None:
            return BulkheadStatistics(0, 0, 0)
        return BulkheadStatistics(crew.size, crew.busy, crew.waiting)


_DEFAULT = Bulkhead("default", workers=min(32, (os.cpu_count() or 1) + 4))


@overload
def blocking(target: Bulkhead) -> Callable[[Callable[[S, M], R]], _Handler[S, M, R]]: ...
@overload
def blocking(target: Callable[[S, M], R]) -> _Handler[S, M, R]: ...
def blocking(target: Any) -> Any:
    """Run a handler that blocks in a worker of a bulkhead, so that the event loop goes on.

    Write it between `@handler` and the def, bare for a bulkhead of threads that all share, or with
    one of your own. The actor handles no other message meanwhile, as with any handler. In a thread
    do not use `self.context` but for its log: tell and spawn are for the event loop's thread.

    ```python
    class Resizer(Actor):
        @handler
        @blocking
        def resize(self, message: Picture) -> bytes: ...
    ```

    Raises:
        HandlerError: the method is async, or no function.
    """
    if isinstance(target, Bulkhead):
        return functools.partial(_wrapped, bulkhead=target)
    return _wrapped(target, bulkhead=_DEFAULT)


def _wrapped(function: Any, *, bulkhead: Bulkhead) -> Any:
    if not inspect.isfunction(function) or inspect.iscoroutinefunction(function):
        raise HandlerError(
            f"@blocking marks a plain method, and was given {function!r}. An async one does not "
            "block; else write it below @handler:\n"
            "    @handler\n    @blocking\n    def resize(self, message: Picture) -> bytes: ..."
        )

    @functools.wraps(function)
    async def call(self: Any, message: Any) -> Any:
        return await bulkhead.run(self.context.system, function, self, message)

    return call
