"""The topics a system needs, as they are created."""

from collections.abc import Iterable

from ..actors import Entity
from ._kafka import TopicSpec
from .delivery import (
    failures_topic,
    mailbox_topic,
    members_topic,
    nodes_topic,
    quarantine_of,
    quarantine_topic,
    state_of,
    state_topic,
)
from .nodes import PARTITIONS as NODES_PARTITIONS

_DAY = str(24 * 3600 * 1000)
_WEEK = str(7 * 24 * 3600 * 1000)
_HOUR = str(3600 * 1000)

# Mail that nobody has handled yet must never age away.
_KEEP = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
# The lag keeps what a late former owner overwrote readable until a restore has seen it.
_COMPACT = {"cleanup.policy": "compact", "min.compaction.lag.ms": _DAY}

# Otherwise than so, mail or states are deleted that are still needed.
_VITAL_FOR_MAIL = frozenset(_KEEP)
_VITAL_FOR_STATES = frozenset({"cleanup.policy"})


def system_topics(system: str) -> list[TopicSpec]:
    """Return the topics every system has."""
    return [
        TopicSpec(nodes_topic(system), NODES_PARTITIONS, {"retention.ms": _HOUR}),
        TopicSpec(members_topic(system), 1, {"cleanup.policy": "compact"}),
        TopicSpec(failures_topic(system), 1, {"retention.ms": _WEEK}),
    ]


def foreign_topic(name: str, partitions: int) -> TopicSpec:
    """Return a topic that is not ours alone: made when missing, else left as it is."""
    return TopicSpec(name, partitions, foreign=True)


def queue_topic(name: str) -> TopicSpec:
    """Return the topic of what comes from a legacy queue or goes to one: in the queue's order."""
    return TopicSpec(name, 1, _KEEP, _VITAL_FOR_MAIL)


def consumer_topics(system: str, name: str, partitions: int) -> list[TopicSpec]:
    """Return the topics of a consumer, with a partition for each of its source's."""
    own = f"{system}.{name}"
    return [
        TopicSpec(state_of(own), partitions, _COMPACT, _VITAL_FOR_STATES, grows=True),
        TopicSpec(quarantine_of(own), partitions, _KEEP, _VITAL_FOR_MAIL, grows=True),
    ]


def kind_topics(system: str, kinds: Iterable[type[Entity]]) -> list[TopicSpec]:
    """Return the topics of kinds of entities, co-partitioned."""
    return [
        spec
        for kind in kinds
        for spec in (
            TopicSpec(mailbox_topic(system, kind), kind.partitions, _KEEP, _VITAL_FOR_MAIL),
            TopicSpec(state_topic(system, kind), kind.partitions, _COMPACT, _VITAL_FOR_STATES),
            TopicSpec(quarantine_topic(system, kind), kind.partitions, _KEEP, _VITAL_FOR_MAIL),
        )
    ]
