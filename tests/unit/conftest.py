"""Fixtures of tests that need no socket."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import structlog
from support.quiet_end import run_to_quiet_end

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture
def virtually() -> Run:
    """Run a coroutine in virtual time: `virtually(main())`; fails if it leaves a task or timer."""
    return run_to_quiet_end


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """What structlog logged during the test."""
    with structlog.testing.capture_logs() as lines:
        yield lines
