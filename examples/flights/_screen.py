"""What a person sees while a replay runs."""

from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ._progress import NodeProgress, Progress

_STYLES = {
    "waiting": "dim",
    "starting": "yellow",
    "running": "green",
    "killed": "bold red",
    "stopped": "dim",
}
_PLAIN_EVERY = 2.0
_NARROW = 60


class Screen(Protocol):
    """Where a run is shown. Entered once; leaving gives the terminal back as it was."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def tell(self, seconds: float, what: str, text: str) -> None:
        """Tell of an event in one line: when, a word, a sentence."""
        ...

    def show(self, progress: Progress) -> None:
        """Show where the run stands now."""
        ...


class LiveScreen:
    """A block of constant height at the bottom; events scroll by above it."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        # Redrawn only by `show`, several times a second: nothing else changes it.
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def tell(self, seconds: float, what: str, text: str) -> None:
        """Print a line above the block."""
        self._console.print(event_line(seconds, what, text))

    def show(self, progress: Progress) -> None:
        """Draw the block anew."""
        self._live.update(render(progress, self._title, self._console.width), refresh=True)


class PlainScreen:
    """For files and pipes: events as they come, and a line of figures every two seconds."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._shown = float("-inf")

    def __enter__(self) -> Self:
        self._print(Text(self._title))
        return self

    def __exit__(self, *_: object) -> None:
        return

    def tell(self, seconds: float, what: str, text: str) -> None:
        """Print a line."""
        self._print(event_line(seconds, what, text))

    def show(self, progress: Progress) -> None:
        """Print a line, unless the last one is less than two seconds old."""
        if progress.seconds - self._shown >= _PLAIN_EVERY:
            self._shown = progress.seconds
            self.tell(progress.seconds, "", summary(progress))

    def _print(self, text: Text) -> None:
        # One event, one line: a pipe has no width to wrap at.
        self._console.print(text, soft_wrap=True)


def make_screen(console: Console, title: str) -> Screen:
    """Return the screen that suits a console."""
    return LiveScreen(console, title) if console.is_terminal else PlainScreen(console, title)


def event_line(seconds: float, what: str, text: str) -> Text:
    """Return the line that tells of an event."""
    style = {"crash": "yellow", "kill": "bold red", "parked": "magenta", "join": "green"}
    return Text.assemble((f"{seconds:6.1f} s  ", "dim"), (f"{what:<9}", style.get(what, "")), text)


def summary(progress: Progress) -> str:
    """Return the figures of a moment as one line."""
    nodes = ", ".join(
        f"{node.node} {node.state if node.state != 'running' else f'{node.owned} partitions'}"
        for node in progress.nodes
        if node.state != "waiting"
    )
    return (
        f"{progress.handled:,} of {progress.flights:,} flights, {progress.left:,} left, "
        f"{progress.rate:,.0f} messages/s, lag {progress.lag:,}, "
        f"restarts {progress.restarts:,}, quarantined {progress.quarantined:,}; {nodes}"
    )


def render(progress: Progress, title: str, width: int) -> RenderableType:
    """Return the block for a terminal of `width` columns; its height depends on neither."""
    total = f"{progress.flights:,}"
    bar = Table.grid(expand=True, padding=(0, 1, 0, 0))
    bar.add_column(ratio=1)
    bar.add_column(no_wrap=True)
    bar.add_row(
        ProgressBar(total=progress.flights, completed=progress.handled),
        f"{progress.handled:>{len(total)},} of {total} flights",
    )
    return Group(
        "",
        Text(title, style="bold", no_wrap=True, overflow="ellipsis"),
        bar,
        _line(
            f"{progress.rate:,.0f} messages/s",
            f"lag {progress.lag:,}",
            f"{progress.left:,} rows left",
            f"{progress.seconds:.0f} s",
        ),
        _line(
            f"restarts {progress.restarts:,}",
            f"quarantined {progress.quarantined:,}",
            f"redeliveries skipped {progress.skipped:,}",
        ),
        _nodes(progress.nodes, narrow=width < _NARROW),
    )


def _line(*parts: str) -> Text:
    return Text(" · ".join(parts), no_wrap=True, overflow="ellipsis")


def _nodes(nodes: tuple[NodeProgress, ...], *, narrow: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    # Widths that do not change with what is in the columns: the eye stays where it was.
    table.add_column("node", no_wrap=True, min_width=8)
    table.add_column("state", no_wrap=True, min_width=8)
    table.add_column("parts" if narrow else "partitions", justify="right", no_wrap=True)
    table.add_column("handled", justify="right", no_wrap=True, min_width=9)
    table.add_column("msg/s" if narrow else "messages/s", justify="right", no_wrap=True)
    for node in nodes:
        silent = node.state in {"waiting", "starting"}
        table.add_row(
            escape(node.node),
            Text(node.state, style=_STYLES[node.state]),
            f"{node.owned}" if node.state == "running" else "-",
            "-" if silent else f"{node.handled:,}",
            f"{node.rate:,.0f}" if node.state == "running" else "-",
        )
    return table
