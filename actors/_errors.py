# ruff: noqa: N818 - the names are fixed by the design, and say the fact rather than "Error"
"""Every exception callboard raises, as one tree.

```text
CallboardError                        .retriable: ClassVar[bool]
├── AskTimeout (TimeoutError)         no reply in time; the work may still happen
├── MailboxFull                       a bounded mailbox had no room
├── NameTaken (ValueError)            a living sibling has the name
├── ActorStopped                      the target is gone
├── ActorFailed                       the target crashed on the asked message
├── AskCycle                          actors that wait for each other's answers
├── UnexpectedReply (TypeError)       the answer is of another class than the asker said
├── StashFull                         an actor put more aside than its stash holds
├── BulkheadFull                      too much blocking work waits for its pool
├── ChildExited                       a child ended that its spec wants back
├── RestartIntensityExceeded          too many restarts in too little time
├── NotRunning                        a verb was used outside `async with system`
├── HandlerError (TypeError)          an actor or entity class is declared wrongly
├── TransportError                    the world failed
│   ├── TransportClosed               your code closed it
│   ├── TransportUnavailable          nobody answers there; retriable
│   └── PartitionLost                 another node owns the partition now; retriable
├── OutboxError                       an outbox's database does not answer; retriable
├── InvalidTransportURL (ValueError)  the transport's address cannot be read
└── SchemaError                       bytes or types we cannot read
    ├── UnknownMessageType            the type is not registered
    ├── DecodeError                   the bytes are not that type
    └── MessageTooLarge               over the limit
```

`retriable` says whether doing the same thing again, later, can succeed without anybody changing
code or configuration. It does not say that the first attempt had no effect: each docstring does.
"""

from collections.abc import Sequence
from typing import ClassVar


class CallboardError(Exception):
    """The root of every error callboard raises on purpose."""

    retriable: ClassVar[bool] = False


class AskTimeout(CallboardError, TimeoutError):
    """No reply arrived before the deadline of an `ask`.

    The target may be slow, overloaded, or may have answered a moment too late: the work may have
    happened or may still happen. Ask again only if the message may be handled twice.

    Attributes:
        target: path of the actor or entity that was asked.
        message_type: name of the message's class.
        seconds: the timeout that passed.
    """

    retriable: ClassVar[bool] = True

    def __init__(self, target: str, message_type: str, seconds: float) -> None:
        super().__init__(
            f"{target} did not answer {message_type} within {seconds:g} s. It may still be "
            "handled: "
            "ask again only if handling it twice does no harm, or give a longer timeout."
        )
        self.target = target
        self.message_type = message_type
        self.seconds = seconds


class MailboxFull(CallboardError):
    """A bounded mailbox had no room, and its overflow policy refuses rather than waits.

    The message was not enqueued: sending it again later is safe.

    Attributes:
        target: path of the actor.
        capacity: how many messages its mailbox holds.
    """

    retriable: ClassVar[bool] = True

    def __init__(self, target: str, capacity: int) -> None:
        super().__init__(
            f"the mailbox of {target} holds {capacity} messages and is full. Send later, or give "
            "it "
            'MailboxOptions(capacity=..., overflow="wait") so that `await ref.send(...)` waits.'
        )
        self.target = target
        self.capacity = capacity


class NameTaken(CallboardError, ValueError):
    """A living sibling already has the name given to `spawn`.

    The name is free again when that actor has stopped, not when it was asked to.
    """

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} is alive already. Choose another name, leave `name` out to have one made, or "
            "wait "
            "for its Terminated before the name is used again."
        )
        self.path = path


class ActorStopped(CallboardError):
    """The target of a `send` or `ask` is gone; a `tell` to it becomes a dead letter instead.

    A message in its mailbox when it stopped was not handled. One in hand when it was killed may
    have been handled in part.
    """

    def __init__(self, target: str, message_type: str) -> None:
        super().__init__(
            f"{target} has stopped and takes no {message_type}. Watch it to be told when it stops, "
            "or "
            "spawn it again and use the new ref."
        )
        self.target = target
        self.message_type = message_type


class ActorFailed(CallboardError):
    """The actor or entity that was asked crashed on the message.

    What it did before it crashed has been done. The exception is `__cause__` when it happened in
    this process; from another node only its type and sentence arrive.

    Attributes:
        target: path of the one asked.
        error_type: class name of its exception.
        error_message: the exception as text.
    """

    def __init__(self, target: str, error_type: str, error_message: str) -> None:
        super().__init__(f"{target} failed on this message with {error_type}: {error_message}")
        self.target = target
        self.error_type = error_type
        self.error_message = error_message


class AskCycle(CallboardError):
    """An actor asked one that is waiting, directly or through others, for its own answer.

    None of them could ever answer, so this is raised at once and not when the time is over. It is
    seen when each of them awaits its `ask` in the handler itself, not in a task of its own.

    Attributes:
        cycle: paths of those who wait, from the one that asked last.
    """

    def __init__(self, cycle: Sequence[str]) -> None:
        super().__init__(
            f"{' asks '.join((*cycle, cycle[0]))}, and each waits for the answer in its handler. "
            "Let one of them tell instead, or use context.pipe_to_self to wait outside the handler."
        )
        self.cycle: tuple[str, ...] = tuple(cycle)


