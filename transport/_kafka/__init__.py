"""The only driver: aiokafka, behind the delivery core's port. Nothing else imports it."""

from ._admin import Admin
from ._driver import KafkaDriver
from ._election import Election
from ._group import GroupOffsets
from ._options import SESSION_TIMEOUT, KafkaOptions
from ._planner import Action, TopicSpec, TopicStep
from ._producer import BatchProducer
from ._reader import Reader, Tail
from ._security import Cluster, KafkaSecurity, security_from
from ._transactions import Transactions

__all__ = [
    "SESSION_TIMEOUT",
    "Action",
    "Admin",
    "BatchProducer",
    "Cluster",
    "Election",
    "GroupOffsets",
    "KafkaDriver",
    "KafkaOptions",
    "KafkaSecurity",
    "Reader",
    "Tail",
    "TopicSpec",
    "TopicStep",
    "Transactions",
    "security_from",
]
