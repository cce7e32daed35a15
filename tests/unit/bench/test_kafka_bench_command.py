"""`callboard bench kafka` and `bench backlog`: what they plan, and what they refuse."""

import json

import pytest
from typer.testing import CliRunner, Result

from callboard.benchmarks.kafka import (
    CONSUMER_NAMES,
    CONSUMER_SUBJECTS,
    SUBJECT_NAMES,
    WORKLOAD_NAMES,
    KafkaBenchOptions,
    plan_consumers,
    plan_kafka,
)
from callboard.benchmarks.kafka.__main__ import RUNS
from callboard.cli._app import app


def bench(*arguments: str) -> Result:
    """Run a benchmark within this process."""
    return CliRunner().invoke(app, ["bench", *arguments])


def no_java(name: str) -> str | None:
    """Find everything else."""
    return None if name == "java" else f"/bin/{name}"


@pytest.mark.parametrize("command", ["kafka", "consumers", "backlog"])
def test_the_command_has_help(command: str) -> None:
    """And the group of benchmarks lists it."""
    assert bench(command, "--help").exit_code == 0
    assert command in bench("--help").output


@pytest.mark.parametrize(
    ("kind", "known"),
    [("workload", WORKLOAD_NAMES), ("subject", SUBJECT_NAMES), ("broker", ("embedded", "apache"))],
)
def test_an_unknown_name_is_a_usage_error(kind: str, known: tuple[str, ...]) -> None:
    """The error shows what was given, what is known, and what to write."""
    result = bench("kafka", f"--{kind}", "kafak")
    assert result.exit_code == 2
    assert f"error: there is no {kind} 'kafak'; expected one of {known[0]}, " in result.stderr


def test_the_rows_are_those_that_are_promised() -> None:
    """Five rounds; every subject can do what it is planned for."""
    plan = plan_kafka(KafkaBenchOptions())
    assert {"send", "pipeline", "ask", "takeover", "restore"} <= set(WORKLOAD_NAMES)
    assert (plan.baseline, plan.rounds) == ("aiokafka_send", 5)
    for workload, subject in plan.pairs():
        assert workload.job in RUNS[subject.name] or workload.name in subject.cannot


def test_consumers_are_compared_with_a_bare_loop_and_a_framework() -> None:
    """Every subject can do what it is planned for; an unknown name is a usage error."""
    plan = plan_consumers(KafkaBenchOptions())
    assert (plan.baseline, plan.rounds) == ("aiokafka_getmany", 5)
    assert {subject.name for _, subject in plan.pairs()} == set(CONSUMER_SUBJECTS)
    assert {workload.name for workload, _ in plan.pairs()} == set(CONSUMER_NAMES)
    for workload, subject in plan.pairs():
        assert workload.job in RUNS[subject.name]
    result = bench("consumers", "--workload", "consum")
    assert result.exit_code == 2
    assert "error: there is no workload 'consum'; expected one of consume, " in result.stderr


def test_a_cluster_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Java there are rows that say so, and no failure."""
    monkeypatch.setattr("shutil.which", no_java)
    result = bench("kafka", "--broker", "apache", "--workload", "send", "--quick", "--json")
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    assert {row["subject"] for row in rows} == {"callboard", "aiokafka_send", "aiokafka_batch"}
    assert all("install Java" in row["note"] for row in rows)
    refused = bench("backlog", "--broker", "apache", "--messages", "1")
    assert refused.exit_code == 1
    assert "install Java" in refused.stderr
