"""From figures to rows: medians, ratios, goals. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, TypeAlias

from ._plan import Goal, Plan, Subject, Workload

# One figure a round; None where there is none.
Figures: TypeAlias = Sequence[float | None]
Pair: TypeAlias = tuple[str, str]

_ALWAYS = ("workload", "subject", "unit", "median", "min", "max", "ratio")


@dataclass(frozen=True, slots=True)
class Row:
    """What one subject reached on one workload.

    Attributes:
        workload: its name.
        subject: its name.
        unit: of median, min and max.
        median: over the rounds; None if there is no figure.
        min: the smallest figure.
        max: the largest figure.
        ratio: the median over the rounds of this figure divided by the baseline's of the same
            round; None without a baseline.
        note: why there is no figure, or what is to be known about it.
        goal: what is to be reached.
        met: whether it is; None if that cannot be said.
    """

    workload: str
    subject: str
    unit: str
    median: float | None
    min: float | None
    max: float | None
    ratio: float | None
    note: str | None = None
    goal: str | None = None
    met: bool | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the row for JSON; note, goal and met only where there is one."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: v for name, v in values.items() if name in _ALWAYS or v is not None}


def as_json(rows: Sequence[Row]) -> str:
    """Return rows as a JSON list."""
    return json.dumps([row.as_dict() for row in rows], indent=2)


def make_rows(
    plan: Plan, figures: Mapping[Pair, Figures], failures: Mapping[Pair, str]
) -> list[Row]:
    """Return one row for each workload and subject of a plan, in its order.

    Args:
        plan: what was measured.
        figures: a figure a round, by workload and subject.
        failures: why a figure is missing, by workload and subject.
    """
    rows: list[Row] = []
    for workload, subject in plan.pairs():
        pair, base = (workload.name, subject.name), (workload.name, plan.baseline)
        row = summarize(pair, workload.unit, figures.get(pair, ()), figures.get(base, ()))
        rows.append(replace(row, note=_note(plan, workload, subject, figures, failures)))
    medians = {(row.workload, row.subject): row.median for row in rows}
    goals = {(one.name, by): goal for one in plan.workloads for by, goal in one.goals.items()}
    return [_judged(row, goals.get((row.workload, row.subject)), medians) for row in rows]


def summarize(pair: Pair, unit: str, figures: Figures, baseline: Figures) -> Row:
    """Return the row of one subject on one workload, without note and goal.

    Ratios are taken round by round, because a machine's speed drifts more from one round to the
    next than within one.
    """
    there = [figure for figure in figures if figure is not None]
    ratios = [
        figure / base
        for figure, base in zip(figures, baseline, strict=False)
        if figure is not None and base
    ]
    return Row(
        *pair,
        unit,
        median=_rounded(median(there)) if there else None,
        min=_rounded(min(there)) if there else None,
        max=_rounded(max(there)) if there else None,
        ratio=_rounded(median(ratios), 3) if ratios else None,
    )


def judge(
    goal: Goal, row: Row, medians: Mapping[Pair, float | None]
) -> tuple[str | None, bool | None]:
    """Return a goal in words, and whether a row reaches it; None if nobody can say."""
    said: list[tuple[str, bool | None]] = []
    if goal.exists is not None:
        said.append((goal.exists, row.median is not None))
    if goal.ratio is not None:
        said.append((f"ratio >= {goal.ratio:g}", _holds(row.ratio, least=goal.ratio)))
    if goal.within is not None:
        said.append((f"ratio <= {goal.within:g}", _holds(row.ratio, most=goal.within)))
    if goal.most is not None:
        said.append((f"<= {goal.most:,g} {row.unit}", _holds(row.median, most=goal.most)))
    if goal.beats is not None:
        other = medians.get((row.workload, goal.beats))
        if other is not None:
            said.append((f">= {goal.beats}", _holds(row.median, least=other)))
    answers = [answer for _, answer in said]
    met = False if False in answers else None if None in answers else True
    return " and ".join(text for text, _ in said) or None, met


def _holds(
    figure: float | None, *, least: float | None = None, most: float | None = None
) -> bool | None:
    if figure is None:
        return None
    return (least is None or figure >= least) and (most is None or figure <= most)


def _judged(row: Row, goal: Goal | None, medians: Mapping[Pair, float | None]) -> Row:
    if goal is None:
        return row
    text, met = judge(goal, row, medians)
    return row if text is None else replace(row, goal=text, met=met)


def _note(
    plan: Plan,
    workload: Workload,
    subject: Subject,
    figures: Mapping[Pair, Figures],
    failures: Mapping[Pair, str],
) -> str | None:
    if subject.missing is not None:
        return f"not there: {subject.missing}"
    if workload.name in subject.cannot:
        return f"none: {subject.cannot[workload.name]}"
    notes: list[str] = []
    pair = (workload.name, subject.name)
    there = sum(figure is not None for figure in figures.get(pair, ()))
    if pair in failures:
        notes.append(f"failed: {failures[pair]}")
    if there < plan.rounds:
        notes.append(f"{there} of {plan.rounds} rounds")
    size = plan.size(workload, subject)
    if workload.counted is not None and size < workload.size:
        notes.append(f"{size:,} {workload.counted}")
    return "; ".join(notes) or None


def _rounded(value: float, digits: int = 6) -> float:
    return float(f"{value:.{digits}g}")
