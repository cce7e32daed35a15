"""From what was asked for to a plan."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from .. import Plan, Subject, UnknownChoice
from ..broker import KAFKA, make_subject
from ._workloads import BASELINE, BATCH, OURS, SEND, WORKLOAD_NAMES, WORKLOADS

SUBJECT_NAMES = (OURS, SEND, BATCH)
BROKER_NAMES = ("embedded", "apache")

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
    workloads = _chosen("workload", options.workloads, WORKLOAD_NAMES)
    subjects = _chosen("subject", options.subjects, SUBJECT_NAMES)
    (broker,) = _chosen("broker", [options.broker], BROKER_NAMES)
    return Plan(
        [one for one in WORKLOADS if one.name in workloads],
        [_subject(name, broker) for name in subjects],
        baseline=BASELINE,
        rounds=options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS),
        quick=options.quick,
        run_seconds=_QUICK_RUN_SECONDS if options.quick else None,
    )


def _subject(name: str, broker: str) -> Subject:
    """Return a subject before a broker, as far as that can be started here."""
    behind = make_subject(KAFKA if broker == "apache" else OURS)
    # What starts the broker is behind the module's name in its own command.
    found = behind.command[5:]
    cannot: dict[str, str] = dict.fromkeys(
        ("ask", "takeover", "restore"), "batches are of no use there"
    )
    return Subject(
        name,
        # -P: the current folder is none of its business.
        command=(
            sys.executable,
            "-P",
            "-m",
            "callboard.benchmarks.kafka",
            name,
            behind.name,
            *found,
        ),
        missing=behind.missing,
        cannot=cannot if name == BATCH else {},
        single=True,
    )


def _chosen(kind: str, given: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return what was chosen, in our order."""
    for name in given:
        if name not in known:
            raise UnknownChoice(
                f"there is no {kind} {name!r}; expected one of {', '.join(known)}, as in "
                f"--{kind} {known[0]}"
            )
    return [name for name in known if name in given or not given]
