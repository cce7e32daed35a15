"""`callboard bench kafka` and `bench backlog` do what they say, on a little."""

import json
import subprocess
import sys
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def bench(*arguments: str) -> Any:
    """Run a benchmark and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "callboard", "bench", *arguments, "--json"],
        capture_output=True,
        text=True,
        timeout=170,
        check=True,
    )
    return json.loads(done.stdout)


def test_every_row_has_a_figure() -> None:
    """Sends, handles, asks and restores, beside the same work by hand; and the states are right."""
    names = ("send", "pipeline", "ask", "restore")
    chosen = [word for name in names for word in ("--workload", name)]
    rows = bench("kafka", "--quick", *chosen)
    found = {(row["workload"], row["subject"]): row for row in rows}
    for name in names:
        for subject in ("callboard", "aiokafka_send"):
            row = found[name, subject]
            assert row["median"] is not None, row
            assert row["median"] > 0
    assert found["pipeline", "aiokafka_batch"]["median"] > 0


def test_every_row_of_consumers_has_a_figure() -> None:
    """Each way of a function, beside a bare loop; and all was handled."""
    bare = ("--subject", "callboard", "--subject", "aiokafka_getmany")
    rows = bench("consumers", "--quick", *bare)
    assert len(rows) == 6
    assert all(row["median"] for row in rows), rows


@pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc: run it on Linux")
def test_a_backlog_does_not_grow_a_node() -> None:
    """A hundred thousand messages wait, and the node takes a bounded part of them in at a time."""
    found = bench("backlog", "--messages", "100000", "--seconds", "30")
    assert found["handled"] > 20_000
    assert found["resident_peak_mb"] - found["resident_start_mb"] < 80
