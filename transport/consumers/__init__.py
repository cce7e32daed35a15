"""Decorated consumers: functions, and entities, fed by topics.

    a record -> Shard -> ConsumerReceiver.whole_lane, or key_of -> a lane -> decode, adapter
             -> the function -> an Outcome -> the flush of the delivery core -> commit

`_declared` is what the decorator leaves, and runs nothing; `_accepts`, `_keys`, `_adapters` and
`_target` turn a record into a call; `_express` makes the calls of a partition that do not wait;
`_lane` (a key that waits), `_batch_lane` and `_at_most_once` decide what success or failure means,
and share `_calls`, those for all keys `_partition_lane`; `_running` is one consumer on one node.
"""

from ._accepts import Accepted, Annotation, accepted, check, read_annotation
from ._adapters import compose
from ._context import ConsumerContext, ConsumerRecord
from ._declared import Consumer, check_topic, declare
from ._keys import Key, MissingKeyError, key_function
from ._options import ConsumerOptions
from ._returns import request_record
from ._running import Clients, RunningConsumer
from ._target import DROPPED, AdapterError, Routed, RouteTarget, target_of
from ._verdicts import Quarantine, Retry, Skip, Verdict

__all__ = [
    "DROPPED",
    "Accepted",
    "AdapterError",
    "Annotation",
    "Clients",
    "Consumer",
    "ConsumerContext",
    "ConsumerOptions",
    "ConsumerRecord",
    "Key",
    "MissingKeyError",
    "Quarantine",
    "Retry",
    "RouteTarget",
    "Routed",
    "RunningConsumer",
    "Skip",
    "Verdict",
    "accepted",
    "check",
    "check_topic",
    "compose",
    "declare",
    "key_function",
    "read_annotation",
    "request_record",
    "target_of",
]
