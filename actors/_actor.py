"""The base class of in-memory actors."""

from typing import TYPE_CHECKING, Any, ClassVar

from ._context import ActorContext
from ._handlers import Handling
from ._policies import SupervisionStrategy


class _Context:
    """Finds an instance's context through its cell, once, and says why when there is none yet."""

    def __get__(self, instance: "Actor | None", owner: type) -> Any:
        if instance is None:
            return self
        cell = vars(instance).get("_cell")
        if cell is not None:
            context = instance.context = cell.context
            return context
        raise AttributeError(
            f"{owner.__name__}.context is there from `started` on, not in __init__: move what "
            "needs it to\n"
            "    async def started(self) -> None: ..."
        )


class Actor(Handling):
    """An actor of this process: a plain object whose handlers are called one at a time.

    ```python
    class Greeter(Actor):
        def __init__(self, greeting: str) -> None:
            self.greeting = greeting

        @handler
        def hello(self, message: Hello) -> str:
            return f"{self.greeting}, {message.name}"
    ```

    Order of events: `__init__` (in `spawn`), `started`, messages one after another, `stopped`. When
    a handler raises, the supervisor decides; a restart stops the children, calls `stopped` on this
    instance, makes a new one with the same arguments and calls its `started`. The ref and the
    mailbox stay, the message that was in hand is gone.

    Attributes:
        context: the view of the system; there from `started` on.
        supervision: the strategy for this actor's *children*; None for the system's default.
        stop_timeout: seconds for stopping, the message in hand included, from when its children are
            gone; then it is killed. The time of `stopped` at a restart is bounded by it too.
        stash_capacity: messages that `context.stash` keeps at most.
    """

    supervision: SupervisionStrategy | None = None
    stop_timeout: ClassVar[float] = 5.0
    stash_capacity: ClassVar[int] = 1000
    context: ActorContext
    _cell: Any  # set by the cell that made the instance
    if not TYPE_CHECKING:
        context = _Context()

    async def started(self) -> None:
        """Prepare, before the first message.

        What it raises is supervised like a handler's failure.
        """

    async def stopped(self) -> None:
        """Clean up, after the last message of this instance; not called when the actor is killed.

        What it raises is logged and published, and the actor stops or restarts all the same.
        """

    def unhandled(self, message: object) -> Any:
        """Take a message that no handler is declared for; may be async. By default a dead letter.

        What an override returns answers an ask. Without one, the asker gets ActorFailed at once.
        """
