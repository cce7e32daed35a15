"""The actor core: addresses, mailboxes, the dispatcher, and the life of one actor.

Knows neither Kafka nor protobuf, and imports the standard library and structlog alone. What it
needs of the outside, it asks for through `Transport`, `EntityPort`, `SupervisionStrategy` and
`MessagePolicy`.
"""

from ._actor import Actor
from ._address import SINGLETONS, Address, address_on
from ._ask import Deadlines
from ._blocking import Bulkhead, BulkheadStatistics, blocking, blocking_cancelled
from ._context import ActorContext
from ._dispatcher import Dispatcher
from ._entity import Entity
from ._entity_context import EntityContext
from ._errors import (
    ActorFailed,
    ActorStopped,
    AskCycle,
    AskTimeout,
    BulkheadFull,
    CallboardError,
    ChildExited,
    DecodeError,
    HandlerError,
    InvalidTransportURL,
    MailboxFull,
    MessageTooLarge,
    NameTaken,
    NodeUnreachable,
    NotRunning,
    OutboxError,
    PartitionLost,
    RestartIntensityExceeded,
    SchemaError,
    StashFull,
    TransportClosed,
    TransportError,
    TransportUnavailable,
    UnexpectedReply,
    UnknownMessageType,
    text_of,
)
from ._events import EventStream
from ._failure import (
    Decision,
    Ending,
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
from ._failure_limit import FailureLimit
from ._family import check_strategy
from ._functions import FunctionActor, actor
from ._handlers import Accepts, HandlerTable, calling_namespace, handler, resolve, table_of
from ._indirect import IndirectPort
from ._mailbox import Envelope, MailboxOptions, MailboxStatistics, Overflow
from ._messages import DeadLetter, ReceiveTimeout, ShutdownOverrun, Terminated
from ._named import NamedPort
from ._nodes import NodeDown, NodeLeaving, NodeUp
from ._path import ActorPath, check_name
from ._policies import MessagePolicy, SupervisionStrategy
from ._pools import AddRoutee, Pool, RemoveRoutee, Resize, Routees, Router
from ._ports import Transport
from ._props import ChildSpec, RestartKind, check_actor, check_specs
from ._receptionist import Listing, Receptionist, ServiceKey
from ._ref import ActorPort, ActorRef, EntityPort, EntityRef, Recipient, port_of, send_all
from ._reply import DeferredReply
from ._routing import Broadcast, ConsistentHashing, LeastMail, RoundRobin, Routing
from ._runnable import CURRENT, Begun, Runnable, current_sender
from ._runner import DispatcherStatistics
from ._runtime import Counters, System
from ._statistics import SystemStatistics
from ._system import SYSTEM_OBSERVERS, ActorSystem
from ._tree import TreeNode
from ._watchable import Watchable, Watcher
from ._watchdog import LoopBlocked

__all__ = [
    "CURRENT",
    "SINGLETONS",
    "SYSTEM_OBSERVERS",
    "Accepts",
    "Actor",
    "ActorContext",
    "ActorFailed",
    "ActorPath",
    "ActorPort",
    "ActorRef",
    "ActorStopped",
    "ActorSystem",
    "AddRoutee",
    "Address",
    "AskCycle",
    "AskTimeout",
    "Begun",
    "Broadcast",
    "Bulkhead",
    "BulkheadFull",
    "BulkheadStatistics",
    "CallboardError",
    "ChildExited",
    "ChildSpec",
    "ConsistentHashing",
    "Counters",
    "DeadLetter",
    "Deadlines",
    "Decision",
    "DecodeError",
    "DeferredReply",
    "Dispatcher",
    "DispatcherStatistics",
    "Ending",
    "Entity",
    "EntityContext",
    "EntityPort",
    "EntityRef",
    "Envelope",
    "Escalate",
    "EventStream",
    "Failure",
    "FailureEvent",
    "FailureLimit",
    "Fate",
    "FunctionActor",
    "HandlerError",
    "HandlerTable",
    "IndirectPort",
    "InvalidTransportURL",
    "LeastMail",
    "Listing",
    "LoopBlocked",
    "MailboxFull",
    "MailboxOptions",
    "MailboxStatistics",
    "MessagePolicy",
    "MessageTooLarge",
    "NameTaken",
    "NamedPort",
    "NodeDown",
    "NodeLeaving",
    "NodeUnreachable",
    "NodeUp",
    "NotRunning",
    "OutboxError",
    "Overflow",
    "PartitionLost",
    "Pool",
    "Quarantine",
    "ReceiveTimeout",
    "Receptionist",
    "Recipient",
    "RemoveRoutee",
    "Resize",
    "Restart",
    "RestartIntensityExceeded",
    "RestartKind",
    "Resume",
    "Retry",
    "RoundRobin",
    "Routees",
    "Router",
    "Routing",
    "Runnable",
    "SchemaError",
    "ServiceKey",
    "ShutdownOverrun",
    "Skip",
    "StashFull",
    "Stop",
    "SupervisionStrategy",
    "System",
    "SystemStatistics",
    "Terminated",
    "Transport",
    "TransportClosed",
    "TransportError",
    "TransportUnavailable",
    "TreeNode",
    "UnexpectedReply",
    "UnknownMessageType",
    "Watchable",
    "Watcher",
    "actor",
    "address_on",
    "blocking",
    "blocking_cancelled",
    "calling_namespace",
    "check_actor",
    "check_name",
    "check_specs",
    "check_strategy",
    "current_sender",
    "handler",
    "port_of",
    "resolve",
    "send_all",
    "table_of",
    "text_of",
]
