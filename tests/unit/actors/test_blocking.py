"""Handlers that block, in threads and processes, in real time."""

import asyncio
import os
import threading
import time
from typing import Any

import pytest

from callboard import (
    Actor,
    ActorFailed,
    ActorSystem,
    Bulkhead,
    HandlerError,
    blocking,
    blocking_cancelled,
    handler,
)
from callboard.testing import make_system, run_virtual

PROCESSES = Bulkhead("test-processes", workers=1, timeout=3.0, processes=True)


class Sleeper(Actor):
    """Blocks in a thread of the shared bulkhead."""

    @handler
    @blocking
    def sleep(self, message: float) -> str:
        """Sleep, and say where."""
        time.sleep(message)
        return threading.current_thread().name

    @handler
    @blocking
    def fail(self, message: str) -> None:
        """Fail in the thread."""
        raise ValueError(message)


class Patient(Actor):
    """Works in a process; `int` answers, `float` sleeps, `str` fails, `bytes` kills the process."""

    def __init__(self) -> None:
        self.factor = 3

    @handler
    @blocking(PROCESSES)
    def work(self, message: int | float | str | bytes) -> Any:  # noqa: PYI041 - the class decides
        """Do as told."""
        if isinstance(message, bytes):
            os._exit(7)
        if isinstance(message, str):
            raise KeyError(message)
        if isinstance(message, float):
            time.sleep(message)
        return (os.getpid(), message * self.factor)


async def test_a_blocking_handler_does_not_hold_up_the_loop() -> None:
    """While a thread sleeps, the loop turns; the answer comes from the thread."""
    async with ActorSystem("t") as system:
        ref = system.spawn(Sleeper)
        began = time.monotonic()
        ask = asyncio.ensure_future(ref.ask(0.3, timeout=5.0))
        turns = 0
        while not ask.done():
            await asyncio.sleep(0.01)
            turns += 1
        assert turns >= 5
        assert ask.result().startswith("callboard-default-")
        assert time.monotonic() - began >= 0.3


async def test_an_exception_in_the_thread_is_the_actors_failure() -> None:
    """It reaches the asker as ActorFailed with its cause, and the supervisor."""
    async with ActorSystem("t") as system:
        with pytest.raises(ActorFailed, match="ValueError: oh") as caught:
            await system.spawn(Sleeper).ask("oh", timeout=5.0)
        assert isinstance(caught.value.__cause__, ValueError)
        assert system.statistics().failures == 1


async def test_a_full_bulkhead_refuses_and_does_not_queue_for_ever() -> None:
    """One worker and one that waits: the third call fails with BulkheadFull, and is told so."""
    bulkhead = Bulkhead("narrow", workers=1, waiting=1)
    release = threading.Event()

    class Narrow(Actor):
        @handler
        @blocking(bulkhead)
        def wait(self, message: int) -> int:
            release.wait(5.0)
            return message

    async with ActorSystem("t") as system:
        asks = [
            asyncio.ensure_future(system.spawn(Narrow).ask(number, timeout=5.0))
            for number in range(3)
        ]
        await asyncio.wait(asks, return_when=asyncio.FIRST_COMPLETED)
        async with asyncio.timeout(5):
            while not bulkhead.statistics(system).busy:
                await asyncio.sleep(0.01)
        statistics = bulkhead.statistics(system)
        assert (statistics.workers, statistics.busy, statistics.waiting) == (1, 1, 1)
        release.set()
        results = await asyncio.gather(*asks, return_exceptions=True)
        assert results[:2] == [0, 1]
        assert isinstance(results[2], ActorFailed)
        assert results[2].error_type == "BulkheadFull"


async def test_killing_the_actor_tells_the_thread() -> None:
    """The thread cannot be ended, but it can see that nobody wants its result."""
    begun, seen = threading.Event(), threading.Event()

    class Long(Actor):
        @handler
        @blocking
        def work(self, message: int) -> None:
            begun.set()
            until = time.monotonic() + 5.0
            while time.monotonic() < until:
                if blocking_cancelled():
                    seen.set()
                    return
                time.sleep(0.01)

    async with ActorSystem("t") as system:
        ref = system.spawn(Long)
        ref.tell(1)
        await asyncio.to_thread(begun.wait, 5.0)
        system.kill(ref)
        assert await asyncio.to_thread(seen.wait, 5.0)
        assert not blocking_cancelled()


async def test_a_call_that_waits_is_not_made_once_it_is_cancelled() -> None:
    """A call behind a busy worker whose actor is killed never runs."""
    bulkhead = Bulkhead("one", workers=1)
    release, ran = threading.Event(), list[int]()

    class One(Actor):
        @handler
        @blocking(bulkhead)
        def work(self, message: int) -> None:
            ran.append(message)
            release.wait(5.0)

    async with ActorSystem("t") as system:
        first, second, third = (system.spawn(One) for _ in range(3))
        for number, ref in enumerate((first, second, third)):
            ref.tell(number)
        async with asyncio.timeout(5):
            while bulkhead.statistics(system).waiting < 2:
                await asyncio.sleep(0.01)
        system.kill(second)
        await asyncio.sleep(0)
        release.set()
        async with asyncio.timeout(5):
            while bulkhead.statistics(system).waiting or bulkhead.statistics(system).busy:
                await asyncio.sleep(0.01)
    assert ran == [0, 2]


async def test_a_process_does_the_work_and_is_replaced_when_it_dies() -> None:
    """Answers, failures and a death: each is the actor's own, and the next call works."""
    async with ActorSystem("t") as system:
        ref = system.spawn(Patient)
        pid, result = await ref.ask(2, timeout=20.0)
        assert result == 6
        assert pid != os.getpid()
        with pytest.raises(ActorFailed, match="KeyError"):
            await ref.ask("no", timeout=20.0)
        assert (await ref.ask(3, timeout=20.0)) == (pid, 9)
        with pytest.raises(ActorFailed, match="died with exit code 7"):
            await ref.ask(b"", timeout=20.0)
        other, result = await ref.ask(4, timeout=20.0)
        assert result == 12
        assert other != pid


async def test_a_process_that_takes_too_long_is_ended() -> None:
    """The bulkhead's timeout is the actor's failure, and the process is gone."""
    bulkhead = Bulkhead("short", workers=1, timeout=0.5, processes=True)
    async with ActorSystem("t") as system:
        ref = system.spawn(Patient)
        pid, _ = await ref.ask(1, timeout=20.0)  # its process has started
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            await bulkhead.run(system, Patient.work.__wrapped__, Patient(), 60.0)  # type: ignore[attr-defined]
        assert time.monotonic() - began < 20.0
        assert pid


def test_in_virtual_time_a_blocking_handler_runs_in_the_loop() -> None:
    """No thread is started, which a clock that jumps would not wait for."""

    async def main() -> str:
        async with make_system() as system:
            return str(await system.spawn(Sleeper).ask(0.0, timeout=1.0))

    assert run_virtual(main()) == threading.current_thread().name


def test_what_cannot_block_is_refused() -> None:
    """An async method and a class are no blocking handlers; numbers are checked."""
    with pytest.raises(HandlerError, match="plain method"):

        @blocking
        async def wait(self: Any, message: int) -> None: ...

    with pytest.raises(HandlerError, match="plain method"):
        blocking(Sleeper)  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]
    with pytest.raises(ValueError, match="at least 1 worker"):
        Bulkhead("none", workers=0)
    with pytest.raises(ValueError, match="a timeout above 0"):
        Bulkhead("none", timeout=0.0)
