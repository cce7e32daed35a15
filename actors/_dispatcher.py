"""The heart: one queue of those who have mail, drained by few tasks.

An idle actor is in no queue and has no task, future or timer. One *runner* task at a time, the
driver, drains the queue and calls plain handlers directly. It takes the first step of an async
handler's coroutine itself, so that `asyncio.current_task` and `asyncio.timeout` work in it. If the
coroutine is then not done, the driver stays behind with it, and another runner becomes the driver.
So only a handler that waits costs a task, and only while it waits.

Every runnable has a context (as in `contextvars`) of its own, in which all of its handlers run:
what one actor sets, another does not see.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, copy_context
from time import monotonic
from typing import Any

import structlog

from ._runnable import CURRENT, FIRST_CHUNK, Begun, Runnable
from ._runner import BORROWER, DispatcherStatistics, Runner
from ._stepping import Suspended, task_swapped, work_clock

_log = structlog.get_logger("callboard.dispatcher")

# Seconds that one turn should take at most: a runnable whose turn took longer may handle fewer
# messages in its next one, one that has mail left may handle more. So a flood of handlers of 1 ms
# holds up the others for 1 ms, not for 64.
_QUICK = 0.0005
# Turns in which the clock is not looked at, after one that took less than _SHORT seconds.
_UNSEEN = 3
_SHORT = 0.00002
# Turns after which the loop is served even if its clock stands still, as a simulated one does.
_TURNS = 1024
# How often askers may drain the queue themselves in one turn of the loop, should time stand still.
_LOANS = 1024
# Runners kept for the next handlers that suspend; more than these end when they have nothing to do.
_SPARE = 64
# Seconds that closing waits for handlers which swallow their cancellation.
_GRACE = 2.0


class Dispatcher:
    """Gives turns to runnables with mail; see the module for how.

    A runnable gets at most `throughput` messages a turn, fewer if they take long, then goes to the
    back of the queue. After `slice_seconds` of work the event loop gets its turn, so that I/O is
    served. What is not promised: that two runnables' turns follow the order of their mail.

    Args:
        throughput: messages a runnable may handle before the next one has its turn.
        slice_seconds: seconds of work between two turns of the event loop.

    Attributes:
        queue: those with mail, in the order of their turns; refs append to it directly.
        driver: the runner that drains the queue; None when there is nothing to do.
        turn: the runnable whose coroutine took a step last.
    """

    def __init__(self, *, throughput: int = 64, slice_seconds: float = 0.001) -> None:
        if throughput < 1:
            raise ValueError(f"throughput is {throughput}, and a turn needs at least 1 message")
        self._throughput = throughput
        self._slice = slice_seconds
        self.queue: deque[Runnable] = deque()
        self.driver: Runner | None = None
        self.turn: Runnable | None = None
        self._runners: set[Runner] = set()
        self._idle: list[Runner] = []
        self._suspended: dict[int, Runner] = {}  # by id of the runnable that waits
        self._handed: tuple[Runnable, Coroutine[Any, Any, Any]] | None = None
        self._loans = 0  # in this turn of the loop
        self._loan_until = 0.0
        self._closed = False
        self._context = copy_context()
        self._clock: Callable[[], float] = monotonic

    def open(self) -> None:
        """Begin to work in the running loop; contexts of actors are copies of this one."""
        self._context = copy_context()
        self._clock = work_clock(asyncio.get_running_loop())

    def schedule(self, runnable: Runnable) -> None:
        """Put a runnable at the back of the queue.

        The caller sees to it that it is there once: after this call the dispatcher holds it until
        it is found not `runnable` after a step. Ignored once the dispatcher is closed.
        """
        if self._closed:
            return
        self.queue.append(runnable)
        if self.driver is None:
            self.wake()

    def interrupt(self, runnable: Runnable) -> bool:
        """Cancel the coroutine of this runnable that waits, if one does; its `failed` follows.

        Returns:
            False if nothing of it waits: it is idle, queued, or is calling this itself.
        """
        if self._handed is not None and self._handed[0] is runnable:
            self._handed[1].close()
            self._handed = None
            runnable.failed(asyncio.CancelledError())
            self._requeue(runnable)
            return True
        runner = self._suspended.get(id(runnable))
        if runner is None or runner.task is asyncio.current_task():
            return False
        runner.interrupted = True
        runner.task.cancel()
        return True

    def waits_here(self, runnable: Runnable) -> bool:
        """Return whether the current task is the one that runs this runnable's coroutine."""
        runner = self._suspended.get(id(runnable))
        if runner is None:
            runner = self.driver
            if self.turn is not runnable or runner is None or runner is BORROWER:
                return False
        return runner.task is asyncio.current_task()

    @property
    def lent(self) -> bool:
        """An asker drains the queue: no coroutine may take a step, for the task is the asker's."""
        return self.driver is BORROWER

    def lend(self) -> None:
        """Drain the queue on the caller's stack, if nobody drives.

        For an asker: the answer is then there without two turns of the event loop. Coroutines take
        their first step as the task of a spare runner, which gets them if they are not done then.
        After `slice_seconds` or some loans in one turn of the loop, a runner is woken instead, so
        that whoever asks and asks cannot starve the others.
        """
        if self.driver is not None:
            return
        clock = self._clock
        if self._loans == 0:
            asyncio.get_running_loop().call_soon(self._loans_over)
            self._loan_until = clock() + self._slice
        self._loans += 1
        if self._loans > _LOANS or self._closed:
            self.wake()
            return
        queue, until = self.queue, self._loan_until
        self.driver = BORROWER
        try:
            while queue:
                runnable = queue.popleft()
                scope = runnable.scope or self._scope_of(runnable)
                try:
                    coroutine = scope.run(runnable.step, runnable.chunk)
                except Exception as error:  # noqa: BLE001 - as in `_drive`
                    runnable.failed(error)
                    coroutine = None
                assert not isinstance(coroutine, Begun), "none is begun while this is `lent`"
                if coroutine is not None and not self._borrow(runnable, scope, coroutine):
                    self._handed = (runnable, coroutine)
                    break
                if runnable.runnable and id(runnable) not in self._suspended:
                    queue.append(runnable)
                if clock() >= until:
                    self._loans = _LOANS
                    break
        finally:
            self.driver = None
            if queue or self._handed is not None:
                self.wake()

    def _borrow(
        self, runnable: Runnable, scope: Context, coroutine: Coroutine[Any, Any, Any]
    ) -> bool:
        """Take the first step of a coroutine as a spare runner; return False if there is none."""
        me = asyncio.current_task()
        runner = self._idle[-1] if self._idle else None
        if me is None or runner is None or runner.parked is None or runner.parked.done():
            return False
        self.driver, self.turn = runner, runnable
        try:
            with task_swapped(me, runner.task):
                waiting = scope.run(coroutine.send, None)
        except StopIteration as stop:
            runnable.completed(stop.value)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - its supervisor's
            runnable.failed(error)
        else:
            self._idle.pop()
            self._suspended[id(runnable)] = runner
            runner.rest = (runnable, Suspended(scope, coroutine, waiting))
            runner.parked.set_result(None)
        self.driver = BORROWER
        return True

    def statistics(self) -> DispatcherStatistics:
        """Return how much there is to do and how many do it."""
        return DispatcherStatistics(
            queued=len(self.queue),
            runners=len(self._runners),
            idle=len(self._idle),
            suspended=len(self._suspended),
        )

    async def aclose(self) -> None:
        """End all runners; handlers that wait are cancelled, and what is queued is forgotten.

        A handler that swallows its cancellation is given 2 seconds, logged and left.
        """
        self._closed = True
        self.queue.clear()
        if self._handed is not None:
            self._handed[1].close()
            self._handed = None
        me = asyncio.current_task()
        tasks = [runner.task for runner in self._runners if runner.task is not me]
        for task in tasks:
            task.cancel()
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=_GRACE)
            if pending:
                _log.warning("handlers did not end when cancelled", handlers=len(pending))

    def wake(self) -> None:
        """Make an idle runner, or a new one, the driver."""
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        while self._idle:
            runner = self._idle.pop()
            parked = runner.parked
            if parked is not None and not parked.done():  # else it was cancelled from outside
                self.driver = runner
                parked.set_result(None)
                return
        runner = Runner()
        self.driver = runner
        self._runners.add(runner)
        runner.task = loop.create_task(
            self._run(runner), name="callboard-runner", context=self._context.copy()
        )
        runner.begun = True
        runner.task.add_done_callback(lambda _: self._ended(runner))

    def _loans_over(self) -> None:
        self._loans = 0

    def _ended(self, runner: Runner) -> None:
        self._runners.discard(runner)
        if runner in self._idle:
            self._idle.remove(runner)
        if self.driver is runner:
            self.driver = None
        if self.driver is None and self.queue:
            self.wake()

    async def _run(self, runner: Runner) -> None:
        if not runner.begun:  # an eager task factory starts this inside the tell that woke it
            await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        drives = True
        while True:
            if drives:
                await self._drive(runner)
            if self._closed or len(self._idle) >= _SPARE:
                return
            runner.parked = loop.create_future()
            self._idle.append(runner)
            drives = True
            try:
                await runner.parked
            except asyncio.CancelledError:
                if runner.rest is None:
                    raise
                runner.rest[1].cancel()
            if runner.rest is not None:
                (runnable, suspended), runner.rest = runner.rest, None
                drives = await self._finish(runner, runnable, suspended.resumed())

    async def _drive(self, runner: Runner) -> None:  # noqa: C901, PLR0912 - the hot loop: a call costs more than a branch
        """Drain the queue until it is empty or, back from a wait, until another drives."""
        queue, clock, throughput = self.queue, self._clock, self._throughput
        if self._handed is not None:
            (runnable, coroutine), self._handed = self._handed, None
            if not await self._work(runner, runnable, coroutine):
                return
        last = clock()
        until = last + self._slice
        turns = unseen = 0
        while queue:
            runnable = queue.popleft()
            scope = runnable.scope
            if scope is None:
                scope = self._scope_of(runnable)
            try:
                pending = scope.run(runnable.step, runnable.chunk)
            except Exception as error:  # noqa: BLE001 - one runnable's bug must not end the others
                runnable.failed(error)
                pending = None
            if pending is not None:
                if not await self._work(runner, runnable, pending):
                    return
                if runner.waited:
                    runner.waited = False
                    last = clock()
                    until = last + self._slice
                    continue
            turns += 1
            more = runnable.runnable
            if unseen and not more:
                unseen -= 1
                continue
            now = clock()
            # After a short turn the clock is left alone in the next few: it costs a tenth of one.
            unseen = _UNSEEN if now - last < _SHORT else 0
            if more:
                if pending is None:
                    queue.append(runnable)
                if now - last > _QUICK:
                    runnable.chunk = max(runnable.chunk // 4, 1)
                elif runnable.chunk < throughput:
                    runnable.chunk = min(runnable.chunk * 2, throughput)
            last = now
            if (now >= until or turns >= _TURNS) and queue:
                await asyncio.sleep(0)
                last = clock()
                until = last + self._slice
                turns = unseen = 0
        self.driver = None

    def _scope_of(self, runnable: Runnable) -> Context:
        """Make the context of a runnable that has its first turn."""
        scope = runnable.scope = self._context.copy()
        scope.run(CURRENT.set, runnable.self_ref)
        runnable.chunk = min(FIRST_CHUNK, self._throughput)
        return scope

    async def _work(
        self, runner: Runner, runnable: Runnable, coroutine: Coroutine[Any, Any, Any] | Begun
    ) -> bool:
        """Run a coroutine to its end; return whether this runner still, or again, drives."""
        if isinstance(coroutine, Begun):
            self._requeue(runnable)
            return await self._stay(runner, coroutine.runnable, coroutine.rest)
        scope = runnable.scope
        assert scope is not None, "it had its turn"
        self.turn = runnable
        try:
            waiting = scope.run(coroutine.send, None)
        except StopIteration as stop:
            runnable.completed(stop.value)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - its supervisor's
            runnable.failed(error)
        else:
            return await self._stay(runner, runnable, Suspended(scope, coroutine, waiting))
        if runnable.runnable:
            self.queue.append(runnable)
        return True

    async def _stay(self, runner: Runner, runnable: Runnable, rest: Suspended) -> bool:
        """Have another drive, and finish what waits; return whether this one drives after."""
        self._suspended[id(runnable)] = runner
        runner.waited = True
        self.driver = None
        if self.queue:
            self.wake()
        return await self._finish(runner, runnable, rest.resumed())

    async def _finish(self, runner: Runner, runnable: Runnable, rest: Awaitable[Any]) -> bool:
        """Await the rest of a handler, while another drives; return whether this one does after."""
        try:
            result = await rest
        except (Exception, asyncio.CancelledError) as error:
            self._back(runner, runnable)
            runnable.failed(error)
            self._requeue(runnable)
            if isinstance(error, asyncio.CancelledError) and runner.task.cancelling():
                raise  # it was the runner's task that was cancelled, not the handler alone
        else:
            self._back(runner, runnable)
            runnable.completed(result)
            self._requeue(runnable)
        if self.driver is None:
            self.driver = runner
        return self.driver is runner

    def _back(self, runner: Runner, runnable: Runnable) -> None:
        self._suspended.pop(id(runnable), None)
        if self.driver is None:
            self.turn = runnable
        if runner.interrupted:
            runner.interrupted = False
            runner.task.uncancel()

    def _requeue(self, runnable: Runnable) -> None:
        """Put a runnable back if it has mail; whoever calls sees to a driver."""
        if runnable.runnable and not self._closed:
            self.queue.append(runnable)
