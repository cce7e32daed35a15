"""The actor system without a transport: what `callboard.ActorSystem` completes."""

import asyncio
import os
import random
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import structlog

from ._ask import Deadlines
from ._dead_letters import DeadLetters
from ._dispatcher import Dispatcher, DispatcherStatistics
from ._entity import Entity
from ._errors import NotRunning
from ._events import EventStream
from ._guardian import Guardian
from ._mailbox import MailboxOptions, MailboxStatistics
from ._path import ActorPath, check_system_name
from ._policies import SupervisionStrategy
from ._ports import Transport
from ._props import Props
from ._ref import ActorRef, EntityRef, Recipient, port_of
from ._runtime import Counters

# The exit code of a system that gave up: EX_SOFTWARE of sysexits.h.
EXIT_ESCALATED = 70
# Seconds for the transport to close; it has a shorter deadline of its own, so this is for its bugs.
_TRANSPORT_DEADLINE = 60.0


@dataclass(frozen=True, slots=True)
class SystemStatistics:
    """A system at one moment.

    Attributes:
        actors: actors alive.
        spawned: actors spawned since the start.
        failures: crashes of actors.
        restarts: restarts decided.
        dead_letters: messages nobody could take.
        late_replies: replies whose asker had given up.
        asks: asks whose deadline is still kept; some of them may be answered.
        dispatcher: the run queue and its runners.
    """

    actors: int
    spawned: int
    failures: int
    restarts: int
    dead_letters: int
    late_replies: int
    asks: int
    dispatcher: DispatcherStatistics


class ActorSystem:
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
        node: name of this process within the system; made of host and process id when left out.
        entities: the kinds of entities this node runs. None: the transport starts when an entity is
            first reached, if ever.
        seed: seeds `random`, for runs that can be repeated.
        wall_clock: returns seconds since the epoch.
        shutdown_timeout: seconds for all actors together to stop; what has not stopped then is
            killed.

    Attributes:
        name: as given.
        node: as given or made.
        transport_url: as given.
        entities: as given.
        events: dead letters, failure events, and whatever else is published.
        log: structlog logger bound with system and node.
        random: the only source of randomness.
        dispatcher: gives turns to all that have mail.
        deadlines: keeps the deadlines of all asks.
        wall_clock: as given.
        counters: what happened so far.
        exit_code: 0; 70 when a failure escalated to the root; or as given to `terminate`.
    """

    def __init__(
        self,
        name: str,
        *,
        transport: str | None = None,
        node: str | None = None,
        entities: Sequence[type[Entity]] | None = None,
        seed: int | None = None,
        wall_clock: Callable[[], float] = time.time,
        shutdown_timeout: float = 10.0,
    ) -> None:
        self.name: str = check_system_name(name)
        self.node: str = node or f"{socket.gethostname()}-{os.getpid()}-{os.urandom(2).hex()}"
        self.transport_url: str | None = transport
        self.entities: Sequence[type[Entity]] | None = entities
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
        self._guardian = Guardian(self, self._escalated)
        self._transport: Transport | None = None
        self._loop: asyncio.AbstractEventLoop | None = None  # while running or stopping
        self._hurry = asyncio.Event()
        self._stopping: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()

    # --- verbs ------------------------------------------------------------------------------------

    def spawn(
        self,
        actor: type[Any],
        *args: Any,
        name: str | None = None,
        mailbox: MailboxOptions | None = None,
        **kwargs: Any,
    ) -> ActorRef[Any]:
        """Start a top-level actor, supervised by the system's default strategy.

        The instance is made at once, so an exception of its `__init__` is raised here. `started`
        and the mail follow when the actor has its turn.

        Args:
            actor: the actor's class.
            *args: for its `__init__`, also at each restart.
            name: its name, as in `callboard://bank/user/greeter`; made up when left out.
            mailbox: the bound of its mailbox; none by default.
            **kwargs: for its `__init__`.

        Raises:
            NameTaken: a living top-level actor has the name.
            NotRunning: outside `async with system`, or while it stops.
        """
        if self._loop is None or self._stopping is not None:
            raise NotRunning(self._not_running(f"spawn {getattr(actor, '__name__', actor)}"))
        return self._guardian.spawn(name, Props(actor, args, kwargs, mailbox))

    def entity(self, kind: type[Entity], id: str) -> EntityRef[Any]:  # noqa: A002 - the design's name
        """Return the ref of an entity; it need not exist yet, and nothing is sent.

        Raises:
            NotRunning: outside `async with system`.
            ValueError: the id is empty.
        """
        if self._loop is None:
            raise NotRunning(self._not_running(f"reach {kind.__name__}"))
        if self._transport is None:
            self._transport = self._create_transport()
        return self._transport.entity(kind, id)

    def stop(self, ref: ActorRef[Any]) -> None:
        """Ask an actor to stop after the message in hand; watch it to be told when it has."""
        port_of(ref).stop()

    def mailbox(self, ref: ActorRef[Any]) -> MailboxStatistics:
        """Return how full an actor's mailbox is."""
        return port_of(ref).statistics()

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
            asks=len(self.deadlines),
            dispatcher=self.dispatcher.statistics(),
        )

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

    # --- start and end ----------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        if self._loop is not None or self._stopped.is_set():
            raise NotRunning(
                f"system {self.name!r} was entered before; a system is used once, so make another "
                "one"
            )
        self._loop = asyncio.get_running_loop()
        if self.entities is not None:
            try:
                await self._transport_started()
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
            await self._guardian.stop(self._shutdown_timeout, self._hurry)
            if self._transport is not None:
                try:
                    async with asyncio.timeout(_TRANSPORT_DEADLINE):
                        await self._transport.aclose()
                except Exception as error:
                    self.log.error(
                        "the transport failed to close", error=repr(error), exc_info=error
                    )
        finally:
            self.deadlines.close(
                lambda: NotRunning(f"system {self.name!r} stopped while a reply was waited for")
            )
            await self.dispatcher.aclose()
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
