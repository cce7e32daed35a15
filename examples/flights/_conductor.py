"""Conducts a run: starts the processes, kills some, waits for the end, compares the totals."""

import asyncio
import secrets
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from callboard import CallboardError, TransportError
from callboard.transport import Inspector

from ._company import Company
from ._data import find_archive
from ._entities import Aircraft, Airport
from ._expected import Expected, compute_expected
from ._observer import Observer
from ._options import WORKERS, DemoOptions, PlannedKill, plan_kills
from ._report import Report
from ._screen import Screen
from ._verification import Outcome, verify

_TICK = 0.25
_ASSEMBLY = 60.0
_JOIN_AFTER = 2.0
_STALL = 60.0
_UNREACHABLE = 15.0
_FAREWELL = 3.0


class DemoFailed(CallboardError):  # noqa: N818 named as the errors it derives from
    """The run did not come to its end."""


def system_name() -> str:
    """Return a name no other run has, so that runs on one cluster never meet."""
    return f"flights-{secrets.token_hex(3)}"


async def conduct(options: DemoOptions, screen: Screen, *, system: str) -> Report:
    """Run the demo.

    Order of events: broker, workers, dispatcher; kills and replacements; when
    everything is handled the workers are stopped, and the totals compared.
    However it ends, no process stays, and on a given cluster no topic either.

    Args:
        options: What was asked for.
        screen: Where it is shown; the caller has entered it.
        system: A name no other run has.

    Raises:
        CallboardError: No data, no broker, a process that failed, or no
            progress for a minute.
    """
    archive = find_archive()
    with TemporaryDirectory(prefix="callboard-demo-", ignore_cleanup_errors=True) as folder:
        company = Company(system, options, Path(folder))
        try:
            await company.start_broker()
            async with Inspector(company.transport, system) as inspector:
                try:
                    return await Conductor(options, screen, company, inspector, archive).run()
                finally:
                    await company.stop_nodes()
                    if options.transport is not None:
                        await inspector.delete_topics([Aircraft, Airport])
        finally:
            await company.stop_nodes()
            await company.stop_broker()


