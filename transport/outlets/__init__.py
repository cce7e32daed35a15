"""Outlets: the way back into legacy queues, and questions both ways.

    Outlet.send -> {system}.{name}.outlet -> a consumer -> Carrier -> the legacy broker confirms
    an entity's answer -> {system}.{bridge}.answers -> a consumer -> Carrier -> the client's queue
    Outlet.ask -> Caller -> the legacy broker -> a service -> Caller

`_letters` is how a record looks as a foreign message; `_declared` makes the two consumers; `_held`
keeps a connection that many tasks use.
"""

from ._answers import Answering, Reply
from ._caller import Caller
from ._carrier import Carrier
from ._declared import carry_answers, carry_letters
from ._outlet import Outlet

__all__ = [
    "Answering",
    "Caller",
    "Carrier",
    "Outlet",
    "Reply",
    "carry_answers",
    "carry_letters",
]
