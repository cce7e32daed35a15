"""From what was asked for to a plan."""

from collections.abc import Sequence
from dataclasses import dataclass

from .. import Plan, chosen
from ._subjects import SUBJECT_NAMES, make_subject
from ._workloads import BASELINE, WORKLOAD_NAMES, WORKLOADS

_ROUNDS = 5
_QUICK_ROUNDS = 1
_QUICK_RUN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class BrokerBenchOptions:
    """What was asked for.

    Attributes:
        workloads: names; all if there are none.
        subjects: names; all if there are none.
        rounds: how many; None for as many as are usual.
        quick: a look, and no measurement.
    """

    workloads: Sequence[str] = ()
    subjects: Sequence[str] = ()
    rounds: int | None = None
    quick: bool = False


def plan_broker(options: BrokerBenchOptions) -> Plan:
    """Return the plan.

    Raises:
        UnknownChoice: a name is none of ours.
    """
    workloads = chosen("workload", options.workloads, WORKLOAD_NAMES)
    subjects = chosen("subject", options.subjects, SUBJECT_NAMES)
    return Plan(
        [one for one in WORKLOADS if one.name in workloads],
        [make_subject(name) for name in subjects],
        baseline=BASELINE,
        rounds=options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS),
        quick=options.quick,
        run_seconds=_QUICK_RUN_SECONDS if options.quick else None,
    )
