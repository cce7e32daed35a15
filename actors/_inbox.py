"""How mail gets into an actor: the half of a cell that its refs talk to."""

import asyncio
from collections import deque
from typing import Any

from ._address import address_on
from ._ask import Deadlines
from ._errors import ActorStopped, AskTimeout, MailboxFull
from ._mailbox import Bounds, Envelope, Internal, Mail, MailboxStatistics, pack, unpack
from ._path import ActorPath
from ._runnable import CURRENT
from ._runtime import System


class Inbox:
    """The mailbox of one cell with its bound, open until `shut`.

    Attributes:
        system: whose actor it is.
        open_mail: the mailbox while it takes everything at once; refs append to it directly.
        held: mail need not call `wake`: the dispatcher has the cell, or it can take none now.
    """

    __slots__ = ("_bounds", "_mail", "_shut", "held", "open_mail", "system")

    system: System
    open_mail: Mail | None
    held: bool
    _mail: Mail | None  # made by the first message
    _shut: bool
    _bounds: Bounds | None

    @property
    def path(self) -> ActorPath:
        """Where the actor is."""
        raise NotImplementedError

    @property
    def address(self) -> str:
        """What the actor is called on other nodes."""
        return address_on(self.path, self.system.node)

    @property
    def deadlines(self) -> Deadlines:
        """Where askers wait."""
        return self.system.deadlines

    def wake(self) -> None:
        """Have a turn, if there is anything to do in it."""
        raise NotImplementedError

    def task_failed(self, error: BaseException) -> None:
        """Fail with an error that came up beside the handlers."""
        raise NotImplementedError

    def deliver(
        self, message: Any, reply: "asyncio.Future[Any] | None", timeout: float | None = None
    ) -> None:
        """Take a message that cannot wait for room: a tell, or an ask, whose asker waits anyway.

        Raises:
            MailboxFull: the overflow policy is `fail`.
        """
        del timeout  # the asker keeps it; it matters where the asker is elsewhere
        self.take_in((message, CURRENT.get(), reply))

    def take_in(self, envelope: Envelope) -> None:
        """Take an envelope that cannot wait for room; see `deliver`."""
        if self._shut:
            self.turn_away(envelope)
            return
        bounds = self._admit(envelope)
        if bounds is None:
            return
        if bounds.overflow == "wait" and envelope[2] is not None:
            bounds.waiters.append((envelope, None))
            return
        bounds.dropped += 1
        if bounds.overflow == "fail":
            raise MailboxFull(str(self.path), bounds.capacity)
        self._drop(envelope, bounds)

    async def accept(self, message: Any) -> None:
        """Take a message, or wait for room if the overflow policy says so.

        Raises:
            ActorStopped: the actor is gone, or went while this waited.
            MailboxFull: there is no room, and the overflow policy does not wait.
        """
        await self.accept_envelope((message, CURRENT.get(), None))

    async def accept_envelope(self, envelope: Envelope) -> None:
        """Take an envelope, or wait for room; see `accept`."""
        if self._shut:
            raise ActorStopped(str(self.path), type(envelope[0]).__name__)
        bounds = self._admit(envelope)
        if bounds is None:
            return
        if bounds.overflow != "wait":
            bounds.dropped += 1
            raise MailboxFull(str(self.path), bounds.capacity)
        accepted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        bounds.waiters.append((envelope, accepted))
        await accepted

    def _admit(self, envelope: Envelope) -> Bounds | None:
        """Put an envelope into the mailbox, or return the bounds that leave no room for it."""
        bounds = self._bounds
        mail = self._opened()
        if bounds is None:
            mail.append(pack(*envelope))
        else:
            left = bounds.offer(mail, envelope)
            if left is envelope:
                return bounds
            if left is not None:
                self._drop(left, bounds)
        if not self.held:
            self.wake()
        return None

    def put(self, message: Any) -> None:
        """Take what the actor sends itself (a timer's message, a result); no bound refuses it."""
        if self._shut:
            return
        try:
            self._opened().append(pack(message, None, None))
        except Exception as error:  # noqa: BLE001 - the priority function's: there is no sender to tell
            self.task_failed(error)
            return
        if not self.held:
            self.wake()

    def put_back(self, items: "list[Any]") -> None:
        """Put items before all other mail, in their order; no bound refuses them."""
        if items:
            self._opened().extendleft(reversed(items))
            if not self.held:
                self.wake()

    def statistics(self) -> MailboxStatistics:
        """Return how full the mailbox is."""
        bounds = self._bounds
        return MailboxStatistics(
            waiting=len(self._mail or ()),
            capacity=bounds.capacity if bounds is not None and bounds.bounded else None,
            senders=0 if bounds is None else len(bounds.waiters),
            dropped=0 if bounds is None else bounds.dropped,
        )

    def answer(self, reply: "asyncio.Future[Any]", result: object) -> None:
        """Give an asker its answer, unless it has gone."""
        if not reply.done():
            reply.set_result(result)
        elif reply.cancelled() or isinstance(reply.exception(), AskTimeout):
            self.system.counters.late_replies += 1

    def shut_inbox(self) -> None:
        """Take no more mail; what is inside stays until `empty_inbox`."""
        self._shut = True
        self.open_mail = None

    def empty_inbox(self) -> None:
        """Turn away what is left, those waiting for room included."""
        mail, self._mail = self._mail, None
        for item in mail or ():
            self.turn_away(unpack(item))
        if self._bounds is not None:
            waiters = self._bounds.waiters
            while waiters:
                envelope, accepted = waiters.popleft()
                if accepted is None:
                    self.turn_away(envelope)
                elif not accepted.done():
                    accepted.set_exception(ActorStopped(str(self.path), type(envelope[0]).__name__))

    def _opened(self) -> Mail:
        mail = self._mail
        if mail is None:
            bounds = self._bounds
            if bounds is None:
                mail = self._mail = self.open_mail = deque()
            else:
                mail = self._mail = bounds.make_mail()
                if not bounds.bounded:
                    self.open_mail = mail
        return mail

    def turn_away(self, envelope: Envelope) -> None:
        """Tell an asker that the actor has stopped; what was told is a dead letter."""
        message, sender, reply = envelope
        if isinstance(message, Internal):
            return
        if reply is None:
            self.system.dead_letter(message, self.path, sender, "the actor has stopped")
        elif not reply.done():
            reply.set_exception(ActorStopped(str(self.path), type(message).__name__))

    def _drop(self, envelope: Envelope, bounds: Bounds) -> None:
        message, sender, reply = envelope
        if isinstance(message, Internal):
            message.dropped(self)
            return
        self.system.dead_letter(message, self.path, sender, f"mailbox full ({bounds.overflow})")
        if reply is not None and not reply.done():
            reply.set_exception(MailboxFull(str(self.path), bounds.capacity))
