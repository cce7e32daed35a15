"""From figures to rows: the arithmetic of benchmarks."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from callboard.benchmarks import Goal, Plan, Report, Row, Subject, Workload, as_json, print_report
from callboard.benchmarks._rows import judge, make_rows, summarize
from callboard.benchmarks._runner import rotated
from callboard.benchmarks._tables import figure

PAIR = ("ask", "callboard")
ROW = Row("ask", "callboard", "asks/s", median=100.0, min=90.0, max=110.0, ratio=1.5)


def plan(*workloads: Workload, rounds: int = 3, quick: bool = False) -> Plan:
    """Return a plan of three subjects, one of which is missing, one slower and unable to spawn."""
    subjects = [
        Subject("base"),
        Subject("callboard"),
        Subject("slow", slower=4, cannot={"spawn": "it spawns nothing"}),
        Subject("peer", missing="install it"),
    ]
    return Plan(workloads, subjects, baseline="base", rounds=rounds, quick=quick)


ASK = Workload("ask", "asks/s", "ask", 1_000, 100)
SPAWN = Workload("spawn", "bytes", "spawn", 1_000, 100, counted="actors")


def test_a_row_has_median_and_extremes() -> None:
    """Of all figures there are."""
    row = summarize(PAIR, "asks/s", [3.0, 1.0, 2.0, 10.0, None], [])
    assert (row.median, row.min, row.max, row.ratio) == (2.5, 1.0, 10.0, None)


def test_ratios_are_taken_round_by_round() -> None:
    """A machine that slows down between rounds does not change them."""
    row = summarize(PAIR, "asks/s", [200.0, 20.0, 2.2], [100.0, 10.0, 1.0])
    assert row.ratio == 2.0
    assert row.median == 20.0


def test_a_round_without_both_figures_gives_no_ratio() -> None:
    """Nor does a baseline of nothing, nor one that stopped earlier."""
    row = summarize(PAIR, "asks/s", [8.0, None, 6.0, 9.0, 5.0], [4.0, 4.0, None, 0.0])
    assert row.ratio == 2.0


def test_no_figures_make_an_empty_row() -> None:
    """With all its columns."""
    row = summarize(PAIR, "asks/s", [None], [1.0])
    assert (row.median, row.min, row.max, row.ratio) == (None, None, None, None)


@pytest.mark.parametrize(
    ("goal", "row", "text", "met"),
    [
        (Goal(1.2), ROW, "ratio >= 1.2", True),
        (Goal(2.0), ROW, "ratio >= 2", False),
        (Goal(1.2), replace(ROW, ratio=None), "ratio >= 1.2", None),
        (Goal(within=2.0), ROW, "ratio <= 2", True),
        (Goal(within=1.2), ROW, "ratio <= 1.2", False),
        (Goal(most=1_200), ROW, "<= 1,200 asks/s", True),
        (Goal(most=99), ROW, "<= 99 asks/s", False),
        (Goal(beats="erlang"), ROW, ">= erlang", True),
        (Goal(1.2, beats="faster"), ROW, "ratio >= 1.2 and >= faster", False),
        (Goal(1.2, beats="nobody"), ROW, "ratio >= 1.2", True),
        (Goal(beats="nobody"), ROW, None, True),
        (Goal(exists="a million alive"), ROW, "a million alive", True),
        (Goal(exists="a million alive"), replace(ROW, median=None), "a million alive", False),
    ],
)
def test_a_goal_is_judged(goal: Goal, row: Row, text: str | None, *, met: bool | None) -> None:
    """By ratio, by figure, and by others that were measured."""
    medians = {("ask", "erlang"): 100.0, ("ask", "faster"): 100.1, ("ask", "nobody"): None}
    judged = judge(goal, row, medians)
    assert judged[0] == text
    if text is not None:
        assert judged[1] is met


def test_every_pair_of_a_plan_has_its_row() -> None:
    """In the order of the plan, whether there are figures or not; others have none."""
    only = replace(ASK, name="only", subjects=frozenset({"slow"}))
    rows = make_rows(plan(ASK, only), {}, {})
    assert [(row.workload, row.subject) for row in rows] == [
        *(("ask", name) for name in ("base", "callboard", "slow", "peer")),
        ("only", "slow"),
    ]


def test_a_row_without_a_figure_says_why() -> None:
    """A peer that is not there, one that has no such thing, one that failed, and lack of time."""
    figures = {("spawn", "base"): [1.0, None]}
    failures = {("spawn", "base"): "it was ended"}
    notes = {row.subject: row.note for row in make_rows(plan(SPAWN), figures, failures)}
    assert notes == {
        "base": "failed: it was ended; 1 of 3 rounds",
        "callboard": "0 of 3 rounds",
        "slow": "none: it spawns nothing",
        "peer": "not there: install it",
    }


def test_a_smaller_crowd_is_noted() -> None:
    """Where the name of the workload promises a number."""
    small = plan(SPAWN, rounds=1, quick=True)
    notes = {row.subject: row.note for row in make_rows(small, {("spawn", "base"): [1.0]}, {})}
    assert notes["base"] == "100 actors"
    full = make_rows(plan(SPAWN, rounds=1), {("spawn", "base"): [1.0]}, {})
    assert full[0].note is None


def test_goals_stand_in_the_rows_they_are_for() -> None:
    """And are judged by what the others reached."""
    ask = replace(ASK, goals={"callboard": Goal(1.5, beats="slow")})
    figures = {("ask", "base"): [1.0], ("ask", "callboard"): [2.0], ("ask", "slow"): [3.0]}
    rows = make_rows(plan(ask, rounds=1), figures, {})
    assert [(row.goal, row.met) for row in rows[:3]] == [
        (None, None),
        ("ratio >= 1.5 and >= slow", False),
        (None, None),
    ]


def test_json_rows_have_one_shape() -> None:
    """Seven fields always, three where there is something to say."""
    rows = [ROW, replace(ROW, median=None, note="not there: x", goal="ratio >= 2", met=False)]
    plain, full = json.loads(as_json(rows))
    assert plain == {
        "workload": "ask",
        "subject": "callboard",
        "unit": "asks/s",
        "median": 100.0,
        "min": 90.0,
        "max": 110.0,
        "ratio": 1.5,
    }
    assert list(full) == [*plain, "note", "goal", "met"]
    assert (full["median"], full["note"], full["met"]) == (None, "not there: x", False)


def test_each_subject_is_first_in_turn() -> None:
    """The order moves on by one each round."""
    subjects = [Subject(name) for name in "abc"]
    orders = ["".join(one.name for one in rotated(subjects, number)) for number in range(4)]
    assert orders == ["abc", "bca", "cab", "abc"]
    assert rotated([], 1) == []


def test_sizes_depend_on_haste_and_subject() -> None:
    """But there is always something to do."""
    slow = Subject("slow", slower=400)
    assert plan(ASK).size(ASK, Subject("base")) == 1_000
    assert plan(ASK, quick=True).size(ASK, Subject("base")) == 100
    assert plan(ASK, quick=True).size(ASK, slow) == 1


def test_tables_show_goals_and_absence() -> None:
    """One table a workload, the notes below it, and what was measured at the end."""
    rows = [
        replace(ROW, goal="ratio >= 2", met=False),
        replace(ROW, subject="peer", median=None, note="not there: install it"),
        replace(ROW, workload="tell", goal="ratio >= 1", met=True),
        replace(ROW, workload="tell", subject="other", median=None, note="none: no such thing"),
        replace(ROW, workload="tell", subject="third", median=None, note="0 of 3 rounds"),
    ]
    console = Console(file=io.StringIO(), width=100, color_system=None)
    print_report(console, Report(rows, {"callboard": "callboard 9.9", "peer": ""}))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "ask (asks/s)" in text
    assert "ratio >= 2: missed" in text
    assert "ratio >= 1: met" in text
    assert "│ not there │" in text
    assert "peer: not there: install it" in text
    assert "callboard: callboard 9.9" in text


def test_figures_are_as_short_as_they_can_be() -> None:
    """Three digits where there are decimals, thousands where they are many."""
    shown = [figure(value) for value in (None, 0.01234, 12.345, 123.4, 99_999.0, 1_234_567.0)]
    assert shown == ["", "0.0123", "12.3", "123", "99,999", "1,235k"]
