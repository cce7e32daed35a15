"""callboard: actors for asyncio with durable mailboxes on Kafka.

Importing this loads neither aiokafka nor protobuf; a transport does, when the first entity is
reached.
"""

from ._logging import configure_logging
from ._system import ActorSystem
from .actors import (
    Actor,
    ActorFailed,
    ActorRef,
    ActorStopped,
    AskTimeout,
    CallboardError,
    DeadLetter,
    DecodeError,
    Entity,
    EntityRef,
    FailureEvent,
    HandlerError,
    InvalidTransportURL,
    MailboxFull,
    MailboxOptions,
    MessageTooLarge,
    NameTaken,
    NotRunning,
    PartitionLost,
    RestartIntensityExceeded,
    SchemaError,
    Terminated,
    TransportClosed,
    TransportError,
    TransportUnavailable,
    UnknownMessageType,
    handler,
)

__all__ = [
    "Actor",
    "ActorFailed",
    "ActorRef",
    "ActorStopped",
    "ActorSystem",
    "AskTimeout",
    "CallboardError",
    "DeadLetter",
    "DecodeError",
    "Entity",
    "EntityRef",
    "FailureEvent",
    "HandlerError",
    "InvalidTransportURL",
    "MailboxFull",
    "MailboxOptions",
    "MessageTooLarge",
    "NameTaken",
    "NotRunning",
    "PartitionLost",
    "RestartIntensityExceeded",
    "SchemaError",
    "Terminated",
    "TransportClosed",
    "TransportError",
    "TransportUnavailable",
    "UnknownMessageType",
    "configure_logging",
    "handler",
]
