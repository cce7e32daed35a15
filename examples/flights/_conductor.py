"""Conducts a run: starts the processes, kills some, waits for the end, compares the totals."""

import asyncio
import secrets
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from callboard import CallboardError, FailureEvent, TransportError
from callboard.transport import Inspector

from ._company import Company
from ._data import find_archive
from ._entities import Aircraft, Airport
from ._expected import Expected, compute_expected
from ._options import WORKERS, DemoOptions, PlannedKill, plan_kills
from ._progress import Meter, NodeProgress, NodeState, Progress
from ._report import Report
from ._screen import Screen
from ._verification import Outcome, Verdict, verify

_TICK = 0.25
_JOIN_DEADLINE = 60.0
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
        self._screen = screen
        self._company = company
        self._inspector = inspector
        self._archive = archive
        self._plan = plan_kills(options)
        self._started = time.monotonic()
        self._restarts = 0
        self._meter = Meter()
        self._progress = Progress(seconds=0.0, flights=options.flights)
        self._joins: list[float] = []  # when replacements are due

    async def run(self) -> Report:
        """Run to the end; see `conduct`."""
        self._inspector.on_failure(self._failed)
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
        deadline = time.monotonic() + _JOIN_DEADLINE
        while not self._assembled():
            self._company.check()
            self._show()
            if time.monotonic() > deadline:
                raise DemoFailed(
                    f"the workers did not share out the partitions within {_JOIN_DEADLINE:g} s."
                    f"{self._company.last_words()}"
                )
            await asyncio.sleep(_TICK)

    def _assembled(self) -> bool:
        owned = [self._owned(name) for name in self._company.running()]
        return all(owned) and sum(owned) == Aircraft.partitions + Airport.partitions

    async def _replay(self) -> None:
        """Follow the replay, and disturb it as planned, until everything is handled."""
        plan = list(self._plan)
        moved, unreachable = time.monotonic(), 0.0
        while True:
            self._company.check()
            before = self._progress
            try:
                done = await self._measure()
                unreachable = 0.0
            except TransportError as error:
                # The cluster may be busy with its own troubles for a moment.
                unreachable = unreachable or time.monotonic()
                if time.monotonic() - unreachable > _UNREACHABLE:
                    raise DemoFailed(f"the cluster does not answer any more: {error}") from error
                done = False
            self._show()
            if plan and self._ripe(plan[0]):
                await self._kill(plan.pop(0))
            await self._join_due()
            if done and not plan and not self._joins and self._assembled():
                return
            now = time.monotonic()
            if (before.handled, before.lag, before.sent) != (
                self._progress.handled,
                self._progress.lag,
                self._progress.sent,
            ):
                moved = now
            elif now - moved > _STALL:
                raise DemoFailed(
                    f"nothing moved for {_STALL:g} s, with {self._progress.left:,} rows left and "
                    f"{self._progress.lag:,} messages waiting.{self._company.last_words()}"
                )
            await asyncio.sleep(_TICK)

    async def _dismiss(self) -> None:
        """Stop the workers; their last heartbeats carry their final counts."""
        names = self._company.running()
        for name in await self._company.stop_workers():
            self._tell("kill", f"{name} did not stop in time")
        deadline = time.monotonic() + _FAREWELL
        while time.monotonic() < deadline:
            members = self._inspector.members()
            if all(name in members and members[name].leaving for name in names):
                break
            await asyncio.sleep(_TICK / 5)
        self._show()

    async def _compare(self, expected: Expected) -> Report:
        inspector = self._inspector
        parked = await inspector.quarantined(Aircraft)
        outcome = Outcome(
            aircraft=await inspector.states(Aircraft),
            airports=await inspector.states(Airport),
            quarantined=[*parked, *await inspector.quarantined(Airport)],
        )
        messages = await inspector.written(Aircraft) + await inspector.written(Airport)
        verdict: Verdict = verify(expected, outcome)
        return Report(
            flights=self._options.flights,
            aircraft=len(outcome.aircraft),
            airports=len(outcome.airports),
            messages=messages,
            mismatches=tuple(verdict.mismatches),
            lost=verdict.lost,
            redeliveries_skipped=self._count("redeliveries_skipped"),
            restarts=self._restarts,
            quarantined=len(outcome.quarantined),
            poisoned=sum(stored.parked for stored in outcome.aircraft.values()),
            killed=self._company.killed,
            seconds=self._seconds(),
            transport=self._company.transport,
        )

    # -- disturbing -----------------------------------------------------------------------

    def _ripe(self, kill: PlannedKill) -> bool:
        """The replay has come so far, and one worker at least would be left."""
        running = self._company.running()
        return (
            self._progress.handled >= kill.row
            and len(running) >= WORKERS
            and all(self._owned(name) for name in running)
        )

    async def _kill(self, kill: PlannedKill) -> None:
        name = kill.victim(self._company.running())
        pid = await self._company.kill(name)
        self._company.release()
        self._joins.append(time.monotonic() + _JOIN_AFTER)
        self._tell(
            "kill",
            f"{name} (process {pid}) with kill -9, "
            f"{self._progress.handled:,} of {self._options.flights:,} flights handled",
        )

    async def _join_due(self) -> None:
        while self._joins and self._joins[0] <= time.monotonic():
            del self._joins[0]
            self._tell("join", f"{await self._company.start_worker()} joins")

    # -- looking ----------------------------------------------------------------------------

    async def _measure(self) -> bool:
        """Ask the cluster how far it is; return whether all is sent and handled."""
        inspector = self._inspector
        dispatched = self._company.dispatched
        # In this order: what an Aircraft sends is in Kafka before its flight counts as handled.
        aircraft = await inspector.lag(Aircraft)
        airports = await inspector.lag(Airport)
        sent = await inspector.written(Aircraft)
        lag = aircraft + airports
        self._progress = Progress(
            seconds=self._seconds(),
            flights=self._options.flights,
            sent=sent,
            handled=max(0, sent - aircraft),
            lag=lag,
        )
        return dispatched and lag == 0

    def _show(self) -> None:
        known = self._inspector.members()
        now = self._seconds()
        handled = {
            name: known[name].counters.get("handled", 0) if name in known else 0
            for name in self._company.workers
        }
        rates = self._meter.rates(now, handled)
        nodes = tuple(
            NodeProgress(
                node=name,
                state=self._state(name),
                owned=self._owned(name),
                handled=handled.get(name, 0),
                rate=rates.get(name, 0.0),
            )
            for name in (f"worker-{n + 1}" for n in range(WORKERS + self._options.kills))
        )
        measured = self._progress
        self._screen.show(
            Progress(
                seconds=now,
                flights=measured.flights,
                sent=measured.sent,
                handled=measured.handled,
                lag=measured.lag,
                rate=sum(rates.values()),
                restarts=self._restarts,
                quarantined=self._count("quarantined"),
                skipped=self._count("redeliveries_skipped"),
                nodes=nodes,
            )
        )

    def _state(self, name: str) -> NodeState:
        company = self._company
        if name not in company.workers:
            return "waiting"
        if name in company.killed:
            return "killed"
        if company.stopped:
            return "stopped"
        return "running" if self._owned(name) else "starting"

    def _owned(self, name: str) -> int:
        member = self._inspector.members().get(name)
        return 0 if member is None else len(member.owned)

    def _count(self, counter: str) -> int:
        """Sum a counter over all workers.

        A killed worker said it last up to half a second before it died; what
        it did after that is missing.
        """
        return sum(member.counters.get(counter, 0) for member in self._inspector.members().values())

    def _failed(self, event: FailureEvent) -> None:
        where = "/".join(event.path.rsplit("/", 2)[-2:])
        crash = f"{where} on {event.node}: {event.error_type}: {event.error}"
        if event.decision in {"retry", "restart"}:
            self._restarts += 1
            then = f"restarted, attempt {event.attempt + 1} in {event.delay * 1000:.0f} ms"
            self._tell("crash", f"{crash}; {then}")
        elif event.decision == "quarantine":
            then = f"quarantined after attempt {event.attempt}; its later mail waits behind it"
            self._tell("parked", f"{crash}; {then}")
        else:
            self._tell("crash", f"{crash}; {event.decision}")

    def _tell(self, what: str, text: str) -> None:
        self._screen.tell(self._seconds(), what, text)

    def _seconds(self) -> float:
        return time.monotonic() - self._started
