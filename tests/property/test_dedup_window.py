"""The bounded window remembers as much as an unbounded one would."""

from hypothesis import given
from hypothesis import strategies as st

from callboard.transport.delivery import MessageId, Window


@st.composite
def arrivals(draw: st.DrawFn) -> list[tuple[int, int]]:
    """(number, floor) as a source with crashes sends them.

    The source handles numbers in any order within what it has in flight. Its
    floor is the lowest number not acknowledged. A crash throws it back to the
    floor: it sends the same numbers again.
    """
    total = draw(st.integers(1, 30))
    sent: list[tuple[int, int]] = []
    floor, open_numbers, upcoming = 0, set[int](), 0
    for _ in range(200):
        if floor >= total:
            break
        choice = draw(st.integers(0, 9))
        if choice == 0:
            open_numbers, upcoming = set(), floor  # crash: what is not acknowledged is repeated
        elif choice < 5 and upcoming < total:
            open_numbers.add(upcoming)
            sent.append((upcoming, floor))
            upcoming += 1
        elif open_numbers:
            open_numbers.discard(draw(st.sampled_from(sorted(open_numbers))))
            floor = min(open_numbers, default=upcoming)
    return sent


@given(arrivals())
def test_window_agrees_with_unbounded_memory(sent: list[tuple[int, int]]) -> None:
    """Every message is applied exactly once, whatever the source repeats."""
    window, applied = Window(), list[int]()
    for number, floor in sent:
        message = MessageId("source", number)
        if not window.has(message):
            window.add(message, floor)
            applied.append(number)
    assert sorted(applied) == sorted({number for number, _ in sent})


@given(arrivals())
def test_window_survives_being_stored(sent: list[tuple[int, int]]) -> None:
    """Storing and reading back after every message changes no decision."""
    plain, stored = Window(), Window()
    for number, floor in sent:
        message = MessageId("source", number)
        stored = Window(stored.entries())
        assert stored.has(message) == plain.has(message)
        if not plain.has(message):
            plain.add(message, floor)
            stored.add(message, floor)


@given(arrivals())
def test_window_forgets_what_lies_below_the_floor(sent: list[tuple[int, int]]) -> None:
    """What is kept is what is at or above the floor: the bound is the source's in-flight."""
    window, highest_floor = Window(), 0
    for number, floor in sent:
        message = MessageId("source", number)
        if not window.has(message):
            window.add(message, floor)
            highest_floor = max(highest_floor, floor)
        for _, kept_floor, seen in window.entries():
            assert kept_floor == highest_floor
            assert all(n >= highest_floor for n in seen)


def test_a_source_too_many_pushes_out_the_one_heard_longest_ago() -> None:
    """The number of sources is bounded; hearing from one keeps it."""
    window = Window(sources=2)
    window.add(MessageId("a", 1), 0)
    window.add(MessageId("b", 1), 0)
    window.add(MessageId("a", 2), 0)
    window.add(MessageId("c", 1), 0)
    assert window.has(MessageId("a", 1))
    assert not window.has(MessageId("b", 1))
    assert window.has(MessageId("c", 1))


def test_an_older_floor_does_not_sink_the_window() -> None:
    """A paused sender wakes up with an old floor; what is known stays known."""
    window = Window()
    window.add(MessageId("a", 10), 9)
    window.add(MessageId("a", 11), 3)
    assert window.has(MessageId("a", 5))


def test_ids_read_back_as_written() -> None:
    """An id is text in a header, and parses to the same source and number."""
    derived = MessageId.derived("bank.Account/3", 1234, 7)
    assert str(derived) == "bank.Account/3:1234.7"
    assert MessageId.parse(str(derived)) == derived


def test_a_strangers_id_is_no_id_of_ours() -> None:
    """Records of other programs may carry any ce_id; none is taken for a place in a log."""
    for text in ("", "abc", "a:b", "a:1", "a:1.x", ":1.1", "a:1.65536", "a:-1.0", "a:٣.0"):
        parsed = MessageId.parse(text)
        assert parsed is None or str(parsed) == text
