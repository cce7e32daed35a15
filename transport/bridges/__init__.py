"""Bridges: legacy queues into the log, where a consumer takes what came.

    Source -> Session -> Pump -> the mailboxes of entities, with a receipt in the intake topic
                              -> the intake topic -> a consumer -> a function, or entities

`_foreign` is what a legacy broker looks like; `_activemq`, `_rabbitmq` and `_redis` are three, with
the way into them in `_activemq_out` and so on, which `outlets` takes.
`_pump` writes each message once, and acknowledges it then; `_direct` makes what an entity gets of
it; what has to be waited for, or fails, is written as it is: `_intake` is how it looks in the log.
`_known` is which messages the log has, by their ids: `_receipts` have those that went straight.
`_mapping` is an adapter without code, `_rehearsal` tells what would become of a message.
Retries and quarantine are the consumer's.
"""

from ._activemq import ActiveMQ
from ._declared import Bridge, BridgeOptions, declare_bridge
from ._direct import DirectRoute
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
from ._intake import Extent, Intake, as_record
from ._known import Known, recall
from ._mapping import FieldRule, JsonObject, NotThereError, field_mapping
from ._pump import BridgeKeeper, Pump
from ._questions import Question, question_headers, read_question
from ._rabbitmq import RabbitMQ
from ._receipts import ids_in, receipts
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
    "DirectRoute",
    "Extent",
    "FieldRule",
    "ForeignMessage",
    "Intake",
    "JsonObject",
    "Known",
    "NotThereError",
    "OutgoingMessage",
    "Pump",
    "Question",
    "RabbitMQ",
    "RedisStreams",
    "Rehearsed",
    "Sending",
    "Session",
    "Source",
    "as_record",
    "declare_bridge",
    "field_mapping",
    "ids_in",
    "question_headers",
    "read_question",
    "recall",
    "receipts",
    "rehearse",
]
