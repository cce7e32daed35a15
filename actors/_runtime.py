"""The actor system as actors, cells and transports see it."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ._ask import Deadlines
from ._dispatcher import Dispatcher
from ._events import EventStream
from ._mailbox import MailboxOptions
from ._path import ActorPath
from ._policies import SupervisionStrategy
from ._ref import ActorRef, EntityRef, Recipient


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
    """

    spawned: int = 0
    stopped: int = 0
    failures: int = 0
    restarts: int = 0
    dead_letters: int = 0
    late_replies: int = 0


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
    def counters(self) -> Counters:
        """What happened so far."""
        ...

    def spawn(
        self,
        actor: type[Any],
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

    def stop(self, ref: ActorRef[Any]) -> None:
        """Ask an actor to stop."""
        ...

    def default_supervision(self) -> SupervisionStrategy | None:
        """Return the strategy of supervisors that name none; None stops what fails."""
        ...

    def dead_letter(
        self, message: object, recipient: ActorPath, sender: Recipient[Any] | None, reason: str
    ) -> None:
        """Report a message nobody could take."""
        ...
