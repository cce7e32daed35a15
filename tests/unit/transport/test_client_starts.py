"""Clients of the library are started whole: what is half open nobody could close."""

import asyncio
import contextlib

import pytest

from callboard.testing import run_virtual
from callboard.transport._kafka import _start
from callboard.transport._kafka._security import Cluster


class Client:
    """Takes its time to start, as the real one does between two connections."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.seen: list[str] = []

    async def start(self) -> None:
        """Start."""
        try:
            await asyncio.sleep(self._seconds)
        except asyncio.CancelledError:
            self.seen.append("cancelled half way")
            raise
        self.seen.append("started")

    async def stop(self) -> None:
        """Stop."""
        self.seen.append("stopped")


@pytest.mark.parametrize(
    ("takes", "seen"),
    [(0.5, ["started", "stopped"]), (90.0, ["cancelled half way", "stopped"])],
)
def test_a_start_that_is_cancelled_comes_to_its_end_first(takes: float, seen: list[str]) -> None:
    """Unless it takes too long: nobody waits for ever for a broker that says nothing."""

    async def main() -> tuple[list[str], float]:
        client = Client(takes)
        starting = asyncio.create_task(
            _start.start(client, client.stop, Cluster("localhost:9"), seconds=30.0)
        )
        await asyncio.sleep(0.1)
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starting
        return client.seen, asyncio.get_running_loop().time()

    found, took = run_virtual(main())
    assert found == seen
    assert took < 2.0
