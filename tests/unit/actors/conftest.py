"""Fixtures of the actor core's tests."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import structlog

from callboard.testing import run_virtual

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture
def virtually() -> Run:
    """Run a coroutine in virtual time: `virtually(main())`; fails if it leaves a task or timer."""

    async def alone(main: Coroutine[Any, Any, Any]) -> Any:
        result = await main
        left = [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]
        assert left == []
        loop: Any = asyncio.get_running_loop()
        timers = loop._scheduled
        assert [one for one in timers if not one.cancelled()] == []
        return result

    def run(main: Coroutine[Any, Any, Any]) -> Any:
        assert inspect.iscoroutine(main)
        return run_virtual(alone(main))

    return run


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """What structlog logged during the test."""
    with structlog.testing.capture_logs() as lines:
        yield lines
