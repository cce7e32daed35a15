"""What happened in a run, in order, with a hash that tells whether two runs were the same."""

import hashlib
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

_KEPT = 20_000


class Event(NamedTuple):
    """Something that happened.

    Attributes:
        at: Virtual seconds since the run began.
        host: Where.
        kind: What, in a word.
        detail: More about it.
    """

    at: float
    host: str
    kind: str
    detail: str

    def __str__(self) -> str:
        return f"{self.at:12.6f}  {self.host:<14} {self.kind:<10} {self.detail}".rstrip()


class Trace:
    """Everything that happened. All of it counts for the digest; the last of it is kept."""

    def __init__(self) -> None:
        self._clock: Callable[[], float] = float
        self._hash = hashlib.blake2b(digest_size=16)
        self._events: deque[Event] = deque(maxlen=_KEPT)
        self._open = True
        self.count = 0
        """How many events there were."""

    def add(self, host: str, kind: str, detail: str) -> None:
        """Take note of something."""
        if not self._open:
            return
        event = Event(self._clock(), host, kind, detail)
        self._hash.update(f"{event.at:.9f} {host} {kind} {detail}\n".encode())
        self._events.append(event)
        self.count += 1

    def log(self, host: str, level: str, text: str) -> None:
        """Keep a line that was logged. It does not count: it may name places in memory."""
        if self._open:
            self._events.append(Event(self._clock(), host, level, text))

    def open(self, clock: Callable[[], float]) -> None:
        """Go by a clock from now on: virtual seconds."""
        self._clock = clock

    def close(self) -> None:
        """Take note of nothing more: the run is over."""
        self._open = False
        self._clock = float  # let go of the loop, and all that hangs on it

    def unhandled(self, _: object, context: dict[str, Any]) -> None:
        """Keep what a loop tells of errors that nobody dealt with."""
        error = context.get("exception")
        self.log("loop", "unhandled", f"{context.get('message')} {error!r}")

    def bytes(self, host: str, port: int, source: str, data: bytes) -> None:
        """Take note of bytes that arrived: all of them count, their number is shown."""
        self._hash.update(f"{self._clock():.9f} {host} {port} {source}\n".encode())
        self._hash.update(data)
        self._events.append(Event(self._clock(), host, "received", f"{len(data)} from {source}"))
        self.count += 1

    @property
    def digest(self) -> str:
        """A hash of everything that happened so far, to the byte."""
        return self._hash.hexdigest()

    def events(self) -> list[Event]:
        """Return the events that are kept, oldest first."""
        return list(self._events)

    def render(
        self, *, last: int = 60, hosts: set[str] | None = None, traffic: bool = False
    ) -> str:
        """Return the last events, one a line.

        Args:
            last: How many.
            hosts: Of these alone.
            traffic: Whether to show what arrived, too.
        """
        shown = [
            str(event)
            for event in self._events
            if (hosts is None or event.host in hosts) and (traffic or event.kind != "received")
        ]
        return "\n".join(shown[-last:])
