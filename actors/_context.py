"""What a handler knows of where it runs: `self.context`."""

import asyncio
import math
from collections.abc import Callable, Collection, Coroutine, Hashable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

import structlog

from ._context_port import ContextPort
from ._handlers import Accepts
from ._mailbox import MailboxOptions, MailboxStatistics
from ._path import ActorPath
from ._ref import ActorRef, Recipient
from ._reply import DeferredReply
from ._runtime import System

if TYPE_CHECKING:
    from ._props import ChildSpec

M = TypeVar("M")
T = TypeVar("T")


_MESSAGE_IN_HAND: Any = object()


class ActorContext:
    """An actor's view of its system. Stays the same through restarts."""

    __slots__ = ("_log", "_port")

    def __init__(self, port: ContextPort) -> None:
        self._port = port
        self._log: Any = None

    # --- where this is ----------------------------------------------------------------------------

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
    def restarts(self) -> int:
        """How often in a row this actor was restarted."""
        return self._port.restarts

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

    def mailbox(self) -> MailboxStatistics:
        """Return how full this actor's mailbox is."""
        return self._port.statistics()

    # --- other actors -----------------------------------------------------------------------------

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
        actor: "type[Any] | ChildSpec",
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
        """Start a child, supervised by this actor's `supervision`.

        The instance is made at once, so an exception of its `__init__` is raised here. `started`
        and the mail follow when the child has its turn. Children are stopped before this actor
        restarts or stops.

        Args:
            actor: the child's class, or a child spec with everything in it; the actor of a spec is
                made in its first turn, where its exceptions are supervised.
            *args: for its `__init__`, also at each restart.
            name: its name below this actor; made up when left out.
            mailbox: the bound of its mailbox; none by default.
            **kwargs: for its `__init__`.

        Raises:
            NameTaken: a living child has the name.
            HandlerError: it is no actor class.
            NotRunning: this actor is stopping.
        """
        return self._port.spawn(actor, args, kwargs, name, mailbox)

    def start(self, *children: "ChildSpec") -> Sequence[ActorRef[Any]]:
        """Start children in order, each when the one before it runs; returns at once.

        Raises:
            NameTaken: a living child has a name; none of them is started.
        """
        return self._port.start(children)

    def watch(self, ref: Recipient[Any]) -> None:
        """Be told, with a Terminated, when that actor has stopped; at once if it already has.

        Of an actor on another node also when that node is down: the Terminated then says so in
        `node_down`, and the actor may still be alive, cut off.

        Raises:
            TypeError: it is an entity's ref: an entity is always there.
        """
        self._port.watch(ref)

    def unwatch(self, ref: Recipient[Any]) -> None:
        """Take `watch` back; a Terminated that was not handled yet is not given any more."""
        self._port.unwatch(ref)

    def link(self, ref: ActorRef[Any]) -> None:
        """Die together: when one of the two is killed or ends of a failure, the other stops.

        An end in good order, and a restart, leave the other alone. At once if the other is dead.
        """
        self._port.link(ref)

    def unlink(self, ref: ActorRef[Any]) -> None:
        """Take `link` back, for both."""
        self._port.unlink(ref)

    def stop(self, ref: ActorRef[Any] | None = None, *, after_mail: bool = False) -> None:
        """Ask a child, or this actor itself, to stop after the message it has in hand.

        Args:
            ref: a child or `self_ref`; this actor itself when left out.
            after_mail: let it handle first what is in its mailbox now; what comes later may be
                handled or become a dead letter.

        Raises:
            ValueError: the ref is of another's child; tell it a message of yours instead.
        """
        self._port.stop_within(self._port.self_ref if ref is None else ref, after_mail=after_mail)

    def kill(self, ref: ActorRef[Any]) -> None:
        """Stop a child now, with all below it: its handler is cancelled, `stopped` is not called.

        Raises:
            ValueError: the ref is of another's child.
        """
        self._port.kill_within(ref)

    # --- the message in hand ----------------------------------------------------------------------

    @property
    def message(self) -> object:
        """The message in hand."""
        return self._port.message

    def forward(self, ref: Recipient[Any], message: object = _MESSAGE_IN_HAND) -> None:
        """Pass the message in hand on, as if its sender had sent it there.

        If it was asked, the other answers, and what this handler returns is not an answer any more.

        Args:
            ref: who takes it.
            message: what to send instead of the message in hand.

        Raises:
            TypeError: it was asked, and `ref` is an entity's: `await ref.ask(...)` and return that.
            MailboxFull: the mailbox is full, and its overflow policy is `fail`.
        """
        self._port.forward(ref, self._in_hand(message))

    def forward_to_all(self, refs: Sequence[ActorRef[Any]]) -> None:
        """Pass the message in hand on to several; if it was asked, the first answer counts."""
        self._port.forward_to_all(refs)

    async def forward_when_room(
        self, ref: ActorRef[Any], message: object = _MESSAGE_IN_HAND
    ) -> None:
        """Pass the message in hand on, like `forward`, waiting while the mailbox is full.

        Raises:
            ActorStopped: the other is gone, or went while this waited.
            MailboxFull: there is no room, and the overflow policy does not wait.
        """
        await self._port.forward_when_room(ref, self._in_hand(message))

    def defer_reply(self) -> DeferredReply:
        """Answer the message in hand later, or never: what this handler returns is no answer.

        If the actor restarts or stops before it answered, the asker gets ActorFailed.
        """
        return self._port.defer_reply()

    def stash(self) -> None:
        """Put the message in hand aside, until `unstash_all`.

        Its asker, if there is one, gets its answer when it is handled in the end. At a restart the
        stash goes back into the mailbox; at a stop it becomes dead letters.

        Raises:
            StashFull: there are `stash_capacity` messages in it.
        """
        self._port.stash()

    def unstash_all(self) -> None:
        """Put what was put aside back into the mailbox, in its order, ahead of all else in it."""
        self._port.unstash_all()

    def become(self, *methods: Callable[[Any], Any], discard_old: bool = True) -> None:
        """Handle messages with other methods from the next message on.

        ```python
        @handler
        def close(self, message: Close) -> None:
            self.context.become(self.refuse, self.open)     # two methods, by their annotations

        def refuse(self, message: Deposit) -> str: ...      # not marked with @handler
        def open(self, message: Open) -> None:
            self.context.unbecome()
        ```

        Methods are chosen by their annotations, as handlers are. What none of them takes is
        unhandled. A restart goes back to the handlers of the class.

        Args:
            *methods: bound methods of this actor, one for each message type.
            discard_old: False keeps what is in force, for `unbecome` to come back to.

        Raises:
            HandlerError: a method's annotation says no type, or two of them say the same.
        """
        self._port.become(methods, discard_old=discard_old)

    def unbecome(self) -> None:
        """Take the last `become` back; without one, nothing happens."""
        self._port.unbecome()

    # --- time and tasks ---------------------------------------------------------------------------

    def start_timer(self, key: Hashable, delay: float, message: object) -> None:
        """Have `message` in the mailbox after `delay` seconds, once.

        A timer replaces the one with the same key. Once it is cancelled or replaced its message is
        not handled, even if it was in the mailbox already. Timers end with a restart or a stop.
        """
        self._port.start_timer(key, _seconds(delay, "delay"), message, None)

    def start_periodic_timer(
        self, key: Hashable, interval: float, message: object, *, first: float | None = None
    ) -> None:
        """Have `message` in the mailbox every `interval` seconds; see `start_timer`.

        While one of its messages waits in the mailbox no other is added, so an actor that is behind
        is not flooded by its own clock.

        Args:
            key: names the timer within this actor.
            interval: seconds between two messages, above 0.
            message: what to handle.
            first: seconds until the first one; the interval when left out.
        """
        if _seconds(interval, "interval") <= 0.0:
            raise ValueError(f"interval is {interval!r}; a timer cannot fire all the time")
        delay = interval if first is None else _seconds(first, "first")
        self._port.start_timer(key, delay, message, interval)

    def cancel_timer(self, key: Hashable) -> bool:
        """Cancel a timer; returns whether there was one."""
        return self._port.cancel_timer(key)

    def active_timers(self) -> Collection[object]:
        """Return the keys of the timers that may still fire."""
        return self._port.active_timers()

    def set_receive_timeout(self, seconds: float | None, message: object = None) -> None:
        """Have a ReceiveTimeout in the mailbox whenever no message came for `seconds`.

        Any message starts the time anew, a timer's and this one's included. Ends with a restart.

        Args:
            seconds: how long; None ends it.
            message: what to put into the mailbox instead.
        """
        if seconds is not None and _seconds(seconds, "seconds") <= 0.0:
            raise ValueError(f"seconds is {seconds!r}; write None to end the receive timeout")
        self._port.set_receive_timeout(seconds, message)

    def pipe_to_self(
        self,
        coroutine: Coroutine[Any, Any, T],
        on_success: Callable[[T], object] | None = None,
        on_failure: Callable[[BaseException], object] | None = None,
        *,
        timeout: float | None = None,
    ) -> None:
        """Run a coroutine beside the actor; what it comes to is handled like a message.

        The actor goes on with its mail meanwhile. The task is cancelled when the actor restarts or
        stops. Its result is put into the mailbox whatever its bound.

        ```python
        self.context.pipe_to_self(fetch(url), Fetched, on_failure=FetchFailed, timeout=5.0)
        ```

        Args:
            coroutine: what to run.
            on_success: from its result to the message; the result itself when left out.
            on_failure: from its exception to the message; when left out the actor fails with it.
            timeout: seconds until it fails with TimeoutError.
        """
        if not asyncio.iscoroutine(coroutine):
            raise TypeError(
                f"pipe_to_self takes a coroutine, as from fetch(url), got {coroutine!r}"
            )
        try:
            seconds = None if timeout is None else _seconds(timeout, "timeout")
        except ValueError:
            coroutine.close()
            raise
        self._port.pipe_to_self(coroutine, on_success or _same, on_failure, seconds)

    def _in_hand(self, message: object) -> object:
        return self._port.message if message is _MESSAGE_IN_HAND else message


def _same(result: object) -> object:
    return result


def _seconds(value: float, what: str) -> float:
    """Return a time, or refuse what is none.

    Raises:
        ValueError: it is negative or no finite number.
    """
    if not 0.0 <= value < math.inf:
        raise ValueError(f"{what} is {value!r}; it is a time in seconds, 0 or more")
    return value
