"""The dispatcher: a node that hosts nothing, and sends the flights."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Collection, Iterable

from callboard import ActorSystem

from ._entities import Aircraft
from .v1.flights_pb2 import Flight

_CHUNK = 500
_GRACE = 3.0


async def replay(
    system: ActorSystem,
    flights: Iterable[tuple[str, Flight]],
    *,
    holds: Collection[int],
    released: Callable[[], Awaitable[object]],
) -> int:
    """Send every flight to its Aircraft, in order; return how many.

    Sends overlap, two chunks at most: while one waits for its
    acknowledgements the next is on its way. Messages are appended in the order
    `send` is called, so each aircraft gets its flights as the file has them.

    Args:
        system: A running system.
        flights: Tail number and message, in order.
        holds: Row numbers after which to go on only when `released`.
        released: Waits for the word to go on.

    Raises:
        TransportError: A flight was not acknowledged.
    """
    sent = 0
    chunk: list[Awaitable[None]] = []
    ahead: asyncio.Future[list[None]] | None = None
    for tail, flight in flights:
        chunk.append(system.entity(Aircraft, tail).send(flight))
        sent += 1
        if len(chunk) >= _CHUNK or sent in holds:
            under_way = asyncio.gather(*chunk)
            chunk = []
            if ahead is not None:
                await ahead
            ahead = under_way
            if sent in holds:
                await ahead
                await released()
    if ahead is not None:
        await ahead
    await asyncio.gather(*chunk)
    return sent


class Releases:
    """Lines on standard input, each a word to go on; its end is the word to stop.

    The parent holds the other end of the pipe. When it ends, in whatever way,
    the task that entered this is cancelled, and the process exits 3 s later at
    the latest.
    """

    def __init__(self) -> None:
        self._waiting = asyncio.Semaphore(0)
        self._following: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Callable[[], Awaitable[object]]:
        owner = asyncio.current_task()
        assert owner is not None, "entered inside a task"
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        self._following = asyncio.create_task(self._follow(reader, owner), name="stdin")
        return self._waiting.acquire

    async def __aexit__(self, *_: object) -> None:
        if self._following is not None:
            self._following.cancel()

    async def _follow(self, reader: asyncio.StreamReader, owner: asyncio.Task[object]) -> None:
        while await reader.readline():
            self._waiting.release()
        owner.cancel("the parent has ended")
        await asyncio.sleep(_GRACE)
        # The broker has probably ended too, and the system waits for it longer than anyone cares.
        os._exit(1)
