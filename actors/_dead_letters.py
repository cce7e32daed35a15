"""Reports messages nobody could take: counted and published all, logged few."""

from typing import Any

import structlog

from ._events import EventStream
from ._messages import DeadLetter
from ._path import ActorPath
from ._ref import Recipient
from ._runtime import Counters

# Lines logged within one window, and its length in seconds.
_LINES = 5
_WINDOW = 10.0


class DeadLetters:
    """Counts, publishes and logs dead letters.

    At most 5 lines are logged in 10 seconds; the first line after that says how many were left out.
    """

    def __init__(self, events: EventStream, counters: Counters) -> None:
        self._events = events
        self._counters = counters
        self._log = structlog.get_logger("callboard.dead_letters")
        self._since = float("-inf")
        self._lines = 0
        self._silent = 0

    def report(
        self,
        message: object,
        recipient: ActorPath,
        sender: Recipient[Any] | None,
        reason: str,
        *,
        now: float,
    ) -> None:
        """Report one, `now` being any clock that goes forward."""
        self._counters.dead_letters += 1
        if now - self._since >= _WINDOW:
            self._since, self._lines = now, 0
        if self._lines < _LINES:
            self._lines += 1
            fields: dict[str, Any] = {}
            if self._silent:
                fields["not_logged_before"] = self._silent
                self._silent = 0
            self._log.warning(
                "dead letter",
                message=type(message).__name__,
                recipient=str(recipient),
                sender=None if sender is None else str(sender.path),
                reason=reason,
                **fields,
            )
        else:
            self._silent += 1
        self._events.publish(DeadLetter(message, recipient, sender, reason))
