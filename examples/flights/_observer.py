"""Looks at a run from outside: how far it is, who runs what, what crashed."""

import time

from callboard import FailureEvent
from callboard.transport import Inspector

from ._company import Company
from ._entities import Aircraft, Airport
from ._options import WORKERS, DemoOptions
from ._progress import Meter, NodeProgress, NodeState, Progress
from ._screen import Screen


class Observer:
    """Asks the cluster, listens to heartbeats and failures, and shows what it learns.

    Args:
        options: What was asked for.
        screen: Where it is shown.
        company: The processes.
        inspector: Looks at the run's topics.
    """

    def __init__(
        self, options: DemoOptions, screen: Screen, company: Company, inspector: Inspector
    ) -> None:
        self._options = options
        self._screen = screen
        self._company = company
        self._inspector = inspector
        self._began = time.monotonic()
        self._meter = Meter()
        self.sent = 0
        """Rows in Kafka."""
        self.handled = 0
        """Rows handled, with all that followed from them in Kafka."""
        self.lag = 0
        """Messages in mailboxes that are not handled yet."""
        self.restarts = 0
        """Entities restarted after a crash."""
        inspector.on_failure(self._failed)

    async def measure(self) -> None:
        """Ask the cluster how far the run is.

        Raises:
            TransportError: It does not answer.
        """
        inspector = self._inspector
        # In this order: what an Aircraft tells is in Kafka before its flight counts as handled.
        aircraft = await inspector.lag(Aircraft)
        airports = await inspector.lag(Airport)
        self.sent = await inspector.written(Aircraft)
        self.handled = max(0, self.sent - aircraft)
        self.lag = aircraft + airports

    def assembled(self) -> bool:
        """Return whether the workers that run have shared out all partitions."""
        owned = [self._owned(name) for name in self._company.running()]
        return all(owned) and sum(owned) == Aircraft.partitions + Airport.partitions

    def said_goodbye(self, names: list[str]) -> bool:
        """Return whether these nodes' last heartbeats have arrived."""
        members = self._inspector.members()
        return all(name in members and members[name].leaving for name in names)

    def count(self, counter: str) -> int:
        """Sum a counter over all workers.

        A killed worker said it last up to half a second before it died; what
        it did after that is missing.
        """
        return sum(member.counters.get(counter, 0) for member in self._inspector.members().values())

    def seconds(self) -> float:
        """Return how long the run has taken."""
        return time.monotonic() - self._began

    def tell(self, what: str, text: str) -> None:
        """Tell of an event in one line."""
        self._screen.tell(self.seconds(), what, text)

    def show(self) -> None:
        """Show where the run stands."""
        now = self.seconds()
        members = self._inspector.members()
        handled = {
            name: members[name].counters.get("handled", 0) if name in members else 0
            for name in self._company.workers
        }
        rates = self._meter.rates(now, handled)
        rows = max(WORKERS + self._options.kills, len(self._company.workers))
        nodes = tuple(
            NodeProgress(
                node=name,
                state=self._state(name),
                owned=self._owned(name),
                handled=handled.get(name, 0),
                rate=rates.get(name, 0.0),
            )
            for name in (f"worker-{n + 1}" for n in range(rows))
        )
        self._screen.show(
            Progress(
                seconds=now,
                flights=self._options.flights,
                handled=self.handled,
                lag=self.lag,
                rate=sum(rates.values()),
                restarts=self.restarts,
                quarantined=self.count("quarantined"),
                skipped=self.count("redeliveries_skipped"),
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

    def _failed(self, event: FailureEvent) -> None:
        entity = "/".join(event.path.rsplit("/", 2)[-2:])
        error = f"{event.error_type}: {event.error}"
        what, then = "crash", event.decision
        if event.decision in {"retry", "restart"}:
            self.restarts += 1
            then = f"attempt {event.attempt + 1} in {event.delay * 1000:.0f} ms"
        elif event.decision == "quarantine":
            what, then = "parked", f"quarantined, attempt {event.attempt}"
        # Then before the error: a narrow terminal cuts the end off.
        self.tell(what, f"{entity} on {event.node}: {then}: {error}")
