"""An answer that is given later."""

import asyncio
from collections.abc import Callable
from typing import Any


class DeferredReply:
    """Answers one ask after its handler has returned; `context.defer_reply()` makes it.

    Whoever has it may answer, once; a second answer, and one to an asker that gave up, does
    nothing. A message that was told has no asker, and answering it does nothing either.
    """

    __slots__ = ("_answer", "_reply")

    def __init__(
        self,
        reply: "asyncio.Future[Any] | None",
        answer: Callable[["asyncio.Future[Any]", object], None],
    ) -> None:
        self._reply = reply
        self._answer = answer

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits for it."""
        return self._reply is not None and not self._reply.done()

    def send(self, result: object) -> None:
        """Give the answer."""
        if self._reply is not None:
            self._answer(self._reply, result)

    def fail(self, error: BaseException) -> None:
        """Let the ask raise `error`."""
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(error)
