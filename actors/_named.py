"""Refs made of an address on this node: they name a place, not one actor."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from ._address import address_on
from ._ask import Deadlines
from ._errors import ActorStopped
from ._indirect import IndirectPort
from ._mailbox import Envelope, MailboxStatistics
from ._messages import Terminated
from ._path import ActorPath
from ._ref import ActorPort, ActorRef, Recipient, port_of
from ._runnable import CURRENT
from ._watchable import Watcher

_EMPTY = MailboxStatistics(waiting=0, capacity=None, senders=0, dropped=0)


class Places(Protocol):
    """The system, as those see it who look for an actor by its name."""

    @property
    def node(self) -> str: ...
    @property
    def deadlines(self) -> Deadlines: ...
    def find(self, path: str) -> ActorRef[Any] | None: ...
    def dead_letter(
        self, message: object, recipient: ActorPath, sender: Recipient[Any] | None, reason: str
    ) -> None: ...


class NamedPort(IndirectPort):
    """Whoever lives under a name when a message comes; nobody is an actor that has stopped."""

    __slots__ = ("_system",)

    def __init__(self, system: Places, path: ActorPath) -> None:
        super().__init__(path, system.deadlines)
        self._system = system

    @property
    def address(self) -> str:
        """What it is called on other nodes."""
        return address_on(self._path, self._system.node)

    def living(self) -> ActorPort | None:
        """Return who lives there now."""
        ref = self._system.find("/".join(self._path.segments[1:]))
        return None if ref is None else port_of(ref)

    def watched_by(self, watcher: Watcher, ref: ActorRef[Any]) -> None:
        """Say that nobody is there; who is there is watched instead of the name."""
        watcher.notice(self, Terminated(ref, "stopped"))

    def when_gone(self, call: Callable[[], None]) -> None:
        """Have `call` made when who lives there now has stopped; now if nobody does."""
        port = self.living()
        if port is None:
            call()
        else:
            port.when_gone(call)

    def stop(self, reason: str = "stopped", *, final: bool = False) -> None:
        """Stop who lives there."""
        port = self.living()
        if port is not None:
            port.stop(reason, final=final)

    def kill(self, *, final: bool = False) -> None:
        """Kill who lives there."""
        port = self.living()
        if port is not None:
            port.kill(final=final)

    def asked_by(self, asker: object, reply: "asyncio.Future[Any]") -> Callable[[], object] | None:
        """Note who waits for an answer."""
        port = self.living()
        return None if port is None else port.asked_by(asker, reply)

    def deliver(
        self, message: Any, reply: "asyncio.Future[Any] | None", timeout: float | None = None
    ) -> None:
        """Give a message to who lives there."""
        del timeout  # the asker keeps it
        self.take_in((message, CURRENT.get(), reply))

    def take_in(self, envelope: Envelope) -> None:
        """Give an envelope to who lives there."""
        port = self.living()
        if port is not None:
            port.take_in(envelope)
            return
        message, sender, reply = envelope
        if reply is None:
            self._system.dead_letter(message, self.path, sender, "no actor has that name")
        elif not reply.done():
            reply.set_exception(self._stopped(message))

    async def accept(self, message: Any) -> None:
        """Give a message to who lives there, waiting for room."""
        await self.accept_envelope((message, CURRENT.get(), None))

    async def accept_envelope(self, envelope: Envelope) -> None:
        """Give an envelope to who lives there, waiting for room."""
        port = self.living()
        if port is None:
            raise self._stopped(envelope[0])
        await port.accept_envelope(envelope)

    def statistics(self) -> MailboxStatistics:
        """Return how full the mailbox of who lives there is."""
        port = self.living()
        return _EMPTY if port is None else port.statistics()

    def _stopped(self, message: object) -> ActorStopped:
        return ActorStopped(str(self.path), type(message).__name__)