class Conductor:
    """One run on a cluster that is there.

    Args:
        options: What was asked for.
        screen: Where it is shown.
        company: The processes.
        inspector: Looks at the run's topics.
        archive: The zipped CSV file.
    """

    def __init__(
        self,
        options: DemoOptions,
        screen: Screen,
        company: Company,
        inspector: Inspector,
        archive: Path,
    ) -> None:
        self._options = options
        self._company = company
        self._inspector = inspector
        self._archive = archive
        self._observer = Observer(options, screen, company, inspector)
        self._plan = plan_kills(options)
        self._joins: list[float] = []  # when replacements are due

    async def run(self) -> Report:
        """Run to the end; see `conduct`."""
        # Beside the start of the processes, which is mostly waiting.
        expecting = asyncio.create_task(
            asyncio.to_thread(compute_expected, self._archive, self._options.flights)
        )
        try:
            await self._assemble()
            await self._company.start_dispatcher(self._plan)
            await self._replay()
            await self._dismiss()
            return await self._compare(await expecting)
        finally:
            expecting.cancel()

    # -- the acts -----------------------------------------------------------------------

    async def _assemble(self) -> None:
        """Start the workers and wait until each runs some partitions."""
        for _ in range(WORKERS):
            await self._company.start_worker()
        deadline = time.monotonic() + _ASSEMBLY
        while not self._observer.assembled():
            await self._disturb()
            self._company.check()
            self._observer.show()
            if time.monotonic() > deadline:
                raise DemoFailed(
                    f"the workers did not share out the partitions within {_ASSEMBLY:g} s."
                    f"{self._company.last_words()}"
                )
            await asyncio.sleep(_TICK)

    async def _replay(self) -> None:
        """Follow the replay, and disturb it as planned, until everything is handled."""
        company, observer = self._company, self._observer
        answered = moved = time.monotonic()
        figures = (0, 0, 0)
        while True:
            await self._disturb()
            company.check()
            dispatched = company.dispatched  # asked before: what is sent later is not in the lag
            done = False
            try:
                await observer.measure()
                answered = time.monotonic()
                done = dispatched and observer.lag == 0
            except TransportError as error:
                # The cluster may be busy with its own troubles for a moment.
                if time.monotonic() - answered > _UNREACHABLE:
                    raise DemoFailed(f"the cluster does not answer any more: {error}") from error
            observer.show()
            if done and not self._plan and not self._joins and observer.assembled():
                return
            before, figures = figures, (observer.sent, observer.handled, observer.lag)
            if figures != before:
                moved = time.monotonic()
            elif time.monotonic() - moved > _STALL:
                raise DemoFailed(
                    f"nothing moved for {_STALL:g} s, after {observer.handled:,} flights and with "
                    f"{observer.lag:,} messages waiting.{company.last_words()}"
                )
            await asyncio.sleep(_TICK)

    async def _dismiss(self) -> None:
        """Stop the workers; their last heartbeats carry their final counts."""
        observer = self._observer
        names = self._company.running()
        for name in await self._company.stop_workers():
            observer.tell("kill", f"{name} did not stop in good order")
        for _ in range(int(_FAREWELL / _TICK)):
            if observer.said_goodbye(names):
                break
            await asyncio.sleep(_TICK)
        observer.show()

    async def _compare(self, expected: Expected) -> Report:
        inspector, observer = self._inspector, self._observer
        observer.tell("compare", "with totals computed straight from the CSV file")
        parked = await inspector.quarantined(Aircraft)
        outcome = Outcome(
            aircraft=await inspector.states(Aircraft),
            airports=await inspector.states(Airport),
            quarantined=[*parked, *await inspector.quarantined(Airport)],
        )
        messages = await inspector.written(Aircraft) + await inspector.written(Airport)
        verdict = verify(expected, outcome)
        return Report(
            flights=self._options.flights,
            aircraft=len(outcome.aircraft),
            airports=len(outcome.airports),
            messages=messages,
            mismatches=tuple(verdict.mismatches),
            lost=verdict.lost,
            redeliveries_skipped=observer.count("redeliveries_skipped"),
            restarts=observer.restarts,
            quarantined=len(outcome.quarantined),
            poisoned=sum(stored.parked for stored in outcome.aircraft.values()),
            killed=self._company.killed,
            seconds=observer.seconds(),
            transport=self._company.transport,
        )

    # -- disturbing -----------------------------------------------------------------------

    async def _disturb(self) -> None:
        """Kill and replace what is due; also replace what others killed."""
        for name in self._company.bury():
            self._joins.append(time.monotonic() + _JOIN_AFTER)
            self._observer.tell("kill", f"{name} was killed from outside")
        if self._plan and self._ripe(self._plan[0]):
            await self._kill(self._plan.pop(0))
        while self._joins and self._joins[0] <= time.monotonic():
            del self._joins[0]
            name = await self._company.start_worker()
            self._observer.tell("join", f"{name} (process {self._company.pid(name)}) starts")

    def _ripe(self, kill: PlannedKill) -> bool:
        """The replay has come so far, and the nodes have settled since the last kill."""
        return (
            self._observer.handled >= kill.row
            and len(self._company.running()) >= WORKERS
            and self._observer.assembled()
        )

    async def _kill(self, kill: PlannedKill) -> None:
        name = kill.victim(self._company.running())
        await self._company.kill(name)
        self._company.release()
        self._joins.append(time.monotonic() + _JOIN_AFTER)
        self._observer.tell(
            "kill",
            f"{name} (process {self._company.pid(name)}) with kill -9, after "
            f"{self._observer.handled:,} of {self._options.flights:,} flights",
        )
