"""`callboard bench broker` on real processes: the embedded broker and aiokafka in front of it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from callboard.benchmarks.broker._launch import Launch, Servers, servers
from callboard.benchmarks.broker._server import running
from callboard.cli._app import app

SECONDS = 60


@pytest.mark.slow
def test_a_small_run_measures_the_embedded_broker() -> None:
    """Rates, a percentile, and bytes; goals stand in its rows and ratios need the stand-in."""
    names = ["produce", "consume", "end_to_end_p50", "memory_idle"]
    chosen = [f"--workload={name}" for name in names]
    result = CliRunner().invoke(
        app, ["bench", "broker", "--quick", "--json", "--subject=callboard", *chosen]
    )
    assert result.exit_code == 0, result.output
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    assert [row["workload"] for row in rows] == names
    assert all(row["median"] > 0 and row["ratio"] is None for row in rows), rows
    latency = rows[2]
    assert latency["goal"] == "<= 3 ms"
    assert latency["met"] is (latency["median"] <= 3)


async def test_a_measured_broker_ends_with_its_run() -> None:
    """Its process is gone, however the run went."""
    pids: list[int] = []

    async def fail() -> None:
        async with running(servers("callboard", [])) as server:
            pids.append(server.pid)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_the_process_that_measures_answers_a_job_it_does_not_know() -> None:
    """With an error, as a run that failed."""
    command = [sys.executable, "-P", "-m", "callboard.benchmarks.broker", "callboard"]
    done = subprocess.run(
        command,
        input="nonsense 1 30\n",
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    ready, answer = map(json.loads, done.stdout.splitlines())
    assert ready["ready"].startswith("callboard ")
    assert answer == {"error": "KeyError: 'nonsense'"}


async def test_a_broker_that_ends_early_is_told() -> None:
    """Rather than waited for."""
    fails = Servers("none", lambda _: Launch([sys.executable, "-c", "raise SystemExit(3)"]))
    with pytest.raises(RuntimeError, match="exit code 3 before it listened"):
        async with running(fails):
            pass


async def test_a_preparation_that_fails_is_told(tmp_path: Path) -> None:
    """And the broker is not started."""
    touch = f"import pathlib; pathlib.Path({str(tmp_path / 'started')!r}).touch()"
    fails = Servers(
        "none",
        lambda _: Launch([sys.executable, "-c", touch], [sys.executable, "-c", "exit(4)"]),
    )
    with pytest.raises(RuntimeError, match="failed with exit code 4"):
        async with running(fails):
            pass
    assert not (tmp_path / "started").exists()
