"""The embedded broker: Kafka's protocol over plain state machines.

    _broker        the broker's life; its servers
    _connection    one client: frames in, answers out
    _frames, _handlers, _refusal   from bytes to a function and back
    _interference, _faults, _inspection   control points, and looking in
    *_requests, _produce, _fetch, _lookups, _metadata, _group_admin   what each request does
    _state         everything a broker knows
    _topics, _configs, _cluster   topics, their settings, who leads them
    _groups, _group, _member, _offsets   consumer groups and what they commit
    _transactions  the transaction coordinator
    _security, _sasl, _scram, _tls, _login_requests   who may connect, and how
    log/           partitions of record batches, in memory or on disk
    wire/          the protocol's structures

It is for development, tests and small single machines. It does not replicate,
and says so when it starts.
"""

from ._broker import Broker
from ._errors import BrokerError, PortInUse
from ._faults import (
    Action,
    Control,
    Delay,
    Disconnect,
    DropAnswer,
    DropRequest,
    Fail,
    Fault,
    RequestInfo,
    Throttle,
)
from ._inspection import BrokerStatistics, GroupView, PartitionView, TransactionView
from ._interference import Interference
from ._sasl import MECHANISMS
from ._security import Security, SecurityError, read_users
from ._state import BrokerOptions
from .wire import ErrorCode

__all__ = [
    "MECHANISMS",
    "Action",
    "Broker",
    "BrokerError",
    "BrokerOptions",
    "BrokerStatistics",
    "Control",
    "Delay",
    "Disconnect",
    "DropAnswer",
    "DropRequest",
    "ErrorCode",
    "Fail",
    "Fault",
    "GroupView",
    "Interference",
    "PartitionView",
    "PortInUse",
    "RequestInfo",
    "Security",
    "SecurityError",
    "Throttle",
    "TransactionView",
    "read_users",
]
