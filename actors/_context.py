"""What a handler knows of where it runs: `self.context`."""

from collections.abc import Sequence
from typing import Any, Protocol

import structlog

from ._mailbox import MailboxOptions, MailboxStatistics
from ._path import ActorPath
from ._ref import ActorRef, EntityRef, Recipient
from ._runtime import System


class ContextPort(Protocol):
    """A cell as its actor's context sees it."""

    system: System
    self_ref: ActorRef[Any]

    @property
    def path(self) -> ActorPath: ...
    @property
    def sender(self) -> Recipient[Any] | None: ...
    def parent_ref(self) -> ActorRef[Any] | None: ...
    def child_refs(self) -> Sequence[ActorRef[Any]]: ...
    def spawn(
        self,
        actor: type[Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        name: str | None,
        mailbox: MailboxOptions | None,
    ) -> ActorRef[Any]: ...
    def watch(self, ref: ActorRef[Any]) -> None: ...
    def unwatch(self, ref: ActorRef[Any]) -> None: ...
    def stop_within(self, ref: ActorRef[Any]) -> None: ...
    def statistics(self) -> MailboxStatistics: ...


class ActorContext:
    """An actor's view of its system. Stays the same through restarts."""

    __slots__ = ("_log", "_port")

    def __init__(self, port: ContextPort) -> None:
        self._port = port
        self._log: Any = None

    @property
    def system(self) -> System:
        """The actor system."""
        return self._port.system

    @property
    def self_ref(self) -> ActorRef[Any]:
        """The ref of this actor; hand it to others, never `self`."""
        return self._port.self_ref

    @property
    def path(self) -> ActorPath:
        """Where this actor is."""
        return self._port.path

    @property
    def sender(self) -> Recipient[Any] | None:
        """Who sent the message in hand: an actor, an entity, or None for code outside actors."""
        return self._port.sender

    @property
    def parent(self) -> ActorRef[Any] | None:
        """The actor that spawned this one, or None for a top-level actor."""
        return self._port.parent_ref()

    @property
    def children(self) -> Sequence[ActorRef[Any]]:
        """The living actors this one spawned, in that order."""
        return self._port.child_refs()

    @property
    def log(self) -> Any:
        """Structlog logger bound with system, node and actor; made when first used."""
        if self._log is None:
            system = self._port.system
            self._log = structlog.get_logger(
                "callboard.actor", system=system.name, node=system.node, actor=str(self._port.path)
            )
        return self._log

    def now(self) -> float:
        """Return the time in seconds since the epoch, by the system's clock."""
        return self._port.system.wall_clock()

    def spawn(
        self,
        actor: type[Any],
        *args: Any,
        name: str | None = None,
        mailbox: MailboxOptions | None = None,
        **kwargs: Any,
    ) -> ActorRef[Any]:
        """Start a child, supervised by this actor's `supervision`.

        The instance is made at once, so an exception of its `__init__` is raised here. `started`
        and the mail follow when the child has its turn. Children are stopped before this actor
        restarts or stops.

        Args:
            actor: the child's class.
            *args: for its `__init__`, also at each restart.
            name: its name below this actor; made up when left out.
            mailbox: the bound of its mailbox; none by default.
            **kwargs: for its `__init__`.

        Raises:
            NameTaken: a living child has the name.
            NotRunning: this actor is stopping.
        """
        return self._port.spawn(actor, args, kwargs, name, mailbox)

    def watch(self, ref: ActorRef[Any]) -> None:
        """Be told, with a Terminated, when that actor has stopped; at once if it already has."""
        self._port.watch(ref)

    def unwatch(self, ref: ActorRef[Any]) -> None:
        """Take `watch` back; a Terminated that was not handled yet is not given any more."""
        self._port.unwatch(ref)

    def stop(self, ref: ActorRef[Any] | None = None) -> None:
        """Ask a child, or this actor itself, to stop after the message it has in hand.

        Args:
            ref: a child or `self_ref`; this actor itself when left out.

        Raises:
            ValueError: the ref is of another's child; tell it a message of yours instead.
        """
        self._port.stop_within(self._port.self_ref if ref is None else ref)

    def mailbox(self) -> MailboxStatistics:
        """Return how full this actor's mailbox is."""
        return self._port.statistics()


class EntityContext:
    """An entity's view of its system, made and kept up to date by the transport.

    Attributes:
        system: the actor system.
        self_ref: the ref of this entity.
        log: structlog logger bound with system, node and entity.
        sender: path of who sent the message in hand; "" if unknown.
        message_id: id of the message in hand.
        attempt: 1 when it is handled for the first time.
    """

    __slots__ = ("attempt", "log", "message_id", "self_ref", "sender", "system")

    def __init__(self, *, system: System, self_ref: EntityRef[Any], log: Any) -> None:
        self.system: System = system
        self.self_ref: EntityRef[Any] = self_ref
        self.log: Any = log
        self.sender: str = ""
        self.message_id: str = ""
        self.attempt: int = 1

    def entity(self, kind: type[Any], id: str) -> EntityRef[Any]:  # noqa: A002 - the design's name
        """Return the ref of another entity; what it is told leaves when this handler succeeded."""
        return self.system.entity(kind, id)

    def now(self) -> float:
        """Return the time in seconds since the epoch, by the system's clock."""
        return self.system.wall_clock()
