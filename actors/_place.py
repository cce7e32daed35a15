"""An actor's place in the tree: above it a supervisor, below it a family."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from ._actor import Actor
from ._context import ActorContext
from ._family import Family
from ._handlers import HandlerTable
from ._mailbox import NOTHING, Bounds, Mail, MailboxOptions
from ._path import ActorPath
from ._policies import SupervisionStrategy
from ._props import NO_KEYWORDS, RestartKind
from ._ref import ActorRef, port_of
from ._runtime import System
from ._turns import Signal, State
from ._watching import Watching

if TYPE_CHECKING:
    from ._cell import Cell


class Supervisor(Protocol):
    """The parent of a cell: another cell, or the guardian at the root."""

    @property
    def path(self) -> ActorPath:
        """What its children's paths begin with."""
        ...

    @property
    def family(self) -> Family:
        """Its children."""
        ...

    def signal(self, call: Signal) -> None:
        """Have a call made in the supervisor's own turn."""
        ...


class Place(Watching):
    """A cell as a child of one and the parent of others; what it does about that is the cell's.

    Args:
        system: whose actor it is.
        parent: its supervisor.
        name: its name below that.
        actor: the class.
        args: for each instance.
        kwargs: for each instance.
        mailbox: its bound and order.

    Attributes:
        name: as given.
        parent: as given.
        restarts: restarts in a row.
        restart: when it is started again; None if that was left to its supervisor's strategy.
        is_down: it has no instance and waits to be brought up.
        alone_since: loop time when its last child had gone, in its own stop.
    """

    __slots__ = (
        "_args",
        "_context",
        "_family",
        "_final",
        "_held_down",
        "_kwargs",
        "_ready",
        "_shutdown",
        "_since",
        "_timer",
        "alone_since",
        "is_down",
        "name",
        "parent",
        "restart",
        "restarts",
    )

    name: str
    parent: Supervisor
    # Again, because type checkers take an attribute that a subclass sets for one of its own.
    open_mail: Mail | None
    scope: Context | None
    restarts: int
    restart: RestartKind | None
    is_down: bool
    alone_since: float
    _args: tuple[Any, ...]
    _kwargs: Mapping[str, Any]
    _context: ActorContext | None
    _family: Family | None
    _timer: asyncio.TimerHandle | None
    _shutdown: float | None
    _since: float  # loop time when it last got running
    _ready: bool  # `started` of this instance has returned
    _final: bool  # its supervisor wants no more of it
    _held_down: bool  # it is to be down when its restart has got so far

    def __init__(  # noqa: PLR0917 - every spawn passes here, and keywords cost time
        self,
        system: System,
        parent: Supervisor,
        name: str,
        actor: type[Actor],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        mailbox: MailboxOptions | None,
    ) -> None:
        # Everything in one place, for all the classes above: a spawn is dear enough.
        self.system = system
        self.dispatcher = system.dispatcher
        self.parent = parent
        self.name = name
        self._class = actor
        self._args = args
        self._kwargs = kwargs or NO_KEYWORDS  # one object less for the garbage collector
        self.state = State.STARTING
        self._handlers = handlers = actor.handlers
        self._known = handlers.known
        self.held = True
        self.runnable = self.killed = self._shut = self._working = False
        self._ready = self._final = self._held_down = self.is_down = False
        self.open_mail = self._mail = self._bounds = self.scope = self.tools = self.ties = None
        self._signals = self._then = self._context = self._family = self._escalated = None
        self._timer = self._shutdown = self.restart = None
        self.item = NOTHING
        self.chunk = self.restarts = self._left = 0
        self._since = self.alone_since = 0.0
        self.reason = "stopped"
        self._ref = ActorRef(self)
        if mailbox is not None and (mailbox.capacity is not None or mailbox.priority is not None):
            self._bounds = Bounds(mailbox)
        self._actor = None

    @property
    def path(self) -> ActorPath:
        """Where the actor is; made when asked for, since most are never shown."""
        return self.parent.path / self.name

    @property
    def context(self) -> ActorContext:
        """What the actor knows of where it runs; made when first used, stays through restarts."""
        context = self._context
        if context is None:
            context = self._context = self.system.context_of(self)
        return context

    @property
    def actor_class(self) -> type[Actor]:
        """The class of its instances."""
        return self._class

    @property
    def behavior(self) -> HandlerTable:
        """The handlers in force."""
        return self._handlers

    @behavior.setter
    def behavior(self, handlers: HandlerTable) -> None:
        self._handlers = handlers
        self._known = handlers.known

    def lend(self) -> None:
        """Have a turn now if nobody has one, else like `wake`. Only when not `held`."""
        self.held = self.runnable = True
        self.dispatcher.queue.append(self)
        self.dispatcher.lend()

    def asked_by(self, asker: object, reply: "asyncio.Future[Any]") -> Callable[[], object] | None:
        """Note that an actor's handler waits for an answer of this one.

        Returns:
            What to call when it waits no longer; None if it is not the handler itself that waits.

        Raises:
            AskCycle: this one waits, directly or through others, for the asker.
        """
        cell = port_of(asker) if isinstance(asker, ActorRef) else None
        if not isinstance(cell, Place) or not self.dispatcher.waits_here(cell):
            return None
        asks = self.system.asks
        asks.check(cell, self)
        asks.begin(cell, reply, self)
        return partial(asks.end, cell, reply)

    def kill(self, *, final: bool = False) -> None:
        """Stop now."""
        raise NotImplementedError

    def give_up(self, child: "Cell", error: BaseException) -> None:
        """Fail with a failure that a child escalated."""
        raise NotImplementedError

    # --- as a child -------------------------------------------------------------------------------

    @property
    def is_gone(self) -> bool:
        """It has stopped for good."""
        return self.state is State.STOPPED

    @property
    def has_children(self) -> bool:
        """Some child of it is alive."""
        return self._family is not None and bool(self._family.members)

    @property
    def stop_deadline(self) -> float:
        """Seconds it has for stopping."""
        return self._class.stop_timeout if self._shutdown is None else self._shutdown

    # --- as a supervisor --------------------------------------------------------------------------

    @property
    def family(self) -> Family:
        """The living children; made with the first."""
        if self._family is None:
            self._family = Family(self)
        return self._family

    @property
    def strategy(self) -> SupervisionStrategy | None:
        """What it decides by about its children."""
        return (self._actor or self._class).supervision

    @property
    def stopping(self) -> bool:
        """Its children are on their way out, and it decides nothing about them any more."""
        return self.state in (State.RESTARTING, State.STOPPING, State.STOPPED)

    def children(self) -> "list[Cell]":
        """Return the living children, newest first."""
        return [] if self._family is None else self._family.newest_first()

    def child_refs(self) -> Sequence[ActorRef[Any]]:
        """Return the living children, oldest first."""
        return [child.self_ref for child in reversed(self.children())]

    def parent_ref(self) -> ActorRef[Any] | None:
        """Return the parent, or None if that is the system."""
        return self.parent.self_ref if isinstance(self.parent, Place) else None