class UnexpectedReply(CallboardError, TypeError):
    """An `ask` said which class its answer has, and the answer has another one.

    The message was handled.

    Attributes:
        target: path of the one asked.
        expected: name of the class.
        reply: what came.
    """

    def __init__(self, target: str, expected: str, reply: object) -> None:
        super().__init__(
            f"{target} answered with {type(reply).__name__}, and the asker expected {expected}. "
            "Return it from the handler, or ask with another reply_type."
        )
        self.target = target
        self.expected = expected
        self.reply = reply


class StashFull(CallboardError):
    """An actor put one message more aside than its stash holds; it fails with that message in hand.

    Attributes:
        path: the actor.
        capacity: how many its stash holds.
    """

    def __init__(self, path: str, capacity: int) -> None:
        super().__init__(
            f"the stash of {path} holds {capacity} messages and is full. Unstash earlier, or set "
            "`stash_capacity` in its class."
        )
        self.path = path
        self.capacity = capacity


class BulkheadFull(CallboardError):
    """A blocking handler found its pool busy and as many others waiting for it as it admits.

    Attributes:
        name: the bulkhead.
        waiting: how many calls wait for it.
    """

    retriable: ClassVar[bool] = True

    def __init__(self, name: str, waiting: int) -> None:
        super().__init__(
            f"the bulkhead {name!r} has {waiting} calls waiting and takes no more. Try again "
            "later, or give it more workers or a longer queue."
        )
        self.name = name
        self.waiting = waiting


class ChildExited(CallboardError):
    """A child stopped or was killed, and its spec wants it back: what its supervisor decides about.

    Attributes:
        path: the child.
        reason: "stopped", "killed" or "linked: ...".
        kind: what its spec says: permanent or transient.
    """

    def __init__(self, path: str, reason: str, kind: str) -> None:
        super().__init__(f"{path} ended ({reason}) and is {kind}")
        self.path = path
        self.reason = reason
        self.kind = kind


class RestartIntensityExceeded(CallboardError):
    """A supervisor restarted its children more often than its strategy allows, and gives up itself.

    Its own parent decides what happens next; at the root the system stops.

    Attributes:
        cause: the failure that was one too many.
        history: loop times, in seconds, of the restarts within the window.
    """

    def __init__(
        self, max_restarts: int, within: float, cause: BaseException, history: Sequence[float]
    ) -> None:
        super().__init__(
            f"more than {max_restarts} restarts within {within:g} s; the last failure was "
            f"{type(cause).__name__}: {cause}"
        )
        self.__cause__ = cause
        self.cause: BaseException = cause
        self.history: tuple[float, ...] = tuple(history)


class NotRunning(CallboardError):
    """A verb was used before `async with system` was entered or after it was left.

    Your code's fault.
    """


class HandlerError(CallboardError, TypeError):
    """An actor or entity class is declared wrongly; raised by the `class` statement.

    Your code's fault.
    """


class TransportError(CallboardError):
    """Something between nodes failed, or between a node and Kafka."""


class NodeUnreachable(TransportError):
    """The node of an actor is not there: it has stopped, is down, or was never heard of.

    What it had been sent before may have been handled.

    Attributes:
        node: its name.
    """

    retriable: ClassVar[bool] = True

    def __init__(self, target: str, node: str, reason: str) -> None:
        super().__init__(
            f"{target} is not reached: {reason}. Watch it, or subscribe to NodeUp, to know when "
            "to try again; an entity is reached on whichever node lives."
        )
        self.node = node


class TransportClosed(TransportError):
    """The transport was used after it was closed, as at the end of `async with system`."""


class TransportUnavailable(TransportError):
    """Nobody answers where the transport's URL points.

    What was sent meanwhile may or may not arrive.
    """

    retriable: ClassVar[bool] = True


class PartitionLost(TransportError):
    """This node no longer owns the entity's partition; its new owner handles the message again."""

    retriable: ClassVar[bool] = True


class OutboxError(CallboardError):
    """The database of an outbox does not answer, or refuses. What stands in it stays there."""

    retriable: ClassVar[bool] = True


class InvalidTransportURL(CallboardError, ValueError):
    """The transport's URL cannot be understood; the sentence says which part and what to write."""


class SchemaError(CallboardError):
    """Bytes that cannot be read, or a message type that cannot be written.

    Sending again changes nothing.
    """


class UnknownMessageType(SchemaError):
    """A message names a type that this process has not registered."""


class DecodeError(SchemaError):
    """The bytes are not a message of the type their header names."""


class MessageTooLarge(SchemaError):
    """The encoded message is larger than the transport takes."""


def text_of(error: BaseException) -> str:
    """Return an exception's text, also of one whose `__str__` fails."""
    try:
        return str(error)
    except Exception as trouble:  # noqa: BLE001 - it is the user's code, met while reporting a failure
        return f"(its text cannot be had: {type(trouble).__name__})"


def failed(error: BaseException) -> str:
    """Return the reason of an end by a failure."""
    return f"failed: {type(error).__name__}: {text_of(error)}"
