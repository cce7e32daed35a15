"""Supervision: what to do about failures, as pure decisions, and the actors that only supervise.

Strategies decide about actors, retry policies about messages of entities. Both are values: the
actor core and the transport ask them and carry out what they say.
"""

from ..actors import ChildSpec
from ._backoff import Backoff
from ._child import child
from ._children import Children, StartChild, StartInstance, StopChild, TooManyChildren
from ._declared import declared_tree
from ._directive import Directive
from ._intensity import History, Intensity
from ._one_for_all import OneForAll
from ._one_for_one import OneForOne
from ._rest_for_one import RestForOne
from ._retry import RetryPolicy
from ._supervisor import DynamicSupervisor, Supervisor

__all__ = [
    "Backoff",
    "ChildSpec",
    "Children",
    "Directive",
    "DynamicSupervisor",
    "History",
    "Intensity",
    "OneForAll",
    "OneForOne",
    "RestForOne",
    "RetryPolicy",
    "StartChild",
    "StartInstance",
    "StopChild",
    "Supervisor",
    "TooManyChildren",
    "child",
    "declared_tree",
]
