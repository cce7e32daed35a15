"""Crashes and what is decided about them, as plain frozen values.

Two kinds of decision share this file. A supervisor decides about an in-memory *actor* (`Decision`);
a message policy decides about an entity's *message* (`Fate`). Both are pure: whoever asks for the
decision carries it out.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ._path import ActorPath

# How a child came to stand still: it crashed, it stopped by itself, or it was killed from outside.
Ending: TypeAlias = Literal["failed", "stopped", "killed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Everything a supervision strategy may look at.

    Attributes:
        error: what was raised.
        message: the message in hand, or None when there was none (as in `started`).
        path: the child that failed.
        now: loop time of the failure, in seconds.
        uniform: a random number in [0, 1), for jitter.
        restarts: how often this child was restarted in a row.
        uptime: seconds since the child last got running; 0.0 if it failed while starting.
        history: loop times of this supervisor's recent restarts, all children together.
        ending: whether it crashed, or ended otherwise although its spec wants it back.
        kind: "permanent", "transient" or "temporary", as its spec says; children that were spawned
            without one are transient.
    """

    error: BaseException
    message: object = None
    path: ActorPath
    now: float
    uniform: float = 0.0
    restarts: int = 0
    uptime: float = 0.0
    history: tuple[float, ...] = ()
    ending: Ending = "failed"
    kind: Literal["permanent", "transient", "temporary"] = "transient"


@dataclass(frozen=True, slots=True)
class Restart:
    """Replace the instance after `delay` seconds; ref and mailbox stay.

    Attributes:
        delay: seconds between the end of the old instance and the start of the new one.
        attempt: 1 for the first restart of a row.
        history: the supervisor's history with this restart added.
    """

    delay: float = 0.0
    attempt: int = 1
    history: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Resume:
    """Keep the instance and go on with the next message. After a failed start: restart at once."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End the child; its mail becomes dead letters."""


@dataclass(frozen=True, slots=True)
class Escalate:
    """The supervisor itself fails, with `error` if given, else the child's; its parent decides."""

    error: BaseException | None = None


Decision: TypeAlias = Restart | Resume | Stop | Escalate


@dataclass(frozen=True, slots=True)
class Retry:
    """Handle the message again `after` so many seconds; later mail of the same entity waits."""

    after: float


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Park the message; later mail of the same entity waits behind it, all others flow on."""


@dataclass(frozen=True, slots=True)
class Skip:
    """Drop the message and go on."""


Fate: TypeAlias = Retry | Quarantine | Skip | Escalate


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureEvent:
    """A crash as an event: published on the system's event stream.

    A path that fails more than 20 times in 10 seconds gets no more events in that time, except one
    at its end that says in `suppressed` how many there were.

    Attributes:
        at: seconds since the epoch.
        node: the node it happened on.
        path: as text, e.g. `callboard://flights/Aircraft/N14228`.
        message_type: class of the message in hand; "" when there was none.
        message_id: "" when there was none.
        error_type: class of the exception.
        error: the exception as text, cut to 500 characters.
        traceback: cut to its last 4,000 characters, where the cause is.
        decision: restart, resume, stop, escalate, retry, quarantine or skip.
        attempt: 1 for the first failure of this message, or the number of the restart.
        delay: seconds until the restart or retry.
        suppressed: crashes of the same path since its last event that got no event of their own,
            because there were too many; they are counted all the same.
    """

    at: float
    node: str
    path: str
    message_type: str
    message_id: str
    error_type: str
    error: str
    traceback: str
    decision: str
    attempt: int
    delay: float
    suppressed: int = 0
