"""`callboard bench broker`: what it plans, what it refuses, and what it says is not there."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from callboard.benchmarks.broker import (
    SUBJECT_NAMES,
    WORKLOAD_NAMES,
    BrokerBenchOptions,
    plan_broker,
)
from callboard.benchmarks.broker.__main__ import RUNS
from callboard.cli._app import app


def bench(*arguments: str) -> Result:
    """Run `callboard bench broker` within this process."""
    return CliRunner().invoke(app, ["bench", "broker", *arguments])


def nothing_there(_: str) -> None:
    """Find nothing, whatever is looked for."""


def in_usr_bin(name: str) -> str:
    """Find a program, whatever is looked for."""
    return f"/usr/bin/{name}"


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a machine with Java and nothing else; return its cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("shutil.which", in_usr_bin)
    return tmp_path / "callboard"


def test_the_command_has_help() -> None:
    """And the group of benchmarks lists it."""
    assert bench("--help").exit_code == 0
    assert "broker" in CliRunner().invoke(app, ["bench", "--help"]).output


@pytest.mark.parametrize("kind", ["workload", "subject"])
def test_an_unknown_broker_or_workload_is_a_usage_error(kind: str) -> None:
    """The error shows what was given, what is known, and what to write."""
    result = bench(f"--{kind}", "kafak")
    assert result.exit_code == 2
    known = WORKLOAD_NAMES if kind == "workload" else SUBJECT_NAMES
    assert f"error: there is no {kind} 'kafak'; expected one of {known[0]}, " in result.stderr


@pytest.mark.usefixtures("empty_cache")
def test_a_broker_that_is_not_there_has_a_row_that_says_how_to_get_it() -> None:
    """Nothing is installed, and that is no failure."""
    others = [name for name in SUBJECT_NAMES if name != "callboard"]
    result = bench("--json", "--workload=produce", *(f"--subject={name}" for name in others))
    assert result.exit_code == 0, result.output
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    notes = {row["subject"]: row["note"] for row in rows}
    assert sorted(notes) == sorted(others)
    assert all(note.startswith("not there: ") for note in notes.values())
    assert "`callboard bench peers`" in notes["tansu"]
    assert "`callboard bench peers`" in notes["noida_db"]
    assert "`make kafka`" in notes["apache_kafka"]


@pytest.mark.usefixtures("empty_cache")
def test_apache_kafka_wants_java(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is said before the jars are."""
    monkeypatch.setattr("shutil.which", nothing_there)
    (kafka,) = plan_broker(BrokerBenchOptions(subjects=["apache_kafka"])).subjects
    assert kafka.missing is not None
    assert "openjdk-17" in kafka.missing


def test_apache_kafka_is_measured_with_the_newest_jars(empty_cache: Path) -> None:
    """Those that the tests have fetched."""
    for version in ("4.2.0", "4.3.1"):
        (empty_cache / f"apache-kafka-{version}").mkdir(parents=True)
    (kafka,) = plan_broker(BrokerBenchOptions(subjects=["apache_kafka"])).subjects
    assert kafka.missing is None
    assert list(kafka.command[-2:]) == ["/usr/bin/java", str(empty_cache / "apache-kafka-4.3.1")]


def test_every_workload_has_a_job_that_the_process_knows() -> None:
    """And every job is measured."""
    plan = plan_broker(BrokerBenchOptions())
    assert {one.job for one in plan.workloads} == set(RUNS)


def test_the_broker_plan_is_what_is_promised() -> None:
    """Five rounds, a process for each run, ratios to the stand-in, goals for ours alone."""
    plan = plan_broker(BrokerBenchOptions())
    assert (plan.rounds, plan.baseline) == (5, "tansu")
    assert all(subject.single for subject in plan.subjects)
    goals = {one.name: one.goals for one in plan.workloads if one.goals}
    assert {name for by in goals.values() for name in by} == {"callboard"}
    limits = {name: by["callboard"].most for name, by in goals.items()}
    assert limits["end_to_end_p50"] == 3.0
    assert limits["idle_100"] == 10.0
    assert goals["produce"]["callboard"].ratio == goals["consume"]["callboard"].ratio == 1.0


def test_a_quick_look_takes_one_round_of_a_tenth() -> None:
    """Or as many rounds as are asked for."""
    plan = plan_broker(BrokerBenchOptions(["produce"], ["callboard"], quick=True))
    (produce,), (ours,) = plan.workloads, plan.subjects
    assert (plan.rounds, plan.size(produce, ours)) == (1, produce.size // 10)
    assert plan_broker(BrokerBenchOptions(rounds=2, quick=True)).rounds == 2
