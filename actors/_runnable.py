"""What the dispatcher gives turns to, and how handlers know whose turn it is."""

from collections.abc import Coroutine
from contextvars import Context, ContextVar
from typing import Any, Protocol

# The ref of whoever's turn it is: `tell` puts it into the envelope as the sender. A context
# variable, because a handler that was suspended goes on without passing through the dispatcher.
CURRENT: ContextVar[Any] = ContextVar("callboard_current", default=None)


def current_sender() -> Any:
    """Return the ref of the actor or entity whose handler is running, or None outside of handlers.

    Tasks that a handler spawns count as the handler.
    """
    return CURRENT.get()


# Messages in a runnable's first turn.
FIRST_CHUNK = 4


class Runnable(Protocol):
    """Something with mail: an actor's cell, or a lane of entities.

    Attributes:
        self_ref: the sender of what its handlers tell.
        scope: the context its handlers run in; None until the dispatcher makes one.
        chunk: messages it may handle in its next turn, kept by the dispatcher.
    """

    scope: Context | None
    chunk: int

    @property
    def self_ref(self) -> Any: ...

    def step(self, limit: int) -> Coroutine[Any, Any, Any] | None:
        """Handle at most `limit` messages; return a coroutine as soon as one has to be awaited."""
        ...

    def completed(self, result: object) -> None:
        """The coroutine that `step` returned has returned `result`."""
        ...

    def failed(self, error: BaseException) -> None:
        """The coroutine that `step` returned has raised `error`.

        A CancelledError means that it was interrupted, that the dispatcher closes, or that the
        handler raised it itself, as from a task it awaited.
        """
        ...

    @property
    def runnable(self) -> bool:
        """Whether to be put at the back of the queue: there is mail, and nothing to wait for."""
        ...
