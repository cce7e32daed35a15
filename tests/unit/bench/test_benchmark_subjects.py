"""Every workload of our own subjects runs, if only for a moment."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from callboard.benchmarks._session import RunFailed, Session
from callboard.benchmarks.local import LocalOptions, plan_local
from callboard.benchmarks.local.subjects import _asyncio_queue
from callboard.benchmarks.local.subjects._measure import share

JOBS = [
    *("tell", "tell_async", "fan_out", "ping_pong", "ask", "ask_100", "spawn"),
    *("idle", "idle_used", "restarts", "fairness"),
]


@pytest.fixture(params=["asyncio_queue", "callboard"])
async def session(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Session]:
    """Give the process of one subject to a test."""
    plan = plan_local(LocalOptions(subjects=[request.param]), tmp_path)
    running = Session(plan.subjects[0], tmp_path)
    yield running
    await running.close()


async def test_all_workloads_give_a_figure(session: Session) -> None:
    """Each in a fork of one process, so that none finds what another left."""
    figures = {job: await session.run(job, 200, 20.0) for job in JOBS}
    assert min(figures.values()) >= 0.0
    assert figures["tell"] > 1_000
    assert figures["fairness"] > 0.0
    assert "CPython" in session.version or "PyPy" in session.version


async def test_a_workload_it_does_not_know_is_a_failure(session: Session) -> None:
    """Which says so."""
    with pytest.raises(RunFailed, match="KeyError"):
        await session.run("juggle", 1, 20.0)


async def test_a_run_that_raises_answers_with_its_exception(session: Session) -> None:
    """The process lives on."""
    with pytest.raises(RunFailed, match="Error: "):
        await session.run("idle", 0, 20.0)
    assert await session.run("ask", 10, 20.0) > 0.0


async def test_the_baseline_refuses_a_taken_name() -> None:
    """It is a minimal library, and not less than that."""
    system = _asyncio_queue.System()
    system.spawn("desk", _asyncio_queue.Desk)
    with pytest.raises(ValueError, match="there is an actor 'desk' already"):
        system.spawn("desk", _asyncio_queue.Desk)
    for task in system.tasks.values():
        task.cancel()


async def test_the_baseline_keeps_mail_through_a_restart() -> None:
    """Its restarts are comparable: each message of ten finds an instance to crash."""
    async with aclosing(_asyncio_queue.restarts(10)) as run:  # type: ignore[type-var]  # it is a generator
        async for figure in run:
            assert figure > 0.0
            break


def test_everyone_does_something() -> None:
    """Also when there is less to do than there are to do it."""
    assert (share(10, 100), share(250, 100)) == (1, 2)
