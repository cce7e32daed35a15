"""The loop in virtual time: its clock, its limits, and how a run that hangs ends."""

import asyncio
import datetime as dt
import gc
import time
from typing import Any

import pytest

from callboard import Actor, handler
from callboard.testing import (
    VirtualDeadlock,
    VirtualLoop,
    VirtualTimeError,
    VirtualTimeLimit,
    make_system,
    run_virtual,
)


def now() -> float:
    """Return the running loop's time."""
    return asyncio.get_running_loop().time()


def test_waiting_takes_no_time_and_ends_at_the_very_moment() -> None:
    """A day of sleep is over at once, and the clock shows the exact sum."""

    async def main() -> float:
        for seconds in (0.1, 3_600.0, 82_799.9):
            await asyncio.sleep(seconds)
        return now()

    begun = time.monotonic()
    assert run_virtual(main(), limit=100_000) == 0.1 + 3_600.0 + 82_799.9
    assert time.monotonic() - begun < 5


def test_time_stands_still_while_something_can_run() -> None:
    """Ten thousand turns of a task take no virtual time."""

    async def main() -> float:
        for _ in range(10_000):
            await asyncio.sleep(0)
        return now()

    assert run_virtual(main()) == 0.0


def test_timers_of_one_moment_fire_in_the_order_they_were_set() -> None:
    """Without a seed, equal deadlines are served first come, first served."""
    fired: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in range(20):
            loop.call_at(5.0, fired.append, number)
        loop.call_at(4.0, fired.append, -1)
        await asyncio.sleep(6)

    run_virtual(main())
    assert fired == list(range(-1, 20))


def test_a_cancelled_timer_moves_no_clock() -> None:
    """The clock jumps to timers that are wanted, and passes over the others."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        cancelled = [loop.call_later(seconds, pytest.fail) for seconds in range(1, 300)]
        kept = loop.create_future()
        loop.call_later(50.5, kept.set_result, None)
        for timer in cancelled:
            timer.cancel()
        await kept
        return now()

    assert run_virtual(main()) == 50.5


def test_timeouts_are_by_virtual_time() -> None:
    """`asyncio.timeout` ends a wait at its deadline."""

    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
        return now()

    assert run_virtual(main()) == 30.0


def test_the_wall_clock_begins_in_2026() -> None:
    """`wall_clock` is a fixed date plus the loop's time."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        await asyncio.sleep(90)
        return loop.wall_clock()

    moment = dt.datetime.fromtimestamp(run_virtual(main()), dt.UTC)
    assert moment.isoformat() == "2026-01-01T00:01:30+00:00"


async def wait_for(event: asyncio.Event) -> None:
    """Wait, in a place that can be recognized."""
    await event.wait()


def test_a_deadlock_names_the_tasks_and_where_they_wait() -> None:
    """The error has each task's name, function, file and line; asyncio's own are left out."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        event = asyncio.Event()
        waiting = [loop.create_task(wait_for(event), name=f"waiter-{n}") for n in (1, 2)]
        await asyncio.gather(*waiting)

    with pytest.raises(VirtualDeadlock) as caught:
        run_virtual(main())
    text = str(caught.value)
    line = wait_for.__code__.co_firstlineno + 2
    assert f"waiter-1, waiter-2: wait_for at {__file__}:{line}\n      await event.wait()" in text
    assert "main at" in text
    assert "locks.py" not in text


def test_a_deadlock_shows_the_handler_that_waits() -> None:
    """A handler is named by its own line, not by that of the dispatcher that runs it."""

    class Stuck(Actor):
        @handler
        async def wait(self, message: str) -> None:
            await wait_for(asyncio.Event())

    async def main() -> None:
        async with make_system(shutdown_timeout=1.0) as system:
            system.spawn(Stuck).tell("now")
            await asyncio.Event().wait()

    with pytest.raises(VirtualDeadlock, match=r"callboard-runner: wait_for, awaited by .* at .*"):
        run_virtual(main())


def test_after_a_deadlock_tasks_are_cancelled_and_clean_up() -> None:
    """`finally` blocks run, and may wait."""
    log: list[Any] = []

    async def main() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(5)
            log.append(now())

    with pytest.raises(VirtualDeadlock):
        run_virtual(main())
    assert log == [5.0]


def test_the_first_error_is_the_one_that_is_raised() -> None:
    """A task that hangs again while it is cancelled does not hide why the run ended."""

    async def main() -> None:
        try:
            await asyncio.sleep(10_000)
        finally:
            await asyncio.Event().wait()

    with pytest.raises(VirtualTimeLimit):
        run_virtual(main())
    gc.collect()  # asyncio complains of the task that was left, here rather than at the exit


def test_the_limit_names_what_hangs_beside_what_beats() -> None:
    """A program that waits for ever while a heartbeat goes on is ended, and both are told."""
    beats: list[float] = []

    async def beat() -> None:
        while True:
            await asyncio.sleep(7)
            beats.append(now())

    async def main() -> None:
        heart = asyncio.get_running_loop().create_task(beat(), name="heart")
        await wait_for(asyncio.Event())
        heart.cancel()

    with pytest.raises(VirtualTimeLimit) as caught:
        run_virtual(main(), limit=100)
    assert beats[-1] == 98.0
    assert "due at 105 s" in str(caught.value)
    assert "the limit is 100 s" in str(caught.value)
    assert "heart: " in str(caught.value)
    assert "wait_for, awaited by" in str(caught.value)


def test_no_except_in_the_program_hides_that_it_hangs() -> None:
    """The error is raised by the run, not in a task that might catch it."""

    async def main() -> None:
        try:
            await asyncio.Event().wait()
        except Exception:  # noqa: BLE001 - what is tried here
            pytest.fail("caught inside")

    with pytest.raises(VirtualTimeError):
        run_virtual(main())


def test_functions_for_threads_run_in_the_loop() -> None:
    """`asyncio.to_thread` returns or raises what the function does, and no time passes."""

    def fail() -> None:
        raise KeyError("no thread")

    async def main() -> tuple[int, float]:
        with pytest.raises(KeyError):
            await asyncio.to_thread(fail)
        return await asyncio.to_thread(pow, 2, 5), now()

    assert run_virtual(main()) == (32, 0.0)


def test_networks_and_processes_are_refused_with_a_reason() -> None:
    """Who opens a connection is told that there is none in virtual time."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for attempt in (
            asyncio.open_connection("127.0.0.1", 9),
            asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0),
            asyncio.open_unix_connection("/nowhere"),
            asyncio.start_unix_server(lambda _r, _w: None, "/nowhere"),
            loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("127.0.0.1", 0)),
            asyncio.create_subprocess_exec("true"),
            asyncio.create_subprocess_shell("true"),
        ):
            with pytest.raises(RuntimeError, match=r"a VirtualLoop has no \w+: its clock jumps"):
                await attempt

    run_virtual(main())


def test_a_result_is_returned_and_an_error_raised_as_by_asyncio_run() -> None:
    """What `main` returns or raises comes out."""

    async def value() -> str:
        return "done"

    async def error() -> None:
        raise ZeroDivisionError

    assert run_virtual(value(), seed=3) == "done"
    with pytest.raises(ZeroDivisionError):
        run_virtual(error())
