"""The tracker under every interleaving of receiving and finishing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.transport.delivery import Tracker


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[int], list[tuple[str, int]]]:
    """A start, offsets with gaps, and an interleaving of receptions and finishes."""
    gaps = draw(st.lists(st.integers(1, 5), min_size=1, max_size=40))
    start = draw(st.integers(0, 1_000))
    offsets = [start + sum(gaps[: at + 1]) - 1 for at in range(len(gaps))]
    waiting: list[int] = []
    events: list[tuple[str, int]] = []
    at = 0
    while at < len(offsets) or waiting:
        if at < len(offsets) and (not waiting or draw(st.booleans())):
            waiting.append(offsets[at])
            events.append(("received", offsets[at]))
            at += 1
        else:
            done = waiting.pop(draw(st.integers(0, len(waiting) - 1)))
            events.append(("finished", done))
    return [start, *offsets], events


@given(histories())
def test_position_never_passes_an_unfinished_record(
    history: tuple[list[int], list[tuple[str, int]]],
) -> None:
    """Under any interleaving, everything below the position is finished."""
    (start, *_), events = history
    tracker = Tracker(start)
    unfinished: set[int] = set()
    for event, offset in events:
        if event == "received":
            assert tracker.received(offset)
            unfinished.add(offset)
        else:
            tracker.finished(offset)
            unfinished.discard(offset)
        assert all(offset >= tracker.position for offset in unfinished)
        assert tracker.in_flight == len(unfinished)


@given(histories())
def test_position_is_as_high_as_it_may_be(
    history: tuple[list[int], list[tuple[str, int]]],
) -> None:
    """The position is the lowest unfinished offset, or the next one when all are finished."""
    (start, *_), events = history
    tracker = Tracker(start)
    unfinished: set[int] = set()
    last = start - 1
    for event, offset in events:
        if event == "received":
            tracker.received(offset)
            unfinished.add(offset)
            last = offset
        else:
            tracker.finished(offset)
            unfinished.discard(offset)
            assert tracker.position == (min(unfinished) if unfinished else last + 1)
    assert tracker.position == last + 1
    assert tracker.span == 0


def test_a_record_handed_out_again_is_refused() -> None:
    """A repeated fetch hands out offsets a second time; the tracker takes each once."""
    tracker = Tracker(5)
    assert tracker.received(5)
    assert not tracker.received(5)
    assert not tracker.received(4)
    tracker.finished(5)
    assert not tracker.received(5)
    assert tracker.position == 6


def test_finishing_what_is_not_in_flight_is_an_error() -> None:
    """A record that finishes twice would hide a bug in the core; it is refused."""
    tracker = Tracker(0)
    tracker.received(0)
    tracker.finished(0)
    with pytest.raises(ValueError, match="offset 0 is not in flight"):
        tracker.finished(0)
