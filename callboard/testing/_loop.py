"""An event loop in virtual time: its clock jumps to the next timer when nothing else can happen."""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Executor
from contextlib import suppress
from contextvars import Context
from typing import Any, NoReturn, TypeVar, TypeVarTuple, cast

from ._errors import VirtualDeadlock, VirtualTimeError, VirtualTimeLimit
from ._order import Ages, Turns
from ._waiting import describe

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# 2026-01-01T00:00:00Z, the moment at which every virtual loop begins.
EPOCH = 1_767_225_600.0


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop in virtual time.

    `time()` stands still while anything can run. When nothing can, it jumps to the next timer: an
    hour of `asyncio.sleep` takes no time, and timers fire at the very moment they were set for.
    Most tests want `run_virtual`, or the mark `callboard_virtual`, which make one.

    With a seed, callbacks that became ready together run in an order drawn from it; the same seed
    gives the same order, in any process. Permuted are turns of tasks among themselves, and timers
    with equal deadlines. Other callbacks keep their places, because `call_soon` promises that.

    Functions given to `run_in_executor` (hence `asyncio.to_thread`) run in the loop's own thread,
    in its next iteration, one after another; blocking handlers run in it at once.

    What is not promised: input and output. Connections, servers and subprocesses are refused, since
    a clock that jumps would time them out. Neither is the order of what the loop cannot see: real
    threads, `random` without a seed, iteration over sets.

    Args:
        seed: seeds the order; None for asyncio's own order.
        limit: virtual seconds after which the run fails with VirtualTimeLimit.

    Attributes:
        seed: as given.
        runs_threads_inline: tells blocking handlers that they run here as well.
    """

    runs_threads_inline: bool = True
    _ready: deque[asyncio.Handle]
    _scheduled: list[Any]  # (when, number, timer): timers of one moment in the order they were set
    _timer_cancelled_count: int
    _clock_resolution: float
    _stopping: bool
    _check_closed: Callable[[], None]

    def __init__(self, *, seed: int | None = None, limit: float = 3600.0) -> None:
        self._now = 0.0
        self.seed: int | None = seed
        self._limit = limit
        self._until = limit
        self._timers_set = 0
        self._ages = Ages()
        self._turns = None if seed is None else Turns(seed, self._ages)
        super().__init__()

    def time(self) -> float:
        """Return virtual seconds since the loop was made."""
        return self._now

    def wall_clock(self) -> float:
        """Return seconds since the epoch, as if the loop had been made at 2026-01-01T00:00:00Z.

        To be handed to whatever asks for a clock: `ActorSystem("s", wall_clock=loop.wall_clock)`.
        """
        return EPOCH + self._now

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call back at a virtual time; timers of the same moment in the order they were set."""
        self._check_closed()
        timer: Any = asyncio.TimerHandle(when, callback, args, self, context)
        self._timers_set += 1
        heapq.heappush(self._scheduled, (when, self._timers_set, timer))
        timer._scheduled = True  # noqa: SLF001 - asyncio counts cancelled timers by it
        return cast("asyncio.TimerHandle", timer)

    def create_task(
        self, coro: "Coroutine[Any, Any, T] | Generator[Any, None, T]", **options: Any
    ) -> asyncio.Task[T]:
        """Schedule a coroutine, as any loop does, and number its task."""
        task = super().create_task(coro, **options)
        self._ages.of(task)
        return task

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Call a function in the loop's own thread, soon; the executor is not used."""
        del executor
        result: asyncio.Future[T] = self.create_future()

        def call() -> None:
            if result.cancelled():
                return
            try:
                result.set_result(func(*args))
            except Exception as error:  # noqa: BLE001 - whoever awaits it is told
                result.set_exception(error)

        self.call_soon(call)
        return result

    # --- one iteration ----------------------------------------------------------------------------
    #
    # asyncio has no public place to decide what runs next. `_run_once`, `_ready` and `_scheduled`
    # were tried on 3.11, 3.12 and 3.13. asyncio's own `_run_once` would look for input, of which
    # there is none, and that takes longer than everything else here.

    def _run_once(self) -> None:
        ready, scheduled = self._ready, self._scheduled
        self._drop_cancelled()
        if not ready and not self._stopping:
            self._jump()
        soon = self._now + self._clock_resolution
        if scheduled and scheduled[0][0] < soon:
            due: list[asyncio.TimerHandle] = []
            while scheduled and scheduled[0][0] < soon:
                due.append(self._pop())
                self._drop_cancelled()
            due = self._due(due)
            if self._turns is not None and len(due) > 1:
                self._turns.shuffle_equal(due)
            ready.extend(due)
        if self._turns is not None and len(ready) > 1:
            self._turns.arrange(ready)
        for _ in range(len(ready)):
            handle: Any = ready.popleft()
            if not handle._cancelled:  # noqa: SLF001 - as asyncio's own loop does
                handle._run()  # noqa: SLF001 - as asyncio's own loop does

    def _due(self, due: list[asyncio.TimerHandle]) -> list[asyncio.TimerHandle]:
        """Return which of the timers that are due are called now."""
        return due

    def _jump(self) -> None:
        """Move the clock to the next timer."""
        if not self._scheduled:
            raise VirtualDeadlock(
                "nothing can happen any more: no timer is left, and every task waits for "
                f"another\n{self._left()}"
            )
        when: float = self._scheduled[0][0]
        if when > self._until:
            # More time for the end: what is cancelled now may wait a little to clean up.
            self._until = max(self._now, self._until) + self._limit
            raise VirtualTimeLimit(
                f"virtual time is {self._now:g} s, the next timer is due at {when:g} s and the "
                f"limit is {self._limit:g} s. What hangs is among these; if nothing does, give a "
                f"larger limit=\n{self._left()}"
            )
        self._now = max(self._now, when)

    def _drop_cancelled(self) -> None:
        scheduled = self._scheduled
        while scheduled and scheduled[0][2]._cancelled:  # noqa: SLF001 - as asyncio's own loop does
            self._pop()
            self._timer_cancelled_count -= 1

    def _pop(self) -> asyncio.TimerHandle:
        timer: Any = heapq.heappop(self._scheduled)[2]
        timer._scheduled = False  # noqa: SLF001 - asyncio counts cancelled timers by it
        return cast("asyncio.TimerHandle", timer)

    def _left(self) -> str:
        return describe(sorted(asyncio.all_tasks(self), key=self._ages.of))

    # --- what there is none of --------------------------------------------------------------------

    async def create_connection(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse: there is no network in virtual time."""
        _refuse("create_connection")

    async def create_server(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse: there is no network in virtual time."""
        _refuse("create_server")

    async def create_unix_connection(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse: there is no network in virtual time."""
        _refuse("create_unix_connection")

    async def create_unix_server(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse: there is no network in virtual time."""
        _refuse("create_unix_server")

    async def create_datagram_endpoint(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse: there is no network in virtual time."""
        _refuse("create_datagram_endpoint")

    async def subprocess_exec(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse: another process knows nothing of virtual time."""
        _refuse("subprocess_exec")

    async def subprocess_shell(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse: another process knows nothing of virtual time."""
        _refuse("subprocess_shell")


def run_virtual(
    main: Coroutine[Any, Any, T], *, seed: int | None = None, limit: float = 3600.0
) -> T:
    """Run a coroutine in virtual time, like `asyncio.run`, and return its result.

    ```python
    async def main() -> float:
        await asyncio.sleep(600)
        return asyncio.get_running_loop().time()


    assert run_virtual(main()) == 600.0
    ```

    Order of events: a VirtualLoop is made, `main` runs to its end, tasks that are left are
    cancelled and waited for, asynchronous generators are closed, the loop is closed. If the run
    fails because nothing can happen any more or the limit is reached, the same follows, and the
    error of the run is the one that is raised.

    Args:
        main: the coroutine.
        seed: of the order in which tasks run; None for asyncio's own order.
        limit: virtual seconds that the run may take.

    Raises:
        VirtualDeadlock: every task waits and no timer is left.
        VirtualTimeLimit: the run takes more virtual time than `limit`.
        RuntimeError: a loop is running already in this thread.
    """
    runner = asyncio.Runner(loop_factory=lambda: VirtualLoop(seed=seed, limit=limit))
    try:
        result = runner.run(main)
    except BaseException:
        with suppress(VirtualTimeError):  # a task that does not let itself be cancelled, either
            runner.close()
        raise
    runner.close()
    return result


def _refuse(what: str) -> NoReturn:
    raise RuntimeError(
        f"a VirtualLoop has no {what}: its clock jumps, so whatever waits for the world outside "
        "would time out. Replace it by an actor or a double, or run this test on a real loop."
    )
