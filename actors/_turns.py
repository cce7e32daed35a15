"""An actor's turns: signals first, then mail, one coroutine at a time.

What others want of an actor arrives as a *signal*, a call to be made in the actor's own turn, ahead
of its mail. Coroutines of the user (handlers, `started`, `stopped`) are handed to the dispatcher
one at a time; `_then` says what follows when one returns.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from enum import Enum
from types import CoroutineType
from typing import Any, TypeAlias

from ._actor import Actor
from ._dispatcher import Dispatcher
from ._errors import ActorFailed
from ._handlers import HandlerTable
from ._inbox import Inbox
from ._mailbox import NOTHING, Envelope, unpack
from ._tools import LastMail, Tick, Tools

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


# A global is found faster than an attribute of a class, and every turn asks.
_RUNNING = State.RUNNING


class Turns(Inbox):
    """The half of a cell that the dispatcher talks to.

    What a crash and an end mean is the cell's.

    Attributes:
        state: where it is in its life.
        killed: no coroutine of it is to go on.
        runnable: the dispatcher has it, in its queue or in a runner's hands.
        scope: the context its handlers run in.
        chunk: kept by the dispatcher.
        dispatcher: gives it its turns.
        item: what was taken out of the mailbox and is in hand: a message or an envelope.
        tools: timers, stash and the like, once it used one.
    """

    __slots__ = (
        "_actor",
        "_class",
        "_escalated",
        "_handlers",
        "_known",
        "_left",
        "_signals",
        "_then",
        "_working",
        "chunk",
        "dispatcher",
        "item",
        "killed",
        "runnable",
        "scope",
        "state",
        "tools",
    )

    state: State
    killed: bool
    runnable: bool
    scope: Context | None
    chunk: int
    dispatcher: Dispatcher
    item: Any
    tools: Tools | None
    _class: type[Actor]
    _actor: Actor | None
    _escalated: BaseException | None  # a child's failure that is to become this one's
    _handlers: HandlerTable  # in force; `become` changes it
    _known: dict[type, Callable[..., Any]]  # what it found so far
    _left: int  # messages that this turn may still handle
    _signals: deque[Signal] | None
    _working: bool  # a coroutine of the user is with the dispatcher
    _then: Signal | None  # what follows it; None after a handler

    def crash(self, error: BaseException, envelope: Envelope) -> None:
        """Stand still until the supervisor has decided."""
        raise NotImplementedError

    def stop(self, reason: str = "stopped", *, final: bool = False) -> None:
        """Stop after the message in hand."""
        raise NotImplementedError

    def end(self) -> Work | None:
        """Be stopped."""
        raise NotImplementedError

    @property
    def self_ref(self) -> Any:
        """The ref of this actor."""
        raise NotImplementedError

    def wake(self) -> None:
        """Have a turn for the mail. Only when not `held`."""
        self.held = self.runnable = True
        dispatcher = self.dispatcher
        dispatcher.queue.append(self)
        if dispatcher.driver is None:
            dispatcher.wake()

    def signal(self, call: Signal) -> None:
        """Have `call` made in the cell's own turn, ahead of the mail."""
        if self.state is State.STOPPED:
            return
        if self._signals is None:
            self._signals = deque()
        self._signals.append(call)
        self._join_queue()

    def signal_first(self, call: Signal) -> None:
        """Have `call` made before all other signals."""
        if self._signals is None:
            self._signals = deque()
        self._signals.appendleft(call)
        self._join_queue()

    def _join_queue(self) -> None:
        if not self.runnable:
            self.held = self.runnable = True
            self.dispatcher.schedule(self)

    def step(self, limit: int, inside: bool = False) -> Work | None:  # noqa: C901, FBT001, FBT002 - the hot loop: a call costs more than a branch, a keyword more than a place
        """Make the calls of the signals, then handle at most `limit` messages.

        Args:
            limit: messages to handle, up to the first whose handler is async.
            inside: whether `_carry_on` calls, which awaits what this returns itself.
        """
        while self._signals:
            work = self._signals.popleft()()
            if work is not None:
                self._working = True
                return work
        mail = self._mail
        try:
            while mail and limit and self.state is _RUNNING:
                limit -= 1
                self.item = item = mail.popleft()
                if self._bounds is not None:
                    self._bounds.refill(mail)
                enveloped = type(item) is tuple  # see `pack` in _mailbox.py
                message = item[0] if enveloped else item
                function = self._known.get(type(message))
                result = self._open(message) if function is None else function(self._actor, message)
                if result is not None and type(result) is CoroutineType:
                    self._working, self._left = True, limit
                    return result if inside else self._carry_on(result)
                if enveloped:
                    reply = self.item[2]  # looked up now: the handler may have passed it on
                    if reply is not None:
                        self.answer(reply, result)
                if self._signals:
                    break
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the supervisor's
            self.crash(error, unpack(self.item))
        # `_rest`, written out for the commonest case: an actor that runs and has no tools.
        if self.state is _RUNNING and self.tools is None:
            self.runnable = self.held = True if mail or self._signals else False  # noqa: SIM210 - `bool` is a call
            self.item = NOTHING
        else:
            self._rest()
        return None

    def _open(self, message: Any) -> Any:
        """Handle a message of a class not met before, or a timer's; return the result."""
        if type(message) is Tick:
            if self.tools is None or not self.tools.timer_fired(message):
                return None
            message = message.timer.message
            self.item = (message, None, None)
        elif type(message) is LastMail:
            self.stop(final=message.final)
            return None
        function = self._handlers.lookup(type(message))
        if function is not None:
            return function(self._actor, message)
        return self._unhandled(unpack(self.item))

    async def _carry_on(self, work: Work) -> object:
        """Finish an async handler and go on with the mail: a coroutine for many is cheaper."""
        left: Work | None = work
        while left is not None:
            result = await left
            limit = self._left
            if limit <= 0 or self._signals or self.killed or not self._mail:
                return result  # `completed` answers
            reply = self.item[2] if type(self.item) is tuple else None
            if reply is not None:
                self.answer(reply, result)
            left = self.step(limit, True)  # noqa: FBT003 - see `step`
        return None

    def completed(self, result: object) -> None:
        """Go on after a coroutine: answer the asker, or take the next step of a start or an end."""
        self._working = False
        then, self._then = self._then, None
        if self.state is State.STOPPED:  # abandoned
            return
        reply = self.item[2] if type(self.item) is tuple else None
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
        if self.state is State.STOPPED:  # abandoned
            return
        escalated, self._escalated = self._escalated, None
        if escalated is not None and isinstance(error, asyncio.CancelledError):
            error = escalated
        if self.killed or self.state is State.STOPPING:
            envelope = unpack(self.item)
            if envelope[2] is not None:
                self.turn_away(envelope)
            self.end()
        elif self.state is State.RESTARTING and then is not None:
            self.signal_first(then)  # `stopped` took too long, and the restart goes on without it
        else:
            self.crash(error, unpack(self.item) if then is None else NOTHING)
        self._rest()

    def _rest(self) -> None:
        """Settle whether there is more to do, and hold no message meanwhile."""
        running = self.state is _RUNNING
        self.runnable = runnable = bool(self._signals) or (running and bool(self._mail))
        self.held = runnable or not running
        self.item = NOTHING
        if self.tools is not None:
            self.tools.rested()

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
        self.item = (message, None, None)
        try:
            work = self._open(message)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the supervisor's
            self.crash(error, unpack(self.item))
            return None
        return work if type(work) is CoroutineType else None
