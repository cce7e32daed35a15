"""Fixtures of the actor core's tests."""

import asyncio
import importlib.util
import inspect
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def _load_virtual_time() -> Any:
    # Tests are no package, and pytest's importlib mode puts no folder on the path.
    path = Path(__file__).parents[1] / "virtual_time.py"
    spec = importlib.util.spec_from_file_location("callboard_virtual_time", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_RUN: Run = _load_virtual_time().run_virtually


@pytest.fixture
def virtually() -> Run:
    """Run a coroutine in virtual time: `virtually(main())`; fails if it leaves a task or timer."""

    async def alone(main: Coroutine[Any, Any, Any]) -> Any:
        result = await main
        left = [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]
        assert left == []
        timers = getattr(asyncio.get_running_loop(), "_scheduled")  # noqa: B009 - private to asyncio
        assert [one for one in timers if not one.cancelled()] == []
        return result

    def run(main: Coroutine[Any, Any, Any]) -> Any:
        assert inspect.iscoroutine(main)
        return _RUN(alone(main))

    return run


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """What structlog logged during the test."""
    with structlog.testing.capture_logs() as lines:
        yield lines
