"""Protobuf schemas: the runtime's own messages, the registry of all types, and what breaks.

Imports protobuf and nothing of callboard. `v1/` holds the `.proto` sources and
the code `make proto` generates from them.
"""

import importlib
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError as ProtobufDecodeError
from google.protobuf.message import Message

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

if TYPE_CHECKING:
    from ._breaking import Breaking, breaking_changes
    from ._declared import Declared, DeclaredMessage

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

# Descriptors of descriptors take a fiftieth of a second to load, and a node needs none.
_LATER = {
    "Breaking": "._breaking",
    "Declared": "._declared",
    "DeclaredMessage": "._declared",
    "breaking_changes": "._breaking",
}


def __getattr__(name: str) -> Any:
    """Load a name that only the comparison of schemas needs."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LATER[name], __name__), name)
