"""The ref of an actor on another node: the same verbs, carried by the log."""

import asyncio
from collections.abc import Callable
from typing import Any, NoReturn

from ...actors import (
    ActorRef,
    Address,
    Deadlines,
    Envelope,
    IndirectPort,
    MailboxStatistics,
    Watcher,
)
from ._post import Post
from ._watches import Watches

_UNKNOWN = MailboxStatistics(waiting=0, capacity=None, senders=0, dropped=0)


class RemotePort(IndirectPort):
    """Implements `ActorPort` for a name on another node."""

    __slots__ = ("_at", "_post", "_watches")

    def __init__(self, at: Address, post: Post, watches: Watches, deadlines: Deadlines) -> None:
        super().__init__(at.path, deadlines)
        self._at = at
        self._post = post
        self._watches = watches

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemotePort) and self._at == other._at

    def __hash__(self) -> int:
        return hash(self._at)

    # -- mail -------------------------------------------------------------------

    def deliver(
        self, message: Any, reply: "asyncio.Future[Any] | None", timeout: float | None = None
    ) -> None:
        """Send a message."""
        if reply is None:
            self._post.tell(self._at, message)
        else:
            self._post.ask(self._at, message, reply, timeout)

    def take_in(self, envelope: Envelope) -> None:
        """Send a message on for its sender."""
        message, sender, reply = envelope
        if reply is None:
            self._post.tell(self._at, message, sender)
        else:
            self._post.ask(self._at, message, reply, None, sender)

    async def accept(self, message: Any) -> None:
        """Send a message; return when the log has it."""
        await self._post.send(self._at, message)

    async def accept_envelope(self, envelope: Envelope) -> None:
        """Send a message on for its sender; return when the log has it."""
        self._refuse_asker(envelope)
        await self._post.send(self._at, envelope[0], envelope[1])

    def statistics(self) -> MailboxStatistics:
        """Return nothing: its mailbox is elsewhere."""
        return _UNKNOWN

    # -- its life -----------------------------------------------------------------

    def watched_by(self, watcher: Watcher, ref: ActorRef[Any]) -> None:
        """Tell `watcher` when the actor has stopped, or its node is down."""
        self._watches.begin(self, self._at, watcher, ref)

    def unwatched_by(self, watcher: Watcher) -> None:
        """Take `watched_by` back."""
        self._watches.end(self._at, watcher)

    def when_gone(self, call: Callable[[], None]) -> None:
        """Refuse: what follows an actor's end belongs to its own node."""
        del call
        self._refuse("be registered or subscribed here; it registers with its own node")

    def stop(self, reason: str = "stopped", *, final: bool = False) -> None:
        """Refuse."""
        del reason, final
        self._refuse("be stopped from here; tell it a message on which it stops itself")

    def kill(self, *, final: bool = False) -> None:
        """Refuse."""
        del final
        self._refuse("be killed from here; tell it a message on which it stops itself")

    def _refuse_asker(self, envelope: Envelope) -> None:
        if envelope[2] is not None:
            self._refuse("take an ask that waits for room; forward it without waiting")

    def _refuse(self, what: str) -> NoReturn:
        raise TypeError(f"{self._path} lives on another node and cannot {what}")
