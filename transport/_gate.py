"""A door that opens once, and lets in first who came first."""

import asyncio
from collections.abc import Awaitable, Callable


class Gate:
    """Holds senders up until what they send to is ready, and keeps them in their order.

    Something is ready as soon as its topic is, while those who waited for it go on only when
    the whole start is through: without a gate, who comes in between would overtake them.

    Args:
        ready: Makes everything ready that was referred to; safe to call often.
    """

    def __init__(self, ready: Callable[[], Awaitable[None]]) -> None:
        self._ready = ready
        self._turn = asyncio.Lock()
        self._queued = 0

    async def enter(self, *, is_open: bool) -> None:
        """Return at once if it is open and nobody waits, else after those who came before.

        Whoever goes on without another wait keeps its place.

        Args:
            is_open: What the caller needs is ready.

        Raises:
            TransportError: It cannot be made ready.
        """
        if is_open and not self._queued:
            return
        self._queued += 1
        try:
            async with self._turn:
                await self._ready()
        finally:
            self._queued -= 1
