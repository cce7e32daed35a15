"""Rows as tables, for people."""

from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ._rows import Row
from ._runner import Report


def print_report(console: Console, report: Report) -> None:
    """Print one table per workload, then what was measured."""
    for _, rows in groupby(report.rows, key=lambda row: row.workload):
        console.print(make_table(list(rows)))
    for subject, version in report.versions.items():
        if version:
            console.print(Text(f"{subject}: {version}", style="dim"), soft_wrap=True)


def make_table(rows: list[Row]) -> Table:
    """Return the table of one workload; notes stand below it."""
    first = rows[0]
    notes = [f"{row.subject}: {row.note}" for row in rows if row.note]
    table = Table(
        title=f"{first.workload} ({first.unit})",
        title_justify="left",
        title_style="bold",
        caption="\n".join(notes) or None,
        caption_justify="left",
    )
    table.add_column("subject", no_wrap=True)
    for name in ("median", "min", "max", "ratio"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("goal")
    for row in rows:
        if row.median is None:
            figures = [Text(_absence(row), style="dim"), *(Text("") for _ in range(3))]
        else:
            ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
            figures = [Text(figure(row.median)), Text(figure(row.min)), Text(figure(row.max))]
            figures.append(Text(ratio))
        table.add_row(row.subject, *figures, _goal(row))
    return table


def figure(value: float | None) -> str:
    """Return a figure as short as its size allows."""
    if value is None:
        return ""
    if value >= 100_000:
        return f"{value / 1_000:,.0f}k"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _absence(row: Row) -> str:
    note = row.note or ""
    return note.partition(":")[0] if note.startswith(("not there:", "none:", "failed:")) else "none"


def _goal(row: Row) -> Text:
    if row.goal is None:
        return Text("")
    if row.met is None:
        return Text(row.goal)
    word, style = ("met", "green") if row.met else ("missed", "red")
    return Text.assemble(f"{row.goal}: ", (word, style))
