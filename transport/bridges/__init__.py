"""Bridges: legacy queues into the log, where a consumer takes what came.

    Source -> Session -> Pump -> the intake topic -> a consumer -> entities, or a function

`_foreign` is what a legacy broker looks like; `_activemq`, `_rabbitmq` and `_redis` are three.
`_pump` writes each message as it is, once, and acknowledges it then; `_intake` is how it looks in
the log. Adapters, retries, order and quarantine are the consumer's.
"""

from ._activemq import ActiveMQ
from ._declared import Bridge, BridgeOptions, declare_bridge
from ._foreign import BridgeError, ForeignMessage, Session, Source
from ._intake import Intake, Seen, as_record, id_in
from ._pump import BridgeKeeper, Pump
from ._rabbitmq import RabbitMQ
from ._redis import RedisStreams

__all__ = [
    "ActiveMQ",
    "Bridge",
    "BridgeError",
    "BridgeKeeper",
    "BridgeOptions",
    "ForeignMessage",
    "Intake",
    "Pump",
    "RabbitMQ",
    "RedisStreams",
    "Seen",
    "Session",
    "Source",
    "as_record",
    "declare_bridge",
    "id_in",
]
