"""An actor's turns: signals first, then mail, one coroutine at a time.

What others want of an actor arrives as a *signal*, a call to be made in the actor's own turn, ahead
of its mail. Coroutines of the user (handlers, `started`, `stopped`) are handed to the dispatcher
one at a time; `_then` says what follows when one returns.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from enum import Enum
from types import CoroutineType
from typing import Any, TypeAlias

from ._actor import Actor
from ._errors import ActorFailed
from ._inbox import Inbox
from ._mailbox import NOTHING, Envelope, unpack
from ._props import Props
from ._runtime import System

Work: TypeAlias = Coroutine[Any, Any, Any]
Signal: TypeAlias = Callable[[], Work | None]


class State(Enum):
    """Where a cell is in its life."""

    STARTING = "starting"  # `started` has not returned
    RUNNING = "running"
    FAILED = "failed"  # waits for its supervisor's decision
    RESTARTING = "restarting"  # the old instance ends, or the delay passes
    STOPPING = "stopping"  # children end, then `stopped` runs
    STOPPED = "stopped"


# A global is found faster than an attribute of a class, and every tell to an idle actor asks.
_RUNNING = State.RUNNING


class Turns(Inbox):
    """The half of a cell that the dispatcher talks to.

    What a crash and an end mean is the cell's.
    """

    __slots__ = (
        "_actor",
        "_class",
        "_envelope",
        "_props",
        "_signals",
        "_then",
        "_working",
        "killed",
        "state",
    )

    def __init__(self, system: System, props: Props) -> None:
        super().__init__(system, props.mailbox)
        self.state = State.STARTING
        self.killed = False
        self._props = props
        self._class = props.actor
        self._actor: Actor | None = None
        self._signals: deque[Signal] | None = None
        self._envelope = NOTHING  # the message in hand
        self._working = False  # a coroutine of the user is with the dispatcher
        self._then: Signal | None = None  # what follows it; None after a handler

    def crash(self, error: BaseException, envelope: Envelope) -> None:
        """Stand still until the supervisor has decided."""
        raise NotImplementedError

    def stop(self, reason: str = "stopped") -> None:
        """Stop after the message in hand."""
        raise NotImplementedError

    def end(self) -> Work | None:
        """Be stopped."""
        raise NotImplementedError

    def wake(self) -> None:
        """Have a turn for the mail, unless the actor cannot take any now."""
        if self.state is _RUNNING and not self.runnable:
            self.runnable = True
            self.system.dispatcher.schedule(self)

    def signal(self, call: Signal) -> None:
        """Have `call` made in the cell's own turn, ahead of the mail."""
        if self.state is State.STOPPED:
            return
        if self._signals is None:
            self._signals = deque()
        self._signals.append(call)
        if not self.runnable:
            self.runnable = True
            self.system.dispatcher.schedule(self)

    def step(self, limit: int) -> Work | None:
        """Make the calls of the signals, then handle at most `limit` messages."""
        while self._signals:
            work = self._signals.popleft()()
            if work is not None:
                self._working = True
                return work
        work = self._handle(limit)
        if work is None:
            self._rest()
            return None
        self._working = True
        return self._carry_on(work, limit) if self._mail and limit > 1 else work

    def _handle(self, limit: int) -> Work | None:
        """Handle at most `limit` messages, up to the first whose handler is async."""
        mail = self._mail
        if self.state is not _RUNNING or not mail:
            return None
        actor, bounds, known = self._actor, self._bounds, self._class.handlers.known
        for _ in range(limit):
            item = mail.popleft()
            if bounds is not None:
                bounds.refill(mail)
            function = known.get(type(item))
            try:
                # Most mail is a bare message of a known class: see `pack` in _mailbox.py.
                result = self._open(item) if function is None else function(actor, item)
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the supervisor's
                self.crash(error, unpack(item))
                return None
            if result is not None and type(result) is CoroutineType:
                self._envelope = unpack(item)
                return result
            if self._signals or not mail:
                return None
        return None

    async def _carry_on(self, work: Work, limit: int) -> object:
        """Finish an async handler and go on with the mail: a coroutine for many is cheaper."""
        left: Work | None = work
        result: object = None
        while left is not None:
            result = await left
            limit -= 1
            if limit <= 0 or self._signals or self.killed:
                return result  # `completed` answers
            reply = self._envelope[2]
            if reply is not None:
                self.answer(reply, result)
            self._envelope = NOTHING
            left = self._handle(limit)
        return None

    def completed(self, result: object) -> None:
        """Go on after a coroutine: answer the asker, or take the next step of a start or an end."""
        self._working = False
        then, self._then = self._then, None
        reply = self._envelope[2]
        if then is not None:
            self.signal_first(then)
        elif reply is not None:
            self.answer(reply, result)
        if self.killed:  # and it swallowed the cancellation
            self.end()
        self._rest()

    def failed(self, error: BaseException) -> None:
        """Go on after a coroutine that raised or was interrupted."""
        self._working = False
        then, self._then = self._then, None
        if self.killed or self.state is State.STOPPING:
            if self._envelope[2] is not None:
                self._turn_away(self._envelope)
            self.end()
        else:
            self.crash(error, self._envelope if then is None else NOTHING)
        self._rest()

    def _rest(self) -> None:
        """Settle whether there is more to do, and hold no message meanwhile."""
        self.runnable = bool(self._signals) or (self.state is _RUNNING and bool(self._mail))
        self._envelope = NOTHING

    def signal_first(self, call: Signal) -> None:
        """Have `call` made before all other signals."""
        if self._signals is None:
            self._signals = deque()
        self._signals.appendleft(call)
        if not self.runnable:
            self.runnable = True
            self.system.dispatcher.schedule(self)

    def _open(self, item: Any) -> Any:
        """Handle an envelope, or a message of a class not met before."""
        self._envelope = envelope = unpack(item)
        message, _, reply = envelope
        handlers = self._class.handlers
        function = handlers.known.get(type(message)) or handlers.lookup(type(message))
        result = self._unhandled(envelope) if function is None else function(self._actor, message)
        if type(result) is CoroutineType:
            return result
        if reply is not None:
            self.answer(reply, result)
        self._envelope = NOTHING
        return None

    def _unhandled(self, envelope: Envelope) -> Any:
        message, sender, reply = envelope
        assert self._actor is not None, "mail is handled while there is an instance"
        if self._class.unhandled is not Actor.unhandled:
            return self._actor.unhandled(message)
        reason = f"{self._class.__name__} has no handler for {type(message).__name__}"
        if reply is None:
            self.system.dead_letter(message, self.path, sender, reason)
        elif not reply.done():
            reply.set_exception(ActorFailed(str(self.path), "HandlerError", reason))
        return None

    def take(self, message: object) -> Work | None:
        """Handle a message of the system's, outside the mailbox."""
        envelope = (message, None, None)
        try:
            work: Work | None = self._open(envelope)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the supervisor's
            self.crash(error, envelope)
            return None
        return work
