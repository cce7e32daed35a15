"""The actor core: addresses, mailboxes, the dispatcher, and the life of one actor.

Knows neither Kafka nor protobuf, and imports the standard library and structlog alone. What it
needs of the outside, it asks for through `Transport`, `EntityPort`, `SupervisionStrategy` and
`MessagePolicy`.
"""

from ._actor import Actor
from ._ask import Deadlines
from ._context import ActorContext, EntityContext
from ._dispatcher import Dispatcher, DispatcherStatistics, Runnable, current_sender
from ._entity import Entity
from ._errors import (
    ActorFailed,
    ActorStopped,
    AskTimeout,
    CallboardError,
    DecodeError,
    HandlerError,
    InvalidTransportURL,
    MailboxFull,
    MessageTooLarge,
    NameTaken,
    NotRunning,
    PartitionLost,
    RestartIntensityExceeded,
    SchemaError,
    TransportClosed,
    TransportError,
    TransportUnavailable,
    UnknownMessageType,
)
from ._events import EventStream
from ._failure import (
    Decision,
    Escalate,
    Failure,
    FailureEvent,
    Fate,
    Quarantine,
    Restart,
    Resume,
    Retry,
    Skip,
    Stop,
)
from ._handlers import HandlerTable, handler
from ._mailbox import MailboxOptions, MailboxStatistics, Overflow
from ._messages import DeadLetter, Terminated
from ._path import ActorPath
from ._policies import MessagePolicy, SupervisionStrategy
from ._ports import Transport
from ._ref import ActorRef, EntityPort, EntityRef, Recipient
from ._runtime import Counters, System
from ._system import ActorSystem, SystemStatistics

__all__ = [
    "Actor",
    "ActorContext",
    "ActorFailed",
    "ActorPath",
    "ActorRef",
    "ActorStopped",
    "ActorSystem",
    "AskTimeout",
    "CallboardError",
    "Counters",
    "DeadLetter",
    "Deadlines",
    "Decision",
    "DecodeError",
    "Dispatcher",
    "DispatcherStatistics",
    "Entity",
    "EntityContext",
    "EntityPort",
    "EntityRef",
    "Escalate",
    "EventStream",
    "Failure",
    "FailureEvent",
    "Fate",
    "HandlerError",
    "HandlerTable",
    "InvalidTransportURL",
    "MailboxFull",
    "MailboxOptions",
    "MailboxStatistics",
    "MessagePolicy",
    "MessageTooLarge",
    "NameTaken",
    "NotRunning",
    "Overflow",
    "PartitionLost",
    "Quarantine",
    "Recipient",
    "Restart",
    "RestartIntensityExceeded",
    "Resume",
    "Retry",
    "Runnable",
    "SchemaError",
    "Skip",
    "Stop",
    "SupervisionStrategy",
    "System",
    "SystemStatistics",
    "Terminated",
    "Transport",
    "TransportClosed",
    "TransportError",
    "TransportUnavailable",
    "UnknownMessageType",
    "current_sender",
    "handler",
]
