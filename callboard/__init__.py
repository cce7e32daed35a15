"""callboard: actors for asyncio with durable mailboxes on Kafka.

Importing this loads neither aiokafka nor protobuf; a transport does, when the first entity is
reached. So the names that need them, those of consumers and publishers, are loaded when they are
first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from ._logging import configure_logging
from ._system import ActorSystem
from .actors import (
    Accepts,
    Actor,
    ActorContext,
    ActorFailed,
    ActorRef,
    ActorStopped,
    AddRoutee,
    AskCycle,
    AskTimeout,
    Broadcast,
    Bulkhead,
    BulkheadFull,
    CallboardError,
    ChildExited,
    ConsistentHashing,
    DeadLetter,
    DecodeError,
    DeferredReply,
    Entity,
    EntityRef,
    FailureEvent,
    HandlerError,
    InvalidTransportURL,
    LeastMail,
    Listing,
    LoopBlocked,
    MailboxFull,
    MailboxOptions,
    MessageTooLarge,
    NameTaken,
    NodeDown,
    NodeLeaving,
    NodeUnreachable,
    NodeUp,
    NotRunning,
    OutboxError,
    PartitionLost,
    Pool,
    ReceiveTimeout,
    RemoveRoutee,
    Resize,
    RestartIntensityExceeded,
    RoundRobin,
    Routees,
    Router,
    SchemaError,
    ServiceKey,
    ShutdownOverrun,
    StashFull,
    Terminated,
    TransportClosed,
    TransportError,
    TransportUnavailable,
    TreeNode,
    UnexpectedReply,
    UnknownMessageType,
    actor,
    blocking,
    blocking_cancelled,
    handler,
    send_all,
)

if TYPE_CHECKING:
    from .transport import Publisher
    from .transport.bridges import (
        ActiveMQ,
        BridgeError,
        BridgeOptions,
        RabbitMQ,
        RedisStreams,
    )
    from .transport.consumers import (
        ConsumerContext,
        ConsumerOptions,
        ConsumerRecord,
        Quarantine,
        Retry,
        Skip,
        compose,
    )
    from .transport.outlets import Outlet

__all__ = [
    "Accepts",
    "ActiveMQ",
    "Actor",
    "ActorContext",
    "ActorFailed",
    "ActorRef",
    "ActorStopped",
    "ActorSystem",
    "AddRoutee",
    "AskCycle",
    "AskTimeout",
    "BridgeError",
    "BridgeOptions",
    "Broadcast",
    "Bulkhead",
    "BulkheadFull",
    "CallboardError",
    "ChildExited",
    "ConsistentHashing",
    "ConsumerContext",
    "ConsumerOptions",
    "ConsumerRecord",
    "DeadLetter",
    "DecodeError",
    "DeferredReply",
    "Entity",
    "EntityRef",
    "FailureEvent",
    "HandlerError",
    "InvalidTransportURL",
    "LeastMail",
    "Listing",
    "LoopBlocked",
    "MailboxFull",
    "MailboxOptions",
    "MessageTooLarge",
    "NameTaken",
    "NodeDown",
    "NodeLeaving",
    "NodeUnreachable",
    "NodeUp",
    "NotRunning",
    "OutboxError",
    "Outlet",
    "PartitionLost",
    "Pool",
    "Publisher",
    "Quarantine",
    "RabbitMQ",
    "ReceiveTimeout",
    "RedisStreams",
    "RemoveRoutee",
    "Resize",
    "RestartIntensityExceeded",
    "Retry",
    "RoundRobin",
    "Routees",
    "Router",
    "SchemaError",
    "ServiceKey",
    "ShutdownOverrun",
    "Skip",
    "StashFull",
    "Terminated",
    "TransportClosed",
    "TransportError",
    "TransportUnavailable",
    "TreeNode",
    "UnexpectedReply",
    "UnknownMessageType",
    "actor",
    "blocking",
    "blocking_cancelled",
    "compose",
    "configure_logging",
    "handler",
    "send_all",
]

_LATER = {
    "ActiveMQ": ".transport.bridges",
    "BridgeError": ".transport.bridges",
    "BridgeOptions": ".transport.bridges",
    "ConsumerContext": ".transport.consumers",
    "ConsumerOptions": ".transport.consumers",
    "ConsumerRecord": ".transport.consumers",
    "Outlet": ".transport.outlets",
    "Publisher": ".transport",
    "Quarantine": ".transport.consumers",
    "RabbitMQ": ".transport.bridges",
    "RedisStreams": ".transport.bridges",
    "Retry": ".transport.consumers",
    "Skip": ".transport.consumers",
    "compose": ".transport.consumers",
}


def __getattr__(name: str) -> Any:
    """Load a name that needs more than the actor core."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_LATER[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
