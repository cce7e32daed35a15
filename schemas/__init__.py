"""Protobuf schemas: the runtime's own messages, the registry of all types, and what breaks.

Imports protobuf and nothing of callboard. `v1/` holds the `.proto` sources and
the code `make proto` generates from them.
"""

from google.protobuf.message import DecodeError as ProtobufDecodeError
from google.protobuf.message import Message

from ._breaking import Breaking, breaking_changes
from ._declared import Declared, DeclaredMessage
from ._json import as_json
from ._registry import TypeRegistry
from .v1.runtime_pb2 import (
    AskFailure,
    DedupWindow,
    Ended,
    FailureEvent,
    Heartbeat,
    OwnedPartition,
    Refusal,
    Service,
    SourceWindow,
    Watch,
)

__all__ = [
    "AskFailure",
    "Breaking",
    "Declared",
    "DeclaredMessage",
    "DedupWindow",
    "Ended",
    "FailureEvent",
    "Heartbeat",
    "Message",
    "OwnedPartition",
    "ProtobufDecodeError",
    "Refusal",
    "Service",
    "SourceWindow",
    "TypeRegistry",
    "Watch",
    "as_json",
    "breaking_changes",
]
