"""Clients of the library are started and closed whole; who is cancelled meanwhile stays so."""

import asyncio
import contextlib

import pytest

from callboard.testing import run_virtual
from callboard.transport._kafka import _lifecycle
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
            _lifecycle.start(client, client.stop, Cluster("localhost:9"), seconds=30.0)
        )
        await asyncio.sleep(0.1)
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starting
        return client.seen, asyncio.get_running_loop().time()

    found, took = run_virtual(main())
    assert found == seen
    assert took < 2.0


def test_a_close_that_is_cancelled_comes_to_its_end_and_stays_cancelled() -> None:
    """The library takes a cancellation in that moment for its own task's, and goes on."""

    class Selfish(Client):
        async def stop(self) -> None:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.5)
            await super().stop()

    async def main() -> tuple[list[str], bool]:
        client = Selfish(0.0)
        closing = asyncio.create_task(_lifecycle.close_whole(client.stop()))
        await asyncio.sleep(0.1)
        closing.cancel()
        await asyncio.wait([closing])
        return client.seen, closing.cancelled()

    assert run_virtual(main()) == (["stopped"], True)
