"""A legacy queue as callboard sees it: sessions that give messages, and sessions that take them."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from ...actors import CallboardError


class BridgeError(CallboardError):
    """A legacy broker is not reached, refuses, or has gone. Nothing is lost: it is tried again."""

    retriable = True


@dataclass(slots=True)
class ForeignMessage:
    """A message of a legacy queue that is not acknowledged yet.

    Attributes:
        id: What its sender or its broker calls it; empty if neither does.
        body: Its bytes.
        headers: All that came with it, by the names of the page on its broker.
        token: What its session needs to acknowledge it.
    """

    id: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    token: Any = None

    @property
    def size(self) -> int:
        """About how many bytes it has: its body, id and headers."""
        named = sum([len(name) + len(value) for name, value in self.headers.items()])
        return len(self.body) + len(self.id) + named


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message on its way into a legacy queue.

    Attributes:
        id: By which whoever takes it knows it again.
        body: Its bytes.
        headers: What goes with it, by the names of the page on its broker.
        to: The queue that somebody named to be answered in; empty for the one that is declared.
        expires: Seconds after which nobody wants it any more; None for never.
    """

    id: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    to: str = ""
    expires: float | None = None


class Session(Protocol):
    """A connection that consumes one queue."""

    async def take(self, most: int) -> Sequence[ForeignMessage]:
        """Return what has come, at least one message; waits as long as that takes.

        It is called while those that were taken before are written and acknowledged.

        Raises:
            BridgeError: The connection or the queue has gone, or the broker gives nothing although
                there is something.
        """
        ...

    async def acknowledge(self, messages: Sequence[ForeignMessage]) -> None:
        """Have the broker forget messages: what one `take` gave, in the order of the takes.

        Raises:
            BridgeError: The connection has gone; they come again.
        """
        ...

    async def set_aside(self, message: ForeignMessage) -> str:
        """Keep a message on the legacy side that Kafka cannot take; return where.

        Raises:
            BridgeError: It could not be kept.
        """
        ...


class Source(Protocol):
    """A legacy queue, as it is declared."""

    @property
    def label(self) -> str:
        """Broker and queue, without secrets."""
        ...

    @property
    def queue_name(self) -> str:
        """The queue alone."""
        ...

    def session(self) -> AbstractAsyncContextManager[Session]:
        """Connect, within a deadline, and consume.

        Raises:
            BridgeError: The broker does not answer or refuses, or the queue is not there.
        """
        ...

    async def look(self, count: int) -> Sequence[ForeignMessage]:
        """Return the first messages that a session would be given, and leave them to the queue.

        Raises:
            BridgeError: As for `session`.
        """
        ...


class Sending(Protocol):
    """A connection that writes into one queue, and into those of answers."""

    async def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[OutgoingMessage]:
        """Have the broker keep messages, in their order.

        Returns:
            Answers that nobody takes any more: their queue has gone.

        Raises:
            BridgeError: Not all are known to be kept.
            SchemaError: The broker has no such message.
        """
        ...


class Dialogue(Sending, Protocol):
    """A connection that asks, and has a place of its own for answers."""

    @property
    def reply_to(self) -> str:
        """Where answers are to be sent."""
        ...

    async def take(self) -> Sequence[ForeignMessage]:
        """Return answers that have come, at least one; waits as long as that takes.

        Raises:
            BridgeError: The connection has gone.
        """
        ...


class Destination(Protocol):
    """A legacy queue that is written to, as it is declared."""

    @property
    def label(self) -> str:
        """Broker and queue, without secrets."""
        ...

    @property
    def queue_name(self) -> str:
        """The queue alone."""
        ...

    def sending(self) -> AbstractAsyncContextManager[Sending]:
        """Connect, within a deadline, to write.

        Raises:
            BridgeError: The broker does not answer or refuses, or the queue is not there.
        """
        ...

    def dialogue(self) -> AbstractAsyncContextManager[Dialogue]:
        """Connect, within a deadline, to ask.

        Raises:
            BridgeError: As for `sending`.
        """
        ...


def check_url(url: str, schemes: Sequence[str], expected: str) -> None:
    """Refuse a URL that leads to no broker of a kind; what is shown of it has no secret.

    Raises:
        ValueError: Says what was expected.
    """
    parts = urlsplit(url)
    if parts.scheme not in schemes or not parts.hostname:
        shown = f"{parts.scheme}://{parts.hostname or ''}" if parts.scheme else "no URL"
        raise ValueError(f"got {shown}; expected {expected}")


def label_of(kind: str, url: str, name: str) -> str:
    """Return broker and queue of a URL, without its secrets."""
    parts = urlsplit(url)
    host = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
    return f"{kind}://{host}{parts.path.rstrip('/')}/{name}"
