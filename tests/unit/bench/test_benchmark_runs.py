"""Processes that answer, lie, die and hang."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from callboard.benchmarks import Plan, Subject, Workload, run_plan
from callboard.benchmarks._session import RunFailed, Session

WORKER = """
import json, os, sys, time
def say(**what): print(json.dumps(what), flush=True)
say(ready="worker 1.0")
for line in sys.stdin:
    job, n, seconds = line.split()
    with open(sys.argv[1], "a") as log: log.write(f"{os.getpid()} {job}\\n")
    if job == "die": sys.exit("it was too much")
    elif job == "hang": time.sleep(float(seconds) + 60)
    elif job == "lie": print("no JSON", flush=True)
    elif job == "list": print("[1]", flush=True)
    elif job == "fail": say(error="ValueError: no")
    elif job == "shrug": say(answer=42)
    else: say(value=int(n) * 2)
"""


class Notes:
    """Takes down what a run tells its watcher."""

    def __init__(self) -> None:
        self.runs: list[tuple[int, str, str]] = []
        self.failures: list[tuple[str, str, str]] = []
        self.lateness = 0

    def running(self, number: int, workload: str, subject: str) -> None:
        self.runs.append((number, workload, subject))

    def failed(self, workload: str, subject: str, reason: str) -> None:
        self.failures.append((workload, subject, reason))

    def late(self) -> None:
        self.lateness += 1


def worker(log: Path, name: str = "worker", *, single: bool = False) -> Subject:
    """Return a subject that does as its workloads are called."""
    return Subject(name, command=(sys.executable, "-c", WORKER, str(log)), single=single)


def workload(job: str) -> Workload:
    """Return a workload of 21."""
    return Workload(job, "x/s", job, 21, 21)


def pids(log: Path) -> list[int]:
    """Return the process of each run so far."""
    return [int(line.split()[0]) for line in log.read_text().splitlines()] if log.exists() else []


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return where workers write which process did what."""
    return tmp_path / "log"


async def test_a_session_answers_from_one_process(tmp_path: Path, log: Path) -> None:
    """It is started once, and says what it is."""
    session = Session(worker(log), tmp_path)
    assert [await session.run("double", n, 20.0) for n in (1, 21)] == [2.0, 42.0]
    assert session.version == "worker 1.0"
    await session.close()
    assert len(set(pids(log))) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(pids(log)[0], 0)


async def test_a_single_session_starts_one_for_each_run(tmp_path: Path, log: Path) -> None:
    """For those whose memory remembers the run before."""
    session = Session(worker(log, single=True), tmp_path)
    for _ in range(2):
        await session.run("double", 1, 20.0)
    await session.close()
    assert len(set(pids(log))) == 2


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ("die", "its process ended. It said: it was too much"),
        ("lie", "answered b'no JSON\\n'; expected a line of JSON"),
        ("list", "expected a line of JSON"),
        ("fail", "ValueError: no"),
        ("shrug", "'answer': 42"),
    ],
)
async def test_a_failure_says_what_happened(tmp_path: Path, log: Path, job: str, said: str) -> None:
    """And the next run finds a process that works."""
    session = Session(worker(log), tmp_path)
    with pytest.raises(RunFailed) as caught:
        await session.run(job, 1, 20.0)
    assert said in str(caught.value)
    assert await session.run("double", 1, 20.0) == 2.0
    await session.close()


async def test_a_run_that_hangs_is_ended(tmp_path: Path, log: Path) -> None:
    """With its process."""
    session = Session(worker(log), tmp_path)
    await session.run("double", 1, 20.0)
    with pytest.raises(RunFailed, match=r"took longer than 0\.2 s and was ended"):
        await session.run("hang", 1, 0.2)
    with pytest.raises(ProcessLookupError):
        os.kill(pids(log)[-1], 0)


async def test_a_command_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    """As any other."""
    session = Session(Subject("none", command=(str(tmp_path / "nothing"),)), tmp_path)
    with pytest.raises(RunFailed, match="could not be started"):
        await session.run("double", 1, 20.0)


async def test_every_round_has_every_subject_once_on_each_workload(log: Path) -> None:
    """In turn, with the order moved on by one."""
    notes = Notes()
    plan = Plan(
        [workload("double"), workload("again")],
        [worker(log, "a"), worker(log, "b"), Subject("peer", missing="install it")],
        baseline="a",
        rounds=2,
    )
    report = await run_plan(plan, notes)
    assert [f"{number}{job[0]}{name}" for number, job, name in notes.runs] == (
        ["0da", "0db", "0aa", "0ab", "1db", "1da", "1ab", "1aa"]
    )
    assert [(row.subject, row.median, row.ratio) for row in report.rows] == [
        *[("a", 42.0, 1.0), ("b", 42.0, 1.0), ("peer", None, None)] * 2
    ]
    assert report.versions == {"a": "worker 1.0", "b": "worker 1.0"}
    assert len(set(pids(log))) == 4  # each subject anew in each round


async def test_a_failure_costs_its_row_alone(log: Path) -> None:
    """It is told once, not tried again, and the others go on."""
    notes = Notes()
    plan = Plan([workload("die"), workload("double")], [worker(log)], baseline="worker", rounds=3)
    report = await run_plan(plan, notes)
    died, doubled = report.rows
    assert died.median is None
    assert died.note == "failed: its process ended. It said: it was too much; 0 of 3 rounds"
    assert (doubled.median, doubled.note) == (42.0, None)
    assert [one[:2] for one in notes.failures] == [("die", "worker")]


async def test_the_time_for_everything_can_be_over(log: Path) -> None:
    """What was measured until then is kept, and what was running is ended."""
    notes = Notes()
    plan = Plan(
        [workload("double"), workload("hang")], [worker(log)], "worker", rounds=2, budget=2.0
    )
    report = await run_plan(plan, notes)
    assert notes.lateness == 1
    assert notes.failures == []
    assert [(row.median, row.note) for row in report.rows] == [
        (42.0, "1 of 2 rounds"),
        (None, "0 of 2 rounds"),
    ]
    with pytest.raises(ProcessLookupError):
        os.kill(pids(log)[-1], 0)


async def test_a_cancelled_run_leaves_no_process(log: Path) -> None:
    """Whatever it was doing."""
    plan = Plan([workload("hang")], [worker(log)], baseline="worker", rounds=1)
    running = asyncio.create_task(run_plan(plan, Notes()))
    async with asyncio.timeout(20.0):
        while not pids(log):
            await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(ProcessLookupError):
        os.kill(pids(log)[-1], 0)
