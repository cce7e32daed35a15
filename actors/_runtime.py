"""The actor system as actors, cells and transports see it."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ._ask import Deadlines, OpenAsks
from ._dispatcher import Dispatcher
from ._events import EventStream
from ._failure_limit import FailureLimit
from ._mailbox import MailboxOptions
from ._path import ActorPath
from ._policies import SupervisionStrategy
from ._receptionist import Receptionist
from ._ref import ActorRef, EntityRef, Recipient

if TYPE_CHECKING:
    from ._context import ActorContext


@dataclass(slots=True)
class Counters:
    """What happened since the system was made.

    Attributes:
        spawned: actors spawned.
        stopped: actors stopped.
        failures: crashes of actors.
        restarts: restarts decided.
        dead_letters: messages nobody could take.
        late_replies: replies whose asker had given up.
        blocked: times the event loop was found blocked, if a watchdog looks.
    """

    spawned: int = 0
    stopped: int = 0
    failures: int = 0
    restarts: int = 0
    dead_letters: int = 0
    late_replies: int = 0
    blocked: int = 0


class System(Protocol):
    """What an actor may do with its system, `self.context.system`."""

    @property
    def name(self) -> str:
        """Name of the system; the same on all its nodes."""
        ...

    @property
    def node(self) -> str:
        """Name of this process within the system."""
        ...

    @property
    def log(self) -> Any:
        """Structlog logger bound with system and node."""
        ...

    @property
    def events(self) -> EventStream:
        """Dead letters, failure events and whatever is published."""
        ...

    @property
    def random(self) -> random.Random:
        """The only source of randomness; seeded by the system's `seed`."""
        ...

    @property
    def dispatcher(self) -> Dispatcher:
        """Gives turns to all that have mail."""
        ...

    @property
    def deadlines(self) -> Deadlines:
        """Keeps the deadlines of all asks."""
        ...

    @property
    def wall_clock(self) -> Callable[[], float]:
        """Seconds since the epoch."""
        ...

    @property
    def now(self) -> Callable[[], float]:
        """Loop time in seconds."""
        ...

    @property
    def asks(self) -> OpenAsks:
        """Which actor's handler waits for an answer of which."""
        ...

    @property
    def failures(self) -> FailureLimit:
        """Holds back failure events of a path that has too many."""
        ...

    @property
    def receptionist(self) -> Receptionist:
        """Knows who provides which service."""
        ...

    @property
    def counters(self) -> Counters:
        """What happened so far."""
        ...

    def spawn(
        self,
        actor: Any,
        *args: Any,
        name: str | None = None,
        mailbox: MailboxOptions | None = None,
        **kwargs: Any,
    ) -> ActorRef[Any]:
        """Start a top-level actor."""
        ...

    def entity(self, kind: type[Any], id: str) -> EntityRef[Any]:  # noqa: A002 - the design's name
        """Return the ref of an entity."""
        ...

    def ref(self, address: str) -> ActorRef[Any] | EntityRef[Any]:
        """Return the ref that an address stands for."""
        ...

    def find(self, path: str) -> ActorRef[Any] | None:
        """Return the ref of a living actor of this process by its path."""
        ...

    def stop(self, ref: ActorRef[Any]) -> None:
        """Ask an actor to stop."""
        ...

    def kill(self, ref: ActorRef[Any]) -> None:
        """Stop an actor now."""
        ...

    def at_stop(self, call: Callable[[], Awaitable[None]]) -> None:
        """Have `call` awaited when all actors have stopped."""
        ...

    def context_of(self, cell: Any) -> "ActorContext":
        """Return a new context for an actor's cell."""
        ...

    def default_supervision(self) -> SupervisionStrategy | None:
        """Return the strategy of supervisors that name none; None stops what fails."""
        ...

    def dead_letter(
        self, message: object, recipient: ActorPath, sender: Recipient[Any] | None, reason: str
    ) -> None:
        """Report a message nobody could take."""
        ...
