"""Runs that leave nothing behind."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from callboard.testing import run_virtual

T = TypeVar("T")


def run_to_quiet_end(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time, and fail if it leaves a task or a timer."""

    async def alone() -> T:
        result = await main
        left = [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]
        assert left == []
        loop: Any = asyncio.get_running_loop()
        timers = [timer for _, _, timer in loop._scheduled]
        assert [one for one in timers if not one.cancelled()] == []
        return result

    return run_virtual(alone())
