"""The actor system without a transport: what `callboard.ActorSystem` completes."""

import asyncio
import os
import random
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, overload

import structlog

from ._address import check_node_name
from ._ask import Deadlines, OpenAsks
from ._context import ActorContext
from ._dead_letters import DeadLetters
from ._dispatcher import Dispatcher
from ._entity import Entity
from ._errors import NotRunning
from ._events import EventStream
from ._failure_limit import FailureLimit
from ._finding import Finding
from ._guardian import Guardian
from ._handlers import Accepts
from ._mailbox import MailboxOptions
from ._path import ActorPath, check_system_name
from ._policies import SupervisionStrategy
from ._ports import Transport
from ._props import ChildSpec, check_specs
from ._receptionist import Receptionist
from ._ref import ActorRef, EntityRef, Recipient, port_of
from ._runtime import Counters
from ._statistics import SystemStatistics
from ._verbs import Verbs
from ._watchdog import Watchdog

M = TypeVar("M")

# The exit code of a system that gave up: EX_SOFTWARE of sysexits.h.
EXIT_ESCALATED = 70
# Seconds for each call of `at_stop`.
_AT_STOP_DEADLINE = 10.0
# Called with each system that is entered, before it starts anything: for test kits.
SYSTEM_OBSERVERS: "list[Callable[[ActorSystem], None]]" = []
# Seconds for the transport to close; it has a shorter deadline of its own, so this is for its bugs.
_TRANSPORT_DEADLINE = 60.0


