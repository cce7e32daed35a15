"""The embedded broker: Kafka's protocol over plain state machines, in memory.

    _broker    the server: connections, frames, control points
    _dispatch  from a request's bytes to its answer's
    _apis      every request: versions and structures, written in _schema's terms
    _data, _membership, _admin   what each request does
    _log, _producers, _topics, _group   the state machines; pure

It is for development, tests and small single machines. It does not replicate,
keeps nothing over a stop, and says so when it starts.
"""

from ._broker import Broker, BrokerStatistics
from ._control import Action, Control, Delay, DropAnswer, DropBefore, RequestInfo
from ._errors import BrokerError, ErrorCode, PortInUse
from ._state import BrokerOptions

__all__ = [
    "Action",
    "Broker",
    "BrokerError",
    "BrokerOptions",
    "BrokerStatistics",
    "Control",
    "Delay",
    "DropAnswer",
    "DropBefore",
    "ErrorCode",
    "PortInUse",
    "RequestInfo",
]
