"""What writes to the log for a node, as this package sees it."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from ..delivery import Outbound

Make = Callable[[str], Outbound]
Lost = Callable[[BaseException], None]


class Sender(Protocol):
    """Writes what it is given in order, and gives each message its id."""

    def post(self, make: Make, lost: Lost | None = None) -> None:
        """Take a message.

        Raises:
            TransportError: It is full, or closed.
        """
        ...

    def put(self, make: Make, done: "asyncio.Future[None]") -> None:
        """Take a message whether there is room or not; `done` is when all replicas have it.

        Raises:
            TransportError: It is closed.
        """
        ...

    def post_record(self, record: Outbound) -> None:
        """Take a record that is complete as it is; dropped when there is no room."""
        ...

    async def send(self, make: Make) -> None:
        """Write a message and wait until all replicas have it."""
        ...

    async def drain(self, timeout: float) -> None:  # noqa: ASYNC109 the bound is the caller's budget
        """Wait until everything taken so far is written."""
        ...
