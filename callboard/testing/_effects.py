"""What an actor did, as data: the effects that an ActorKit records, in order."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Told:
    """A message was sent, by tell, forward or an ask that the test answered."""

    to: str
    message: object


@dataclass(frozen=True, slots=True)
class Spawned:
    """A child was spawned; it is a name, not an actor that runs."""

    actor: type[Any]
    args: tuple[Any, ...]
    name: str
    kwargs: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Stopped:
    """A child was stopped or killed, or the actor itself."""

    path: str
    how: str


@dataclass(frozen=True, slots=True)
class Watched:
    """Another was watched, unwatched, linked or unlinked."""

    path: str
    how: str


@dataclass(frozen=True, slots=True)
class TimerStarted:
    """A timer was started; nothing fires it but the test, by handing the message over."""

    key: object
    delay: float
    message: object
    interval: float | None


@dataclass(frozen=True, slots=True)
class TimerCancelled:
    """A timer was cancelled."""

    key: object


@dataclass(frozen=True, slots=True)
class ReceiveTimeoutSet:
    """A receive timeout was set, or ended with None."""

    seconds: float | None
    message: object = None


@dataclass(frozen=True, slots=True)
class Became:
    """Other methods handle messages from now on; none of them: `unbecome`."""

    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stashed:
    """The message in hand was put aside."""

    message: object


@dataclass(frozen=True, slots=True)
class Unstashed:
    """So many messages came back; the kit's `run` hands them over when told to."""

    messages: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Piped:
    """A coroutine was piped to self. The test closes it, or runs it by itself."""

    coroutine: Coroutine[Any, Any, Any]
    on_success: Callable[[Any], object]
    on_failure: Callable[[BaseException], object] | None
    timeout: float | None


@dataclass(frozen=True, slots=True)
class Answered:
    """A deferred reply was given; an exception is a failure."""

    result: object


@dataclass(frozen=True, slots=True)
class Unhandled:
    """No handler took the message."""

    message: object
