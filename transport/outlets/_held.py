"""A connection that one task holds open, and many use."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

from ..bridges import BridgeError

S = TypeVar("S")

_CLOSING = 10.0


class Held(Generic[S]):
    """Opens a session when it is first needed, and again when it was lost.

    A task of its own enters and leaves it: clients that are built on task groups want to be left
    by the task that entered them.

    Args:
        open_: Makes the session's context.
    """

    def __init__(self, open_: Callable[[], AbstractAsyncContextManager[S]]) -> None:
        self._open = open_
        self._holder: asyncio.Task[None] | None = None
        self._opened: asyncio.Future[S] | None = None
        self._leave = asyncio.Event()

    async def get(self) -> S:
        """Return the session.

        Raises:
            BridgeError: It could not be opened.
        """
        if self._holder is None or self._holder.done() or self._opened is None:
            self._leave = asyncio.Event()
            self._opened = asyncio.get_running_loop().create_future()
            self._holder = asyncio.create_task(
                self._hold(self._opened, self._leave), name="callboard-outlet"
            )
        return await asyncio.shield(self._opened)  # others may wait for it as well

    async def drop(self) -> None:
        """Leave the session; the next `get` opens another."""
        holder, self._holder, self._opened = self._holder, None, None
        if holder is None:
            return
        self._leave.set()
        await asyncio.wait([holder], timeout=_CLOSING)
        if not holder.done():
            holder.cancel()
            await asyncio.wait([holder])

    async def _hold(self, opened: asyncio.Future[S], leave: asyncio.Event) -> None:
        try:
            async with self._open() as session:
                opened.set_result(session)
                await leave.wait()
        except Exception as error:  # noqa: BLE001 - whoever uses the session meets it there
            if not opened.done():
                opened.set_exception(error)
        finally:
            if not opened.done():
                opened.set_exception(BridgeError("the system stops, and connects no more"))
            if not opened.cancelled():
                opened.exception()  # whoever asked may have given up meanwhile
