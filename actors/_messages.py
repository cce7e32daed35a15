"""Messages and events the system itself sends."""

from dataclasses import dataclass
from typing import Any

from ._nodes import NodeDown
from ._path import ActorPath
from ._ref import ActorRef, Recipient


@dataclass(frozen=True, slots=True)
class Terminated:
    """Given to an actor when one that it watches has stopped, ahead of its other mail.

    Take it with a handler like any message: `def gone(self, message: Terminated) -> None`. Restarts
    are not reported. What the stopped actor sent earlier may still be in the mailbox and come after
    it.

    Attributes:
        ref: the one that stopped; equal to the ref that was watched.
        reason: "stopped", "killed", "failed: ValueError: ...", "linked: ..." with what the linked
            actor ended of, or "NodeDown: ..." with what is known of its node.
        node_down: what became of its node, if that is why; the actor may still be alive there.
    """

    ref: ActorRef[Any]
    reason: str
    node_down: NodeDown | None = None


@dataclass(frozen=True, slots=True)
class ReceiveTimeout:
    """Given to an actor that got no message for as long as it said in `set_receive_timeout`."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message nobody could take; published on the event stream.

    Attributes:
        message: what was sent.
        recipient: where it was to go.
        sender: who sent it, or None for code outside actors.
        reason: why nobody took it.
    """

    message: object
    recipient: ActorPath
    sender: Recipient[Any] | None
    reason: str


@dataclass(frozen=True, slots=True)
class ShutdownOverrun:
    """An actor did not stop in time; published on the event stream.

    Attributes:
        path: the actor.
        seconds: how long it had.
        outcome: "killed": its handler was cancelled; "abandoned": the handler did not end even so,
            and goes on without an actor.
    """

    path: ActorPath
    seconds: float
    outcome: str
