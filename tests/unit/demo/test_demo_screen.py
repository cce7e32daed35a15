"""What a person sees of the demo."""

import io
import json

import pytest
from rich.console import Console

from callboard.demo import Report, make_screen, print_report
from callboard.demo._progress import NodeProgress, Progress
from callboard.demo._screen import render


def console(width: int = 100, *, terminal: bool = False) -> Console:
    """Return a console that writes into memory."""
    return Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)


def written(target: Console) -> str:
    """Return what was written to a console."""
    assert isinstance(target.file, io.StringIO)
    return target.file.getvalue()


def progress(seconds: float = 12.3, handled: int = 1_000) -> Progress:
    """Return a moment with a worker in each state."""
    return Progress(
        seconds=seconds,
        flights=336_776,
        handled=handled,
        lag=20_411,
        rate=9_800.4,
        restarts=12,
        quarantined=1_230,
        skipped=85,
        nodes=(
            NodeProgress(node="worker-1", state="killed", handled=203_114),
            NodeProgress(node="worker-2", state="running", owned=15, handled=5, rate=9_800.4),
            NodeProgress(node="worker-3", state="starting"),
            NodeProgress(node="worker-4", state="waiting"),
        ),
    )


def report(**changes: object) -> Report:
    """Return the report of a run without mismatches."""
    fields: dict[str, object] = {
        "flights": 4_000,
        "aircraft": 1_666,
        "airports": 97,
        "messages": 11_957,
        "mismatches": (),
        "lost": 0,
        "redeliveries_skipped": 3,
        "restarts": 2,
        "quarantined": 6,
        "poisoned": 1,
        "killed": ("worker-1",),
        "seconds": 10.339,
        "transport": "kafka://127.0.0.1:9092",
    }
    return Report(**fields | changes)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_block_has_the_same_height_in_every_terminal(width: int) -> None:
    """Neither a narrow terminal nor large figures move what is below a line."""
    heights: set[int] = set()
    for handled in (0, 1, 336_776):
        target = console(width)
        target.print(render(progress(handled=handled), "a title " * 20, width))
        lines = written(target).splitlines()
        assert max(len(line) for line in lines) <= width
        heights.add(len(lines))
    assert heights == {10}


def test_the_block_shows_what_matters() -> None:
    """Rate, lag, partitions, restarts and rows left are all there."""
    target = console()
    target.print(render(progress(), "title", 100))
    text = written(target)
    for figure in ("9,800 messages/s", "lag 20,411", "335,776 rows left", "restarts 12"):
        assert figure in text
    assert "quarantined 1,230" in text
    assert "redeliveries skipped 85" in text


def test_a_pipe_gets_a_line_every_two_seconds() -> None:
    """Without a terminal nothing is redrawn, and events are not held back."""
    target = console(40)
    with make_screen(target, "title") as screen:
        for tenths in range(50):
            screen.show(progress(seconds=tenths / 10))
        screen.tell(5.0, "kill", "worker-1 with kill -9")
    lines = written(target).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["0.0", "2.0", "4.0", "5.0"]
    assert "\x1b" not in written(target)


def test_a_terminal_gets_a_live_block() -> None:
    """Events are printed above it, whatever characters they have."""
    target = console(terminal=True)
    with make_screen(target, "title") as screen:
        screen.show(progress())
        screen.tell(5.0, "crash", "Aircraft/N1: ValueError: [/] is not markup")
        screen.show(progress())
    assert "[/] is not markup" in written(target)


def test_json_is_one_line_with_all_figures() -> None:
    """Programs read it as the last line of standard output."""
    text = report(mismatches=("Aircraft/N1: flights 1 instead of 2",), lost=1).as_json()
    assert "\n" not in text
    assert json.loads(text) == {
        "flights": 4_000,
        "aircraft": 1_666,
        "airports": 97,
        "messages": 11_957,
        "mismatches": 1,
        "lost": 1,
        "redeliveries_skipped": 3,
        "restarts": 2,
        "quarantined": 6,
        "poisoned": 1,
        "killed": ["worker-1"],
        "seconds": 10.34,
        "transport": "kafka://127.0.0.1:9092",
    }


def test_a_failed_report_lists_its_differences() -> None:
    """The first twenty are written out, the rest is counted."""
    target = console()
    failed = report(mismatches=tuple(f"Aircraft/N{n}: [x]" for n in range(25)), lost=25)
    print_report(target, failed)
    text = written(target)
    assert not failed.passed
    assert "25 differences" in text
    assert "Aircraft/N19: [x]" in text
    assert "Aircraft/N20" not in text
    assert "and 5 more" in text