class ActorSystem(Finding):
    """One process's runtime: root of its tree, owner of its clock, randomness and transport.

    ```python
    async with ActorSystem("bank") as system:
        greeter = system.spawn(Greeter, "hi", name="greeter")
        reply = await greeter.ask(Hello(name="x"), timeout=1.0)
    ```

    Entering starts the transport if `entities` was given, and raises its errors. Leaving stops the
    top-level actors, newest first, each with its children before it; then the transport is closed,
    then the dispatcher. A system is used once.

    Args:
        name: the application; nodes with the same name form one.
        transport: URL of the transport; `memory://` or `kafka://host:9092`. None for the
            environment's `CALLBOARD_TRANSPORT`, else `memory://`.
        node: name of this process within the system, and part of its actors' addresses; made of
            host and process id when left out. A node that is given one joins the others on a
            `kafka://` transport when it is entered.
        entities: the kinds of entities this node runs. None: the transport starts when an entity or
            another node is first reached, if ever.
        delivery: how entities' mail is delivered: a `callboard.transport.DeliveryOptions`.
        security: TLS and login for a cluster, a `callboard.transport.KafkaSecurity`. None: what
            the URL and the environment say.
        seed: seeds `random`, for runs that can be repeated.
        wall_clock: returns seconds since the epoch.
        shutdown_timeout: seconds for all actors together to stop; what has not stopped then is
            killed.
        tree: child specs of actors to start, in order, when the system is entered.
        supervision: the strategy for top-level actors; None for the default one.
        watchdog: seconds that the event loop may stand still before a LoopBlocked event names the
            handler; None looks for nothing.

    Attributes:
        name: as given.
        node: as given or made.
        is_named: whether the node was given a name.
        transport_url, entities, delivery, security: as given.
        events: dead letters, failure events, and whatever else is published.
        log: structlog logger bound with system and node.
        random: the only source of randomness.
        dispatcher: gives turns to all that have mail.
        deadlines: keeps the deadlines of all asks.
        wall_clock: as given.
        counters: what happened so far.
        now: loop time in seconds.
        asks: which actor's handler waits for an answer of which.
        failures: holds back failure events of a path that has too many.
        receptionist: who provides which service.
        declared: the child specs given as `tree`.
        exit_code: 0; 70 when a failure escalated to the root; or as given to `terminate`.
    """

    def __init__(
        self,
        name: str,
        *,
        transport: str | None = None,
        node: str | None = None,
        entities: Sequence[type[Entity]] | None = None,
        delivery: object | None = None,
        security: object | None = None,
        seed: int | None = None,
        wall_clock: Callable[[], float] = time.time,
        shutdown_timeout: float = 10.0,
        tree: Sequence[ChildSpec] = (),
        supervision: SupervisionStrategy | None = None,
        watchdog: float | None = None,
    ) -> None:
        self.name: str = check_system_name(name)
        self.is_named: bool = node is not None
        made = f"{socket.gethostname()}-{os.getpid()}-{os.urandom(2).hex()}"
        self.node: str = check_node_name(made if node is None else node)
        self.transport_url: str | None = transport
        self.entities: Sequence[type[Entity]] | None = entities
        self.delivery: object | None = delivery
        self.security: object | None = security
        self.events: EventStream = EventStream()
        self.log: Any = structlog.get_logger("callboard", system=name, node=self.node)
        self.random: random.Random = random.Random(seed)
        self.dispatcher: Dispatcher = Dispatcher()
        self.deadlines: Deadlines = Deadlines()
        self.wall_clock: Callable[[], float] = wall_clock
        self.counters: Counters = Counters()
        self.exit_code: int = 0
        self._shutdown_timeout = shutdown_timeout
        self._dead_letters = DeadLetters(self.events, self.counters)
        self.now: Callable[[], float] = time.monotonic
        self.asks: OpenAsks = OpenAsks()
        self.failures: FailureLimit = FailureLimit(self.events.publish)
        self.receptionist: Receptionist = Receptionist()
        self.declared: tuple[ChildSpec, ...] = check_specs(tree)
        self._guardian = Guardian(self, supervision, self._escalated)
        self._watchdog = None if watchdog is None else Watchdog(self, watchdog)
        self._at_stop: list[Callable[[], Awaitable[None]]] = []
        self._transport: Transport | None = None
        self._loop: asyncio.AbstractEventLoop | None = None  # while running or stopping
        self._hurry = asyncio.Event()
        self._stopping: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()

    def name_node(self, node: str) -> None:
        """Give this node a name, as the argument `node` does; before it is entered.

        Raises:
            ValueError: it cannot be the name of a node.
        """
        self.node, self.is_named = check_node_name(node), True
        self.log = self.log.bind(node=node)

    # --- verbs ------------------------------------------------------------------------------------

    @overload
    def spawn(
        self,
        actor: type[Accepts[M]],
        *args: Any,
        name: str | None = None,
        mailbox: MailboxOptions | None = None,
        **kwargs: Any,
    ) -> ActorRef[M]: ...
    @overload
    def spawn(
        self,
        actor: type[Any] | ChildSpec,
        *args: Any,
        name: str | None = None,
        mailbox: MailboxOptions | None = None,
        **kwargs: Any,
    ) -> ActorRef[Any]: ...
    def spawn(
        self,
        actor: Any,
        *args: Any,
        name: str | None = None,
        mailbox: MailboxOptions | None = None,
        **kwargs: Any,
    ) -> ActorRef[Any]:
        """Start a top-level actor, supervised by the system's strategy.

        The instance is made at once, so an exception of its `__init__` is raised here. `started`
        and the mail follow when the actor has its turn.

        Args:
            actor: the actor's class, or a child spec with everything in it; the actor of a spec is
                made in its first turn, where its exceptions are supervised.
            *args: for its `__init__`, also at each restart.
            name: its name, as in `callboard://bank/user/greeter`; made up when left out.
            mailbox: the bound of its mailbox; none by default.
            **kwargs: for its `__init__`.

        Raises:
            NameTaken: a living top-level actor has the name.
            HandlerError: it is no actor class.
            NotRunning: outside `async with system`, or while it stops.
        """
        if self._loop is None or self._stopping is not None:
            raise NotRunning(self._not_running(f"spawn {getattr(actor, '__name__', actor)}"))
        return self._guardian.spawn(actor, args, kwargs, name, mailbox)

    def entity(self, kind: type[Entity], id: str) -> EntityRef[Any]:  # noqa: A002 - the design's name
        """Return the ref of an entity; it need not exist yet, and nothing is sent.

        Raises:
            NotRunning: outside `async with system`.
            ValueError: the id is empty.
        """
        return self._reaching(kind.__name__).entity(kind, id)

    def stop(self, ref: ActorRef[Any]) -> None:
        """Ask an actor to stop after the message in hand; watch it to be told when it has."""
        port_of(ref).stop()

    def kill(self, ref: ActorRef[Any]) -> None:
        """Stop an actor now, with all below it: its handler is cancelled, `stopped` not called.

        Like `stop`, this is an end that a supervisor may answer with a restart, if the actor's
        child spec says so.
        """
        port_of(ref).kill()

    def at_stop(self, call: Callable[[], Awaitable[None]]) -> None:
        """Have `call` awaited when all actors have stopped, before the transport closes."""
        self._at_stop.append(call)

    def context_of(self, cell: Any) -> ActorContext:
        """Return a new context for an actor's cell; for the core alone."""
        return ActorContext(Verbs(cell))

    def statistics(self) -> SystemStatistics:
        """Return what is alive, waiting and counted."""
        counters = self.counters
        return SystemStatistics(
            actors=counters.spawned - counters.stopped,
            spawned=counters.spawned,
            failures=counters.failures,
            restarts=counters.restarts,
            dead_letters=counters.dead_letters,
            late_replies=counters.late_replies,
            blocked=counters.blocked,
            asks=len(self.deadlines),
            dispatcher=self.dispatcher.statistics(),
        )

    @property
    def running(self) -> bool:
        """Whether it was entered and has not stopped."""
        return self._loop is not None

    def terminate(self, exit_code: int = 0) -> None:
        """Begin to stop the system, as leaving `async with` does; from anywhere, and only once.

        Args:
            exit_code: for `exit_code`, unless the system stops already.
        """
        if self._stopping is not None:
            return
        if self._loop is None:
            raise NotRunning(self._not_running("terminate"))
        self.exit_code = exit_code
        self._stopping = self._loop.create_task(self._stop(), name=f"callboard-stop-{self.name}")

    async def wait_stopped(self) -> None:
        """Return when the system has stopped, for whatever reason."""
        await self._stopped.wait()

    def dead_letter(
        self, message: object, recipient: ActorPath, sender: Recipient[Any] | None, reason: str
    ) -> None:
        """Count, publish and (not too often) log a message nobody could take."""
        now = 0.0 if self._loop is None else self._loop.time()
        self._dead_letters.report(message, recipient, sender, reason, now=now)

    # --- what a complete system overrides ---------------------------------------------------------

    def default_supervision(self) -> SupervisionStrategy | None:
        """Return the strategy of top-level actors and of supervisors that name none."""
        return None

    def _create_transport(self) -> Transport:
        """Make the transport; called once, when the first entity is reached."""
        raise NotRunning(f"system {self.name!r} has no transport, so it reaches no entities")

    def _joins(self) -> bool:
        """Whether this node is to be reached by others from the start."""
        return False

    async def _begin(self) -> None:
        """Begin what brings messages from outside, when the declared actors are there."""

    async def _end(self) -> None:
        """End that again, while the actors are still there."""

    # --- start and end ----------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        if self._loop is not None or self._stopped.is_set():
            raise NotRunning(
                f"system {self.name!r} was entered before; a system is used once: make another"
            )
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time
        self.dispatcher.open()
        for observe in SYSTEM_OBSERVERS:
            observe(self)
        if self._watchdog is not None:
            self._watchdog.start()
        try:
            if self.entities is not None or self._joins():
                await self._transport_started()
            if self.declared:
                self._guardian.start(self.declared)
            await self._begin()
        except BaseException:
            self.terminate()
            await self._until_stopped()
            raise
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._stopped.is_set():
            self.terminate()
            await self._until_stopped()

    async def _transport_started(self) -> None:
        """Make the transport if there is none yet, and return when it has started."""
        if self._transport is None:
            self._transport = self._create_transport()
        await self._transport.start()

    async def _until_stopped(self) -> None:
        """Wait for the end; being cancelled makes it come at once, but not earlier than the end."""
        stopping = self._stopping
        assert stopping is not None, "terminate comes first"
        try:
            await asyncio.shield(stopping)
        except asyncio.CancelledError:
            self._hurry.set()
            await stopping
            raise

    async def _stop(self) -> None:
        try:
            await self._end()
            await self._guardian.stop(self._shutdown_timeout, self._hurry)
            for call in self._at_stop:
                try:
                    async with asyncio.timeout(_AT_STOP_DEADLINE):
                        await call()
                except Exception as error:
                    self.log.error("cleaning up failed", error=repr(error), exc_info=error)
            if self._transport is not None:
                try:
                    async with asyncio.timeout(_TRANSPORT_DEADLINE):
                        await self._transport.aclose()
                except Exception as error:
                    self.log.error("transport did not close", error=repr(error), exc_info=error)
        finally:
            self.deadlines.close(
                lambda: NotRunning(f"system {self.name!r} stopped while a reply was waited for")
            )
            self.failures.close()
            await self.dispatcher.aclose()
            if self._watchdog is not None:
                self._watchdog.stop()
            self._loop = None
            self._stopped.set()

    def _escalated(self, path: str, error: BaseException) -> None:
        if self._stopping is None:
            self.log.error(
                "a failure escalated to the root: the system stops",
                actor=path,
                error=f"{type(error).__name__}: {error}",
                exit_code=EXIT_ESCALATED,
            )
            self.terminate(EXIT_ESCALATED)

    def _not_running(self, attempt: str) -> str:
        state = "stops or has stopped" if self._stopping is not None else "is not running yet"
        return (
            f"system {self.name!r} {state}, so it cannot {attempt}. Do it inside\n"
            f"    async with ActorSystem({self.name!r}) as system: ..."
        )
