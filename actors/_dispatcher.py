"""The heart: one queue of those who have mail, drained by few tasks.

An idle actor is in no queue and has no task, future or timer. One *runner* task at a time, the
driver, drains the queue and calls plain handlers directly. It awaits an async handler's coroutine
itself, so that `asyncio.current_task` and `asyncio.timeout` work in it. If that coroutine really
suspends, the driver is stuck with it: a callback left in the loop (the guard) finds it so and makes
another runner the driver. So only a handler that waits costs a task, and only while it waits.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

_log = structlog.get_logger("callboard.dispatcher")

# The ref of whoever's turn it is: `tell` puts it into the envelope as the sender. A context
# variable, because a handler that was suspended goes on in its own task without passing through
# here.
CURRENT: ContextVar[Any] = ContextVar("callboard_current", default=None)


def current_sender() -> Any:
    """Return the ref of the actor or entity whose handler is running, or None outside of handlers.

    Tasks that a handler spawns count as the handler.
    """
    return CURRENT.get()


# Plain messages between two looks at the clock, to begin with: more while they take less than
# _QUICK seconds together, fewer when they take longer. So handlers of 1 ms do not hold the loop for
# 64.
_CHUNK = 16
_QUICK = 0.001
# Turns after which the loop is served even if its clock stands still, as a simulated one does.
_TURNS = 1024
# Runners kept for the next handlers that suspend; more than these end when they have nothing to do.
_SPARE = 64
# Seconds that closing waits for handlers which swallow their cancellation.
_GRACE = 2.0


class Runnable(Protocol):
    """Something with mail: an actor's cell, or a lane of entities.

    If it has an attribute `self_ref`, read at the start of each turn, that is the sender of what
    its handlers tell.
    """

    def step(self, limit: int) -> Coroutine[Any, Any, Any] | None:
        """Handle at most `limit` messages; return a coroutine as soon as one has to be awaited."""
        ...

    def completed(self, result: object) -> None:
        """The coroutine that `step` returned has returned `result`."""
        ...

    def failed(self, error: BaseException) -> None:
        """The coroutine that `step` returned has raised `error`.

        A CancelledError means that it was interrupted, that the dispatcher closes, or that the
        handler raised it itself, as from a task it awaited.
        """
        ...

    @property
    def runnable(self) -> bool:
        """Whether to be put at the back of the queue: there is mail, and nothing to wait for."""
        ...


@dataclass(frozen=True, slots=True)
class DispatcherStatistics:
    """A dispatcher at one moment.

    Attributes:
        queued: runnables with mail, waiting for their turn.
        runners: tasks in all.
        idle: runners with nothing to do, kept for the next handler that suspends.
        suspended: runners that wait inside a handler.
    """

    queued: int
    runners: int
    idle: int
    suspended: int


class _Runner:
    """One task, and what it has in hand."""

    __slots__ = (
        "begun",
        "budget",
        "chunk",
        "clock",
        "guarded",
        "in_hand",
        "interrupted",
        "last",
        "parked",
        "task",
        "turns",
        "until",
    )

    task: "asyncio.Task[None]"

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.begun = False  # its task has been made
        self.in_hand: Runnable | None = None  # set while a coroutine of it is awaited
        self.guarded = False  # a guard is in the loop already
        self.interrupted = False  # its cancellation is meant for the handler alone
        self.parked: asyncio.Future[None] | None = None
        self.budget = 0  # messages left in this turn
        self.chunk = _CHUNK  # messages until the next look at the clock
        self.turns = 0  # turns since the loop was served
        self.last = 0.0  # loop time when last looked at
        self.until = 0.0  # loop time when this slice ends
        self.clock = loop.time


class Dispatcher:
    """Gives turns to runnables with mail; see the module for how.

    A runnable gets at most `throughput` messages a turn, then goes to the back of the queue. After
    `slice_seconds` of work the event loop gets its turn, so that I/O is served. What is not
    promised: that two runnables' turns follow the order of their mail, or that context variables
    which a handler sets are gone in the next one.

    Args:
        throughput: messages a runnable may handle before the next one has its turn.
        slice_seconds: seconds of work between two turns of the event loop.
    """

    def __init__(self, *, throughput: int = 64, slice_seconds: float = 0.005) -> None:
        if throughput < 1:
            raise ValueError(f"throughput is {throughput}, and a turn needs at least 1 message")
        self._throughput = throughput
        self._slice = slice_seconds
        self._queue: deque[Runnable] = deque()
        self._driver: _Runner | None = None
        self._runners: set[_Runner] = set()
        self._idle: list[_Runner] = []
        self._suspended: dict[int, _Runner] = {}  # by id of the runnable in hand
        self._closed = False
        self._context = copy_context()

    def schedule(self, runnable: Runnable) -> None:
        """Put a runnable at the back of the queue.

        The caller sees to it that it is there once: after this call the dispatcher holds it until
        it is found not `runnable` after a step. Ignored once the dispatcher is closed.
        """
        if self._closed:
            return
        self._queue.append(runnable)
        if self._driver is None:
            self._wake()

    def interrupt(self, runnable: Runnable) -> bool:
        """Cancel the coroutine of this runnable that waits, if one does; its `failed` follows.

        Returns:
            False if nothing of it waits: it is idle, queued, or is calling this itself.
        """
        runner = self._suspended.get(id(runnable))
        if runner is None:
            driver = self._driver
            if driver is None or driver.in_hand is not runnable:
                return False
            runner = driver
        if runner.task is asyncio.current_task():
            return False
        runner.interrupted = True
        runner.task.cancel()
        return True

    def statistics(self) -> DispatcherStatistics:
        """Return how much there is to do and how many do it."""
        return DispatcherStatistics(
            queued=len(self._queue),
            runners=len(self._runners),
            idle=len(self._idle),
            suspended=len(self._suspended),
        )

    async def aclose(self) -> None:
        """End all runners; handlers that wait are cancelled, and what is queued is forgotten.

        A handler that swallows its cancellation is given 2 seconds, logged and left.
        """
        self._closed = True
        self._queue.clear()
        me = asyncio.current_task()
        tasks = [runner.task for runner in self._runners if runner.task is not me]
        for task in tasks:
            task.cancel()
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=_GRACE)
            if pending:
                _log.warning("handlers did not end when cancelled", handlers=len(pending))

    def _wake(self) -> None:
        """Make an idle runner, or a new one, the driver."""
        loop = asyncio.get_running_loop()
        while self._idle:
            runner = self._idle.pop()
            parked = runner.parked
            if parked is not None and not parked.done():  # else it was cancelled from outside
                self._driver = runner
                parked.set_result(None)
                return
        runner = _Runner(loop)
        self._driver = runner
        self._runners.add(runner)
        runner.task = loop.create_task(
            self._run(runner), name="callboard-runner", context=self._context.copy()
        )
        runner.begun = True
        runner.task.add_done_callback(lambda _: self._ended(runner))

    def _ended(self, runner: _Runner) -> None:
        self._runners.discard(runner)
        if runner in self._idle:
            self._idle.remove(runner)
        if self._driver is runner:
            self._driver = None
            if self._queue and not self._closed:
                self._wake()

    async def _run(self, runner: _Runner) -> None:
        if not runner.begun:  # an eager task factory starts this inside the tell that woke it
            await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        while True:
            await self._drive(runner)
            if self._closed or len(self._idle) >= _SPARE:
                return
            runner.parked = loop.create_future()
            self._idle.append(runner)
            await runner.parked

    async def _drive(self, runner: _Runner) -> None:
        """Drain the queue until it is empty or, back from a wait, until another drives."""
        queue, set_current = self._queue, CURRENT.set
        self._begin_slice(runner)
        while queue:
            runnable = queue.popleft()
            set_current(getattr(runnable, "self_ref", None))
            runner.budget = self._throughput
            while (coroutine := self._step(runner, runnable)) is not None:
                if not runner.guarded:
                    # Before the coroutine runs: the guard is then ahead of whatever resumes it.
                    runner.guarded = True
                    runner.task.get_loop().call_soon(self._guard, runner)
                runner.in_hand = runnable
                try:
                    result = await coroutine
                except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - its supervisor's
                    self._let_go(runner, runnable)
                    runnable.failed(error)
                    self._check_cancelled(runner, runnable, error)
                else:
                    self._let_go(runner, runnable)
                    runnable.completed(result)
                if self._driver is not runner and not self._drive_again(runner, runnable):
                    return
                if not (self._in_time(runner) and runnable.runnable):
                    break
            if runnable.runnable:
                queue.append(runnable)
            runner.turns += 1
            if queue and (runner.last >= runner.until or runner.turns >= _TURNS):
                await asyncio.sleep(0)
                self._begin_slice(runner)
        self._driver = None

    def _step(self, runner: _Runner, runnable: Runnable) -> Coroutine[Any, Any, Any] | None:
        """Run plain handlers until one is async, or until the turn is over."""
        while runner.budget > 0:
            chunk = min(runner.chunk, runner.budget)
            runner.budget -= chunk
            try:
                coroutine = runnable.step(chunk)
            except Exception as error:  # noqa: BLE001 - one runnable's bug must not end the others
                runnable.failed(error)
                return None
            if coroutine is not None:
                return coroutine
            if not (self._in_time(runner) and runnable.runnable):
                return None
        return None

    def _in_time(self, runner: _Runner) -> bool:
        """Look at the clock: return whether the slice goes on, and set the length of a step."""
        now = runner.clock()
        if now - runner.last < _QUICK:
            runner.chunk = min(runner.chunk * 2, self._throughput)
        else:
            runner.chunk = max(runner.chunk // 4, 1)
        runner.last = now
        return now < runner.until

    def _begin_slice(self, runner: _Runner) -> None:
        runner.last = runner.clock()
        runner.until = runner.last + self._slice
        runner.turns = 0

    def _drive_again(self, runner: _Runner, runnable: Runnable) -> bool:
        """Become the driver again after a wait, or leave the work to the one who is by now."""
        if self._driver is None:
            self._driver = runner
            self._begin_slice(runner)
            return True
        if runnable.runnable:
            self._queue.append(runnable)
        return False

    def _let_go(self, runner: _Runner, runnable: Runnable) -> None:
        runner.in_hand = None
        if self._driver is not runner:  # the handler was suspended
            self._suspended.pop(id(runnable), None)
            if runner.interrupted:
                runner.interrupted = False
                runner.task.uncancel()

    def _check_cancelled(self, runner: _Runner, runnable: Runnable, error: BaseException) -> None:
        """End the runner if it was its task that was cancelled, not the handler alone."""
        if isinstance(error, asyncio.CancelledError) and runner.task.cancelling():
            if runnable.runnable and not self._closed:
                self._queue.append(runnable)
            raise error

    def _guard(self, runner: _Runner) -> None:
        runner.guarded = False
        if self._driver is runner and runner.in_hand is not None:
            self._suspended[id(runner.in_hand)] = runner
            self._driver = None
            if self._queue and not self._closed:
                self._wake()
