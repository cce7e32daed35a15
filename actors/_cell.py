"""The life of one actor: its start, its crashes, its children and its end.

A cell outlives its actor: a restart replaces the instance and nothing else, so refs and mail stay.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from types import CoroutineType
from typing import Any, Protocol

from ._actor import Actor
from ._context import ActorContext
from ._errors import ActorFailed, NotRunning
from ._failure import Decision, Escalate, Failure, Restart, Resume, Stop
from ._family import Family
from ._judge import judge, report
from ._mailbox import NOTHING, Envelope, MailboxOptions
from ._path import ActorPath
from ._props import Props
from ._ref import ActorRef, Recipient, port_of
from ._runtime import System
from ._turns import Signal, State, Work
from ._watching import Watching


class Supervisor(Protocol):
    """The parent of a cell: another cell, or the guardian at the root."""

    @property
    def path(self) -> ActorPath:
        """What its children's paths begin with."""
        ...

    def child_failed(self, child: "Cell", error: BaseException, message: object) -> None:
        """Decide about a child that stands still."""
        ...

    def child_gone(self, child: "Cell") -> None:
        """Forget a child that has stopped."""
        ...


class Cell(Watching):
    """One actor's place in the tree, through all its incarnations."""

    __slots__ = (
        "_context",
        "_family",
        "_gone",
        "_ready",
        "_restarts",
        "_since",
        "_timer",
        "name",
        "parent",
    )

    def __init__(self, system: System, parent: Supervisor, name: str, props: Props) -> None:
        super().__init__(system, props)
        self.name = name
        self.parent = parent
        self._context: ActorContext | None = None
        self._ready = False  # `started` of this instance has returned
        self._family: Family[Cell] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._restarts = 0  # in a row
        self._since = 0.0  # loop time when it last got running
        self._gone: asyncio.Future[None] | None = None
        # Last, because it is the user's code: what it raises belongs to the one who spawns.
        self._actor = props.make()

    @property
    def path(self) -> ActorPath:
        """Where the actor is; made when asked for, since most are never shown."""
        return self.parent.path / self.name

    # --- start, crash, restart --------------------------------------------------------------------

    def begin(self) -> None:
        """Start the first instance: at once if nothing is to be called, else in the first turn."""
        if self._class.started is Actor.started:
            self._start()
        else:
            self.signal(self._start)

    def _start(self) -> Work | None:
        actor = self._actor
        assert actor is not None, "an instance is made before it is started"
        if self._context is None:
            self._context = ActorContext(self)
        actor.context = self._context
        if self._class.started is Actor.started:
            return self._run()
        self._then = self._run
        try:
            work: Any = actor.started()
        except Exception as error:  # noqa: BLE001 - a plain `started` fails here
            self._then = None
            self.crash(error, NOTHING)
            return None
        if type(work) is CoroutineType:
            return work
        self._then = None
        return self._run()

    def _run(self) -> Work | None:
        if self.state is State.STARTING:
            self.state = State.RUNNING
            self._ready = True
            self._since = asyncio.get_running_loop().time()
            self.give_held()
        return None

    def crash(self, error: BaseException, envelope: Envelope) -> None:
        """Stand still until the supervisor has decided; the asker need not wait for that."""
        message, _, reply = envelope
        if reply is not None and not reply.done():
            failure = ActorFailed(str(self.path), type(error).__name__, str(error))
            failure.__cause__ = error
            reply.set_exception(failure)
        self.state = State.FAILED
        self.parent.child_failed(self, error, message)

    def failure(
        self, error: BaseException, message: object, history: tuple[float, ...] = ()
    ) -> Failure:
        """Return what a strategy may know of a failure of this actor."""
        now = asyncio.get_running_loop().time()
        return Failure(
            error=error,
            message=message,
            path=self.path,
            now=now,
            uniform=self.system.random.random(),
            restarts=self._restarts,
            uptime=now - self._since if self._ready else 0.0,
            history=history,
        )

    def obey(self, decision: Decision, error: BaseException) -> None:
        """Carry out what the supervisor decided about this failed actor."""
        if isinstance(decision, Restart):
            self._restarts = decision.attempt
            self.signal(partial(self._restart, decision.delay))
        elif isinstance(decision, Resume):
            self.signal(self.resume)
        elif isinstance(decision, Stop):
            self.stop(f"failed: {type(error).__name__}: {error}")

    def resume(self) -> Work | None:
        if self.state is not State.FAILED:
            return None
        if not self._ready:
            return self._restart(0.0)
        self.state = State.RUNNING
        for child in self.children():
            child.signal(child.resume)  # those whose failure was escalated through this one
        self.give_held()
        return None

    def _restart(self, delay: float) -> Work | None:
        if self.state is not State.FAILED:
            return None
        self.state = State.RESTARTING
        return self._without_children(partial(self._replace, delay))

    def _replace(self, delay: float) -> Work | None:
        if self.state is not State.RESTARTING:
            return None
        return self._dismiss(partial(self._pause, delay))

    def _pause(self, delay: float) -> Work | None:
        if self.state is not State.RESTARTING:
            return None
        if delay <= 0.0:
            return self._renew()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(delay, self.signal, self._renew)
        return None

    def _renew(self) -> Work | None:
        if self.state is not State.RESTARTING:
            return None
        self.state, self._timer, self._ready = State.STARTING, None, False
        try:
            self._actor = self._props.make()
        except Exception as error:  # noqa: BLE001 - a failed restart is decided on like any failure
            self.crash(error, NOTHING)
            return None
        return self._start()

    # --- the end ----------------------------------------------------------------------------------

    def stop(self, reason: str = "stopped") -> None:
        """Stop after the message in hand; mail that is left becomes dead letters."""
        self.signal(partial(self._stop, reason))

    def kill(self) -> None:
        """Stop now, with all below: what is in hand is cancelled, `stopped` is not called."""
        if self.state is State.STOPPED:
            return
        self.killed, self.reason = True, "killed"
        for child in self.children():
            child.kill()
        if not (self._working and self.system.dispatcher.interrupt(self)):
            self.signal_first(self.end)  # ahead of a start that might never return

    def gone(self) -> "asyncio.Future[None]":
        """Return a future that is done when this actor has stopped."""
        if self._gone is None:
            self._gone = asyncio.get_running_loop().create_future()
            if self.state is State.STOPPED:
                self._gone.set_result(None)
        return self._gone

    def _stop(self, reason: str) -> Work | None:
        if self.state in (State.STOPPING, State.STOPPED):
            return None
        self.state, self.reason = State.STOPPING, reason
        self.shut_inbox()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return self._without_children(partial(self._dismiss, self.end))

    def _without_children(self, then: Signal) -> Work | None:
        """Stop the children, newest first, and go on with `then` when all are gone."""
        children = self.children()
        if not children or self._family is None:
            return then()
        self._family.when_empty = then
        for child in children:
            child.stop()
        return None

    def _dismiss(self, then: Signal) -> Work | None:
        """End the instance, if there is one, and go on with `then`."""
        actor, self._actor = self._actor, None
        if actor is None or self._class.stopped is Actor.stopped:
            return then()
        self._then = then
        return self._farewell(actor)

    async def _farewell(self, actor: Actor) -> None:
        try:
            work: Any = actor.stopped()
            if work is not None:
                await work
        except (Exception, asyncio.CancelledError) as error:
            if self.killed:
                raise
            restarting = self.state is State.RESTARTING
            decision = Restart(attempt=self._restarts) if restarting else Stop()
            report(self.system, self.failure(error, None), decision)

    def end(self) -> Work | None:
        if self.state is State.STOPPED:
            return None
        self.state = State.STOPPED
        self._actor = None
        if self._timer is not None:
            self._timer.cancel()
        self.shut_inbox()
        self.empty_inbox()
        self.tell_watchers()
        self.system.counters.stopped += 1
        self.parent.child_gone(self)
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        if self._signals is not None:
            self._signals.clear()
        return None

    # --- as a supervisor --------------------------------------------------------------------------

    @property
    def family(self) -> Family["Cell"]:
        """The living children; made with the first."""
        if self._family is None:
            self._family = Family()
        return self._family

    def children(self) -> "list[Cell]":
        """Return the living children, newest first."""
        return [] if self._family is None else self._family.newest_first()

    def child_failed(self, child: "Cell", error: BaseException, message: object) -> None:
        """Decide about a child, in this actor's next turn."""
        self.signal(partial(self._decide, child, error, message))

    def child_gone(self, child: "Cell") -> None:
        """Free the child's name; go on with what waited for the last child to end."""
        family = self.family
        family.remove(child)
        if family.when_empty is not None and not family.members:
            then, family.when_empty = family.when_empty, None
            self.signal(then)

    def _decide(self, child: "Cell", error: BaseException, message: object) -> Work | None:
        if child.state is not State.FAILED:
            return None
        failure = child.failure(error, message, self.family.history)
        if self.state is State.STOPPING:  # the child has been asked to stop already
            report(self.system, failure, Stop())
            return None
        decision = judge(self.system, (self._actor or self._class).supervision, failure)
        if isinstance(decision, Restart):
            self.family.history = decision.history
        child.obey(decision, error)
        if isinstance(decision, Escalate) and self.state is State.RUNNING:
            self.crash(decision.error or error, NOTHING)
        return None

    # --- for the actor's context ------------------------------------------------------------------

    @property
    def sender(self) -> Recipient[Any] | None:
        """Who sent the message in hand."""
        sender: Recipient[Any] | None = self._envelope[1]
        return sender

    def parent_ref(self) -> ActorRef[Any] | None:
        """Return the parent, or None if that is the system."""
        return self.parent.self_ref if isinstance(self.parent, Cell) else None

    def child_refs(self) -> Sequence[ActorRef[Any]]:
        """Return the living children, oldest first."""
        return [child.self_ref for child in reversed(self.children())]

    def spawn(
        self,
        actor: type[Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        name: str | None,
        mailbox: MailboxOptions | None,
    ) -> ActorRef[Any]:
        """Start a child."""
        if self.state not in (State.STARTING, State.RUNNING):
            raise NotRunning(
                f"{self.path} is {self.state.value} and takes no children; spawn in a handler or "
                "in `started`"
            )
        props = Props(actor, args, kwargs, mailbox)
        return bear(self.system, self, self.family, name, props).self_ref

    def stop_within(self, ref: ActorRef[Any]) -> None:
        """Stop this actor or a child of it."""
        cell = port_of(ref)
        if cell is not self and not (isinstance(cell, Cell) and cell.parent is self):
            raise ValueError(
                f"{self.path} cannot stop {ref.path}: an actor stops itself and its own children. "
                "Tell "
                "that actor a message on which it stops itself, or use system.stop(ref)."
            )
        cell.stop()


def bear(
    system: System, parent: Supervisor, family: Family[Cell], name: str | None, props: Props
) -> Cell:
    """Make an actor below `parent` and start it.

    Raises:
        TypeError: what is to be spawned is no actor class.
        NameTaken: a living child of `parent` has the name.
    """
    props.check()
    taken = family.name_for(name, parent.path)
    cell = Cell(system, parent, taken, props)
    family.members[taken] = cell
    system.counters.spawned += 1
    cell.begin()
    return cell
