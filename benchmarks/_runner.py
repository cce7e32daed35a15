"""The rounds: in each, every subject is measured once on every workload, in turn.

So that all of them see the same good and bad moments of the machine. Processes are started anew in
each round, before and not while something is timed, and one at a time has something to do.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from ._plan import Plan, Subject, Workload
from ._rows import Pair, Row, make_rows
from ._session import RunFailed, Session


@dataclass(frozen=True, slots=True)
class Report:
    """What came out.

    Attributes:
        rows: one for each workload and subject.
        versions: what was measured, by subject.
    """

    rows: Sequence[Row]
    versions: Mapping[str, str]


class Watcher(Protocol):
    """Who wants to know how it goes."""

    def running(self, number: int, workload: str, subject: str) -> None:
        """A run begins, in that round."""
        ...

    def failed(self, workload: str, subject: str, reason: str) -> None:
        """A run gave no figure; the pair is left out of the following rounds."""
        ...

    def late(self) -> None:
        """The time for everything is over; what has not been measured is left out."""
        ...


async def run_plan(plan: Plan, watcher: Watcher) -> Report:
    """Measure all of it, and return the rows.

    A run that fails costs its figure and no more. When this is cancelled, every process that it
    started is ended first.
    """
    runner = _Runner(plan, watcher)
    try:
        async with asyncio.timeout(plan.budget):
            await runner.run()
    except TimeoutError:
        watcher.late()
    return Report(make_rows(plan, runner.figures, runner.failures), runner.versions)


@contextlib.asynccontextmanager
async def _sessions(plan: Plan, folder: Path) -> AsyncGenerator[dict[str, Session]]:
    sessions = {one.name: Session(one, folder) for one in plan.subjects if one.missing is None}
    try:
        yield sessions
    finally:
        # First all of them, without waiting in between: a second Ctrl-C must find none alive.
        for session in sessions.values():
            session.kill()
        for session in sessions.values():
            await session.close()


class _Runner:
    """One plan, while it is carried out."""

    def __init__(self, plan: Plan, watcher: Watcher) -> None:
        self.figures: dict[Pair, list[float | None]] = {}
        self.failures: dict[Pair, str] = {}
        self.versions: dict[str, str] = {}
        self._plan = plan
        self._watcher = watcher

    async def run(self) -> None:
        """Run all rounds."""
        with TemporaryDirectory(prefix="callboard-bench-") as folder:
            for number in range(self._plan.rounds):
                async with _sessions(self._plan, Path(folder)) as sessions:
                    await self._round(number, sessions)

    async def _round(self, number: int, sessions: Mapping[str, Session]) -> None:
        for workload in self._plan.workloads:
            for subject in rotated(self._plan.subjects, number):
                session = sessions.get(subject.name)
                if session is not None and self._takes_part(workload, subject):
                    self._watcher.running(number, workload.name, subject.name)
                    figure = await self._run(workload, subject, session)
                    self.figures.setdefault((workload.name, subject.name), []).append(figure)
                    self.versions[subject.name] = session.version

    def _takes_part(self, workload: Workload, subject: Subject) -> bool:
        pair = (workload.name, subject.name)
        return (
            workload.is_for(subject.name)
            and workload.name not in subject.cannot
            and pair not in self.failures
        )

    async def _run(self, workload: Workload, subject: Subject, session: Session) -> float | None:
        size, seconds = self._plan.size(workload, subject), self._plan.patience(workload)
        try:
            return await session.run(workload.job, size, seconds)
        except RunFailed as error:
            self.failures[workload.name, subject.name] = str(error)
            self._watcher.failed(workload.name, subject.name, str(error))
            return None


def rotated(subjects: Sequence[Subject], number: int) -> list[Subject]:
    """Return the subjects in the order of a round: each is first once in a while."""
    by = number % len(subjects) if subjects else 0
    return [*subjects[by:], *subjects[:by]]
