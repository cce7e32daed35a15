# ruff: noqa: N818 - the names are fixed by the design, and say the fact rather than "Error"
"""Every exception callboard raises, as one tree.

```text
CallboardError                        .retriable: ClassVar[bool]
├── AskTimeout (TimeoutError)         no reply in time; the work may still happen
├── MailboxFull                       a bounded mailbox had no room
├── NameTaken (ValueError)            a living sibling has the name
├── ActorStopped                      the target is gone
├── ActorFailed                       the target crashed on the asked message
├── RestartIntensityExceeded          too many restarts in too little time
├── NotRunning                        a verb was used outside `async with system`
├── HandlerError (TypeError)          an actor or entity class is declared wrongly
├── TransportError                    the world failed
│   ├── TransportClosed               your code closed it
│   ├── TransportUnavailable          nobody answers there; retriable
│   └── PartitionLost                 another node owns the partition now; retriable
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
