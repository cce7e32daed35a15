"""From what was asked for to a plan."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from .. import KAFKA_PEERS, Plan, Subject, Workload, chosen, find_peer
from ..broker import KAFKA, FoundBroker, find_broker
from ._queues import VARIABLES
from ._workloads import (
    BASELINE,
    BATCH,
    BRIDGE_WORKLOADS,
    BY_HAND,
    CONSUMER_WORKLOADS,
    FASTSTREAM,
    GETMANY,
    OURS,
    SEND,
    WORKLOADS,
)

SUBJECT_NAMES = (OURS, SEND, BATCH, *(peer.subject for peer in KAFKA_PEERS))
CONSUMER_SUBJECTS = (OURS, GETMANY, FASTSTREAM)
BRIDGE_SUBJECTS = (OURS, BY_HAND)
BROKER_NAMES = ("embedded", "apache")

_SLOWER = 5
"""Divides what frameworks have to do: a rate does not depend on it, the patience does."""

_ROUNDS = 5
_QUICK_ROUNDS = 1
_QUICK_RUN_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class KafkaBenchOptions:
    """What was asked for.

    Attributes:
        workloads: names; all if there are none.
        subjects: names; all if there are none.
        broker: which one stands behind: see BROKER_NAMES.
        rounds: how many; None for as many as are usual.
        quick: a look, and no measurement.
    """

    workloads: Sequence[str] = ()
    subjects: Sequence[str] = ()
    broker: str = BROKER_NAMES[0]
    rounds: int | None = None
    quick: bool = False


def plan_kafka(options: KafkaBenchOptions) -> Plan:
    """Return the plan.

    Raises:
        UnknownChoice: a name is none of ours.
    """
    return _plan(options, WORKLOADS, SUBJECT_NAMES, BASELINE)


def plan_consumers(options: KafkaBenchOptions) -> Plan:
    """Return the plan of what feeds functions.

    Raises:
        UnknownChoice: a name is none of ours.
    """
    return _plan(options, CONSUMER_WORKLOADS, CONSUMER_SUBJECTS, GETMANY)


def plan_bridges(options: KafkaBenchOptions) -> Plan:
    """Return the plan of what brings legacy queues to entities.

    Raises:
        UnknownChoice: a name is none of ours.
    """
    return _plan(options, BRIDGE_WORKLOADS, BRIDGE_SUBJECTS, BY_HAND)


def broker_behind(name: str) -> FoundBroker:
    """Return the broker of that name, as far as it can be started here.

    Raises:
        UnknownChoice: it is none of BROKER_NAMES.
    """
    chosen("broker", [name], BROKER_NAMES)
    return find_broker(KAFKA if name == "apache" else OURS)


def _plan(
    options: KafkaBenchOptions,
    workloads: Sequence[Workload],
    subjects: Sequence[str],
    baseline: str,
) -> Plan:
    names = chosen("workload", options.workloads, [one.name for one in workloads])
    by = chosen("subject", options.subjects, subjects)
    broker = broker_behind(options.broker)
    return Plan(
        [one for one in workloads if one.name in names],
        [_subject(name, broker) for name in by],
        baseline=baseline,
        rounds=options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS),
        quick=options.quick,
        run_seconds=_QUICK_RUN_SECONDS if options.quick else None,
    )


def _subject(name: str, broker: FoundBroker) -> Subject:
    """Return a subject before a broker."""
    missing, slower = broker.missing, 1
    for peer in KAFKA_PEERS:
        if peer.subject == name:
            python, remedy = find_peer(peer)
            missing = missing or (None if python else remedy)
            slower = _SLOWER
    program = (sys.executable, "-P", "-m", "callboard.benchmarks.kafka")  # -P: nothing from here
    return Subject(
        name,
        command=(*program, name, broker.name, *broker.arguments),
        missing=missing,
        cannot={
            kind: f"no broker is named; set {variable} to its URL"
            for kind, variable in VARIABLES.items()
            if variable not in os.environ
        },
        single=True,
        slower=slower,
    )
