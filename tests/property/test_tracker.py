"""The tracker under every interleaving of receiving and finishing."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.transport.delivery import Tracker
from callboard.transport.delivery._tracker import Load


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


@st.composite
def fetches(draw: st.DrawFn) -> tuple[int, str, list[list[int]]]:
    """A start, what an owner before has finished, and slices: with gaps, and handed out again."""
    start = draw(st.integers(0, 1_000))
    gaps = draw(st.lists(st.integers(1, 3), min_size=1, max_size=40))
    offsets = [start + sum(gaps[: at + 1]) - 1 for at in range(len(gaps))]
    before = draw(st.sampled_from(["", "0", "1-4", "2,5-9", "3,30"]))
    slices: list[list[int]] = []
    at = 0
    while at < len(offsets):
        until = at + draw(st.integers(1, 12))
        slices.append(offsets[max(0, at - draw(st.sampled_from([0, 0, 0, 1, 3]))) : until])
        at = until
    return start, before, [*slices, []]


@given(fetches(), st.integers(0, 99).map(random.Random))
def test_receiving_a_slice_is_receiving_its_records(
    fetched: tuple[int, str, list[list[int]]], chance: random.Random
) -> None:
    """Whether records are noted at once or one by one, the tracker says the same of them."""
    start, before, slices = fetched
    loads = Load(), Load()
    one, many = (Tracker(start, before, load=load, straggling=8) for load in loads)
    in_flight: list[int] = []
    for offsets in slices:
        sizes = [offset % 7 for offset in offsets]
        fresh = [at for at, size in zip(offsets, sizes, strict=True) if one.received(at, size)]
        if many.all_received(offsets, sizes):
            assert fresh == offsets
        else:
            again = [at for at, size in zip(offsets, sizes, strict=True) if many.received(at, size)]
            assert again == fresh
        in_flight += fresh
        chance.shuffle(in_flight)
        done = [in_flight.pop() for _ in range(chance.randint(0, len(in_flight)))]
        one.all_finished(done)
        many.all_finished(done)
        assert one.position == many.position
        assert one.in_flight == many.in_flight == len(in_flight)
        assert one.span == many.span
        assert one.committable() == many.committable()
        assert one.floor() == many.floor()
        assert (loads[0].records, loads[0].bytes) == (loads[1].records, loads[1].bytes)


def test_a_slice_that_begins_with_what_is_known_is_taken_record_by_record() -> None:
    """Nothing is noted of a slice that must perhaps lose a record."""
    tracker = Tracker(5, "1")
    assert not tracker.all_received([5, 6, 7], [1, 1, 1]), "an owner before has finished one"
    assert tracker.in_flight == 0
    assert [tracker.received(offset) for offset in (5, 6, 7)] == [True, False, True]
    tracker.all_finished([5, 7])
    assert not tracker.all_received([7, 8], [1, 1]), "one was handed out before"
    assert tracker.all_received([8, 10], [1, 1])
    assert tracker.in_flight == 2
