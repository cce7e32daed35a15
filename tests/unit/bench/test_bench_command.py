"""`callboard bench`: what it prints, what it refuses, and how it is interrupted."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from callboard.benchmarks.local import SUBJECT_NAMES, WORKLOAD_NAMES, LocalOptions, plan_local
from callboard.cli._app import app

ALWAYS = ["workload", "subject", "unit", "median", "min", "max", "ratio"]


def bench(*arguments: str) -> Result:
    """Run a command of `callboard bench` within this process."""
    return CliRunner().invoke(app, ["bench", *arguments])


def chosen(workloads: str, subjects: str) -> list[str]:
    """Return the options for names separated by blanks."""
    options = [f"--workload={name}" for name in workloads.split()]
    return options + [f"--subject={name}" for name in subjects.split()]


def rows_of(result: Result) -> list[dict[str, Any]]:
    """Return the rows on standard output, where nothing else is."""
    assert result.exit_code == 0, result.output
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    return rows


def nothing_there(_: str) -> None:
    """Find nothing, whatever is looked for."""


@pytest.fixture
def no_peers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide whatever this machine has of peers."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("callboard.benchmarks._peers.find_spec", nothing_there)
    monkeypatch.setattr("callboard.benchmarks.local._subjects.find_spec", nothing_there)
    monkeypatch.setattr("shutil.which", nothing_there)


@pytest.mark.parametrize("command", ["local", "peers"])
def test_every_benchmark_has_help(command: str) -> None:
    """And their common name lists them."""
    assert bench(command, "--help").exit_code == 0
    assert command in bench("--help").output


@pytest.mark.parametrize("kind", ["workload", "subject"])
def test_an_unknown_name_is_a_usage_error(kind: str) -> None:
    """The error shows what was given, what is known, and what to write."""
    result = bench("local", f"--{kind}", "telll")
    assert result.exit_code == 2
    known = WORKLOAD_NAMES if kind == "workload" else SUBJECT_NAMES
    assert f"error: there is no {kind} 'telll'; expected one of {known[0]}, " in result.stderr
    assert f"as in --{kind} {known[0]}" in result.stderr


def test_a_choice_that_measures_nothing_is_a_usage_error() -> None:
    """Rather than an empty list."""
    result = bench("local", *chosen("fairness", "pykka"))
    assert result.exit_code == 2
    assert "workload fairness is not for pykka: leave out" in result.stderr
    assert "with --quick" in bench("local", "--quick", *chosen("idle_bytes_1m", "")).stderr


def test_rounds_are_at_least_one() -> None:
    """Zero is a usage error."""
    assert bench("local", "--rounds", "0").exit_code == 2


@pytest.mark.usefixtures("no_peers")
def test_a_missing_peer_has_a_row_that_says_how_to_get_it() -> None:
    """Nothing is installed, and that is no failure."""
    peers = "pykka casty everything-is-an-actor erlang callboard_uvloop"
    rows = rows_of(bench("local", "--json", *chosen("tell", peers)))
    assert {row["subject"] for row in rows} == set(peers.split())
    for row in rows:
        assert list(row) == [*ALWAYS, "note"]
        assert (row["median"], row["min"], row["max"], row["ratio"]) == (None, None, None, None)
        assert row["note"].startswith("not there: ")
    notes = {row["subject"]: row["note"] for row in rows}
    assert "callboard bench peers" in notes["casty"]
    assert "erlang-base" in notes["erlang"]
    assert "pip install uvloop" in notes["callboard_uvloop"]


@pytest.mark.usefixtures("no_peers")
def test_a_missing_peer_is_shown_in_the_table() -> None:
    """In the place of its figure."""
    result = bench("local", *chosen("tell", "casty"))
    assert result.exit_code == 0
    assert "│ not there │" in result.output


def test_a_small_run_gives_ratios_and_goals() -> None:
    """Of real processes: the baseline is 1 to itself, and a goal stands in callboard's row."""
    arguments = ("--quick", "--rounds=1", "--json", *chosen("ask", "asyncio_queue callboard"))
    base, ours = rows_of(bench("local", *arguments))
    assert list(base) == ALWAYS
    assert list(ours) == [*ALWAYS, "goal", "met"]
    assert (base["subject"], base["unit"], base["ratio"]) == ("asyncio_queue", "asks/s", 1.0)
    assert ours["ratio"] == pytest.approx(ours["median"] / base["median"], rel=0.01)
    assert ours["goal"] == "ratio >= 1.2"
    assert ours["met"] is (ours["ratio"] >= 1.2)


@pytest.mark.usefixtures("no_peers")
def test_the_full_plan_asks_for_what_is_promised(tmp_path: Path) -> None:
    """Five rounds; a million actors of those who can; with --quick three, and neither."""
    full = plan_local(LocalOptions(), tmp_path)
    quick = plan_local(LocalOptions(quick=True), tmp_path)
    assert (full.rounds, quick.rounds) == (5, 3)
    assert full.budget is None
    assert quick.budget is not None
    assert quick.budget <= 45
    million = [by.name for one, by in full.pairs() if one.name == "idle_bytes_1m"]
    assert million == ["callboard", "erlang"]
    assert {one.name for one in full.workloads} - {one.name for one in quick.workloads} == {
        "idle_bytes_1m"
    }


@pytest.mark.skipif(sys.platform != "linux", reason="finds the child in /proc")
def test_ctrl_c_ends_the_children_and_exits_with_130() -> None:
    """In the middle of a run."""
    command = [sys.executable, "-m", "callboard", "bench", "local"]
    command += chosen("fairness", "asyncio_queue")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        until = time.monotonic() + 20
        while not (found := children.read_text().split()) and time.monotonic() < until:
            time.sleep(0.02)
        assert found
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130, errors
    with pytest.raises(ProcessLookupError):
        os.kill(int(found[0]), 0)
