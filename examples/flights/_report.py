"""What a run ended in: for people as a table, for programs as JSON."""

import json
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table

_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The figures of a run.

    Attributes:
        flights: Rows replayed.
        aircraft: Aircraft there are.
        airports: Airports there are.
        messages: Messages written to all mailboxes.
        mismatches: The differences to the CSV file, one sentence each.
        lost: Messages missing in the totals.
        redeliveries_skipped: Messages delivered again and recognized.
        restarts: Entities restarted after a crash.
        quarantined: Messages in quarantine.
        poisoned: Entities with a message in quarantine.
        killed: Nodes killed.
        seconds: From the first process started to the last total compared.
        transport: URL of the cluster.
    """

    flights: int
    aircraft: int
    airports: int
    messages: int
    mismatches: tuple[str, ...]
    lost: int
    redeliveries_skipped: int
    restarts: int
    quarantined: int
    poisoned: int
    killed: tuple[str, ...]
    seconds: float
    transport: str

    @property
    def passed(self) -> bool:
        """Everything is as the CSV file says."""
        return not self.mismatches and not self.lost

    def as_json(self) -> str:
        """Return the figures as one JSON object on one line."""
        return json.dumps(
            {
                "flights": self.flights,
                "aircraft": self.aircraft,
                "airports": self.airports,
                "messages": self.messages,
                "mismatches": len(self.mismatches),
                "lost": self.lost,
                "redeliveries_skipped": self.redeliveries_skipped,
                "restarts": self.restarts,
                "quarantined": self.quarantined,
                "poisoned": self.poisoned,
                "killed": list(self.killed),
                "seconds": round(self.seconds, 2),
                "transport": self.transport,
            }
        )


def print_report(console: Console, report: Report) -> None:
    """Print the figures, the verdict, and the differences if there are any."""
    table = Table(box=box.SIMPLE_HEAD, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for name, figure in (
        ("flights", f"{report.flights:,}"),
        ("aircraft", f"{report.aircraft:,}"),
        ("airports", f"{report.airports:,}"),
        ("messages", f"{report.messages:,}"),
        ("redeliveries skipped", f"{report.redeliveries_skipped:,}"),
        ("restarts", f"{report.restarts:,}"),
        ("quarantined", f"{report.quarantined:,}"),
        ("poisoned aircraft", f"{report.poisoned:,}"),
        ("killed", ", ".join(report.killed) or "none"),
        ("lost", f"{report.lost:,}"),
        ("seconds", f"{report.seconds:.1f}"),
    ):
        table.add_row(name, figure)
    console.print(table)
    entities = report.aircraft + report.airports
    if report.passed:
        console.print(
            f"[bold green]All equal:[/] the totals of {entities:,} entities and the quarantine "
            f"are what the CSV file says."
        )
        return
    console.print(
        f"[bold red]Not equal:[/] {len(report.mismatches):,} differences to the CSV file, "
        f"{report.lost:,} messages lost."
    )
    for sentence in report.mismatches[:_SHOWN]:
        console.print(f"  {sentence}", markup=False, highlight=False)
    if len(report.mismatches) > _SHOWN:
        console.print(f"  and {len(report.mismatches) - _SHOWN:,} more")
