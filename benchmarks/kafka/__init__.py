"""The suite of durable mailboxes: `callboard bench kafka`.

_workloads   what is measured, how much of it, and the goals
_suite       from what was asked for to a plan
__main__     the process that measures one subject when told to
_messages    the message, the entity, and topics that are full before the clock starts
_ours        the workloads with callboard
_raw         the same work with aiokafka alone: record by record, and in batches
_consuming   consumers: `callboard bench consumers`
_bridging    bridges: `callboard bench bridges`
_queues      the legacy queues they take from
_children    processes beside: nodes, and their like by hand
_backlog     one node before a large backlog: `callboard bench backlog`

The broker is a process of its own, started anew for each run: the embedded one, or Apache Kafka.
"""

from ._backlog import Backlog, measure_backlog
from ._suite import (
    BRIDGE_SUBJECTS,
    BROKER_NAMES,
    CONSUMER_SUBJECTS,
    SUBJECT_NAMES,
    KafkaBenchOptions,
    plan_bridges,
    plan_consumers,
    plan_kafka,
)
from ._workloads import BRIDGE_NAMES, CONSUMER_NAMES, WORKLOAD_NAMES

__all__ = [
    "BRIDGE_NAMES",
    "BRIDGE_SUBJECTS",
    "BROKER_NAMES",
    "CONSUMER_NAMES",
    "CONSUMER_SUBJECTS",
    "SUBJECT_NAMES",
    "WORKLOAD_NAMES",
    "Backlog",
    "KafkaBenchOptions",
    "measure_backlog",
    "plan_bridges",
    "plan_consumers",
    "plan_kafka",
]
