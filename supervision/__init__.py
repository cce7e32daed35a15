"""Supervision: what to do about failures, as pure decisions.

Strategies decide about actors, retry policies about messages of entities. Both are values: the
actor core and the transport ask them and carry out what they say.
"""

from ._backoff import Backoff
from ._directive import Directive
from ._intensity import History, Intensity
from ._one_for_one import OneForOne
from ._retry import RetryPolicy

__all__ = ["Backoff", "Directive", "History", "Intensity", "OneForOne", "RetryPolicy"]
