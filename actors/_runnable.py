"""What the dispatcher gives turns to, and how handlers know whose turn it is."""

from collections.abc import Coroutine
from contextvars import Context, ContextVar
from typing import Any, Protocol

from ._stepping import Suspended

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

    def step(self, limit: int) -> "Coroutine[Any, Any, Any] | Begun | None":
        """Handle at most `limit` messages; return a coroutine as soon as one has to be awaited.

        Or a call that has begun, which is another runnable's.
        """
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


class Begun:
    """A call that has taken its first step inside the step of another runnable, and waits.

    The first step is the current task's, so it is for who drives and no borrower; see
    `Dispatcher.lent`.

    Args:
        runnable: whose call it is from now on; it is in no queue.
        scope: the context of its steps.
        coroutine: the call.
        waiting: what it yielded.
    """

    __slots__ = ("rest", "runnable")

    def __init__(
        self, runnable: Runnable, scope: Context, coroutine: Coroutine[Any, Any, Any], waiting: Any
    ) -> None:
        self.runnable = runnable
        self.rest = Suspended(scope, coroutine, waiting)
