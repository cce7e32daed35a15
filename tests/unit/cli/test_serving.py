"""A node that is told to stop does, whenever it is told."""

import asyncio
import contextlib
import os
import signal
from typing import Self

import pytest

from callboard import ActorSystem
from callboard.cli._run import serve


class Deaf(ActorSystem):
    """Connects for a while, and swallows being cancelled, as client libraries do now and then."""

    async def __aenter__(self) -> Self:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(5.0)
        return await super().__aenter__()


@pytest.mark.parametrize("kind", [ActorSystem, Deaf])
async def test_a_signal_while_it_connects_is_not_lost(kind: type[ActorSystem]) -> None:
    """Not even if what connects goes on as if nothing had been."""
    serving = asyncio.create_task(serve(kind("told")))
    await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(serving, 3.0) == 0
