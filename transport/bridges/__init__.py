"""Bridges: legacy queues into the log, where a consumer takes what came.

    Source -> Session -> Pump -> the intake topic -> a consumer -> entities, or a function

`_foreign` is what a legacy broker looks like; `_activemq`, `_rabbitmq` and `_redis` are three, with
the way into them in `_activemq_out` and so on, which `outlets` takes.
`_pump` writes each message as it is, once, and acknowledges it then; `_intake` is how it looks in
the log; `_mapping` is an adapter without code, `_rehearsal` tells what would become of a message.
Adapters, retries, order and quarantine are the consumer's.
"""

from ._activemq import ActiveMQ
from ._declared import Bridge, BridgeOptions, declare_bridge
from ._foreign import (
    BridgeError,
    Destination,
    Dialogue,
    ForeignMessage,
    OutgoingMessage,
    Sending,
    Session,
    Source,
)
from ._intake import Intake, Seen, as_record, id_in
from ._mapping import FieldRule, JsonObject, NotThereError, field_mapping
from ._pump import BridgeKeeper, Pump
from ._questions import Question, question_headers, read_question
from ._rabbitmq import RabbitMQ
from ._redis import RedisStreams
from ._rehearsal import Rehearsed, rehearse

__all__ = [
    "ActiveMQ",
    "Bridge",
    "BridgeError",
    "BridgeKeeper",
    "BridgeOptions",
    "Destination",
    "Dialogue",
    "FieldRule",
    "ForeignMessage",
    "Intake",
    "JsonObject",
    "NotThereError",
    "OutgoingMessage",
    "Pump",
    "Question",
    "RabbitMQ",
    "RedisStreams",
    "Rehearsed",
    "Seen",
    "Sending",
    "Session",
    "Source",
    "as_record",
    "declare_bridge",
    "field_mapping",
    "id_in",
    "question_headers",
    "read_question",
    "rehearse",
]
