"""The workers of one bulkhead in one system: threads, each alone or speaking for a process."""

import asyncio
import threading
from collections.abc import Callable
from contextvars import Context
from queue import SimpleQueue
from typing import Any

# Seconds between two looks at whether a job in a process was cancelled.
_LOOK = 0.05
# Seconds for workers to end when the system stops; threads that do not are left, as daemons.
_GRACE = 1.0


class Job:
    """One call on its way through a worker.

    Attributes:
        begun: done when a worker has taken it.
        done: its result.
        cancelled: nobody wants the result any more.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: Context,
        function: Callable[..., Any],
        args: tuple[Any, ...],
    ) -> None:
        self.context = context
        self.function = function
        self.args = args
        self.cancelled = False
        self.loop = loop
        self.begun: asyncio.Future[None] = loop.create_future()
        self.done: asyncio.Future[Any] = loop.create_future()

    def cancel(self) -> None:
        """Want the result no more."""
        self.cancelled = True
        self.done.cancel()

    def settle(self, result: Any, error: BaseException | None) -> None:
        """Give the result to whoever waits."""
        if self.done.done():
            return
        if error is None:
            self.done.set_result(result)
        else:
            self.done.set_exception(error)


class Crew:
    """Starts workers up to a number and hands them jobs in order."""

    def __init__(self, name: str, limit: int, *, processes: bool) -> None:
        self._name = name
        self._limit = limit
        self._processes = processes
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self.waiting = 0
        self.busy = 0
        self.closed = False

    @property
    def size(self) -> int:
        """Workers there are."""
        return len(self._threads)

    def post(self, job: Job) -> None:
        """Have a worker do a job."""
        self.waiting += 1
        if self.busy + self.waiting > len(self._threads) < self._limit:
            thread = threading.Thread(
                target=self._work, name=f"callboard-{self._name}-{len(self._threads)}", daemon=True
            )
            self._threads.append(thread)
            thread.start()
        self._jobs.put(job)

    async def aclose(self) -> None:
        """Have the workers end; those in the middle of a job are not waited for long."""
        self.closed = True
        for _ in self._threads:
            self._jobs.put(None)
        loop = asyncio.get_running_loop()
        until = loop.time() + _GRACE
        while any(one.is_alive() for one in self._threads) and loop.time() < until:  # noqa: ASYNC110 - a thread tells nobody that it ends
            await asyncio.sleep(0.01)

    def _work(self) -> None:
        worker = _Process() if self._processes else None
        try:
            while (job := self._jobs.get()) is not None:
                if not self._say(job, self._begin, job):
                    return
                result: Any = None
                error: BaseException | None = None
                try:
                    if job.cancelled:
                        error = asyncio.CancelledError()
                    elif worker is None:
                        result = job.context.run(job.function, *job.args)
                    else:
                        result = worker.call(job)
                except BaseException as raised:  # noqa: BLE001 - it is the caller's
                    error = raised
                if not self._say(job, self._end, job, result, error):
                    return
        finally:
            if worker is not None:
                worker.close()

    def _say(self, job: Job, call: Callable[..., None], *args: Any) -> bool:
        try:
            job.loop.call_soon_threadsafe(call, *args)
        except RuntimeError:  # the loop was closed meanwhile
            return False
        return True

    def _begin(self, job: Job) -> None:
        self.waiting -= 1
        self.busy += 1
        if not job.begun.done():
            job.begun.set_result(None)

    def _end(self, job: Job, result: Any, error: BaseException | None) -> None:
        self.busy -= 1
        if isinstance(error, StopIteration):  # which no future can hold
            error = RuntimeError(f"the blocking handler raised {error!r}")
        job.settle(result, error)


class _Process:
    """A process that calls functions by their names; made anew after it was killed."""

    def __init__(self) -> None:
        import multiprocessing  # noqa: PLC0415 - few programs use it, and it is slow to load

        # Spawned, not forked: this program has threads, and a fork would copy their locks.
        self._start = multiprocessing.get_context("spawn")
        self._process: Any = None
        self._pipe: Any = None

    def call(self, job: Job) -> Any:
        """Have the job done there."""
        if self._process is None or not self._process.is_alive():
            self._pipe, theirs = self._start.Pipe()
            self._process = self._start.Process(target=serve, args=(theirs,), daemon=True)
            self._process.start()
            theirs.close()
        instance, *rest = job.args
        state = {
            name: value
            for name, value in vars(instance).items()
            if name not in {"_cell", "context"}
        }
        self._pipe.send((type(instance), job.function.__name__, state, rest))
        while not self._pipe.poll(_LOOK):
            if job.cancelled:
                self.close()
                raise asyncio.CancelledError
        try:
            ok, value = self._pipe.recv()
        except EOFError:
            self._process.join(_GRACE)
            code = self._process.exitcode
            self.close()
            raise RuntimeError(
                f"the process of a blocking handler died with exit code {code}"
            ) from None
        if ok:
            return value
        raise value

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join(_GRACE)
            self._pipe.close()
            self._process = None


def serve(pipe: Any) -> None:
    """Answer calls until the other end closes: the main function of a worker process."""
    while True:
        try:
            actor, name, state, args = pipe.recv()
        except EOFError:
            return
        instance = actor.__new__(actor)
        vars(instance).update(state)
        try:
            answer = (True, getattr(actor, name).__wrapped__(instance, *args))
        except Exception as error:  # noqa: BLE001 - it is the caller's
            answer = (False, error)
        try:
            pipe.send(answer)
        except Exception as error:  # noqa: BLE001 - what cannot be pickled is told as text
            pipe.send((False, TypeError(f"the result cannot leave its process: {error}")))
