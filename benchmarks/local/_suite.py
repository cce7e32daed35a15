"""From what was asked for to a plan."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import Plan, UnknownChoice, chosen
from ._subjects import SUBJECT_NAMES, make_subject
from ._workloads import BASELINE, WORKLOAD_NAMES, WORKLOADS

_ROUNDS = 5
_QUICK_ROUNDS = 3
# `--quick` is promised to end within 45 s; what is left is for starting and for the end.
_QUICK_SECONDS = 38.0
_QUICK_RUN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class LocalOptions:
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


def plan_local(options: LocalOptions, folder: Path) -> Plan:
    """Return the plan, with what has to be compiled put into `folder`.

    Raises:
        UnknownChoice: a name is none of ours, or nothing of what was chosen goes together.
    """
    workloads = chosen("workload", options.workloads, WORKLOAD_NAMES)
    subjects = chosen("subject", options.subjects, SUBJECT_NAMES)
    plan = Plan(
        [
            one
            for one in WORKLOADS
            if one.name in workloads and (one.quick_size or not options.quick)
        ],
        [make_subject(name, folder) for name in subjects],
        baseline=BASELINE,
        rounds=options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS),
        quick=options.quick,
        run_seconds=_QUICK_RUN_SECONDS if options.quick else None,
        budget=_QUICK_SECONDS if options.quick else None,
    )
    if not plan.pairs():
        raise UnknownChoice(
            f"workload {', '.join(workloads)} is not for {', '.join(subjects)}"
            f"{' with --quick' if options.quick else ''}: leave out one of the options"
        )
    return plan
