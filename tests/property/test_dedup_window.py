"""The bounded window remembers as much as an unbounded one would."""

from hypothesis import example, given
from hypothesis import strategies as st

from callboard.transport.delivery import Floor, MessageId, Window
from callboard.transport.delivery._state import decode_window, encode_window


def sent_as(number: int) -> MessageId:
    """Return the id of a message that the source sent while it handled its record `number`."""
    return MessageId.derived("source", number, 0)


@st.composite
def arrivals(draw: st.DrawFn) -> list[tuple[int, Floor]]:
    """(number, floor) as a source with crashes sends them.

    The source handles numbers in any order within what it has in flight. Its
    floor is the lowest number not acknowledged, or a later one with holes for
    those it passes over. A crash throws it back to the lowest: it sends the
    same numbers again.
    """
    total = draw(st.integers(1, 30))
    sent: list[tuple[int, Floor]] = []
    open_numbers, upcoming = set[int](), 0
    for _ in range(200):
        lowest = min(open_numbers, default=upcoming)
        if lowest >= total:
            break
        choice = draw(st.integers(0, 9))
        if choice == 0:
            open_numbers, upcoming = set(), lowest  # crash: what is not acknowledged is repeated
        elif choice < 5 and upcoming < total:
            open_numbers.add(upcoming)
            passed = sorted(open_numbers)[: draw(st.integers(0, 2))]
            offset = next((n for n in sorted(open_numbers) if n not in passed), upcoming + 1)
            sent.append((upcoming, Floor(offset, tuple(passed))))
            upcoming += 1
        elif open_numbers:
            open_numbers.discard(draw(st.sampled_from(sorted(open_numbers))))
    return sent


@given(arrivals())
def test_window_agrees_with_unbounded_memory(sent: list[tuple[int, Floor]]) -> None:
    """Every message is applied exactly once, whatever the source repeats."""
    window, applied = Window(), list[int]()
    for number, floor in sent:
        message = sent_as(number)
        if not window.has(message):
            window.add(message, floor)
            applied.append(number)
    assert sorted(applied) == sorted({number for number, _ in sent})


@example(
    # 1 is acknowledged and forgotten; started over, the source passes over it, and repeats it.
    [
        (0, Floor(0)),
        (1, Floor(0)),
        (2, Floor(2, (0,))),
        (3, Floor(3, (1, 2))),
        (1, Floor(1)),
    ]
)
@given(arrivals())
def test_window_survives_being_stored(sent: list[tuple[int, Floor]]) -> None:
    """Storing and reading back after every message changes no decision."""
    plain, stored = Window(), Window()
    for number, floor in sent:
        message = sent_as(number)
        stored = decode_window(encode_window(stored))
        assert stored.has(message) == plain.has(message)
        if not plain.has(message):
            plain.add(message, floor)
            stored.add(message, floor)


@given(arrivals())
def test_window_forgets_what_lies_below_the_floor(sent: list[tuple[int, Floor]]) -> None:
    """What is kept is at or above the highest floor heard, or in one of its holes."""
    window, highest = Window(), -1
    for number, floor in sent:
        message = sent_as(number)
        if not window.has(message):
            window.add(message, floor)
            highest = max(highest, floor.offset)
        for _, kept, seen in window.entries():
            assert kept.offset == highest
            assert all(n >> 16 >= highest or n >> 16 in kept.holes for n in seen)


def test_a_record_that_takes_long_does_not_hold_the_floor() -> None:
    """What is remembered of a source stays small while one of its records is in flight."""
    window = Window()
    for number in range(1, 5_000):
        window.add(sent_as(number), Floor(number, (0,)))
        window.entries()
    ((_, _, seen),) = window.entries()
    assert len(seen) == 1
    assert window.has(sent_as(4_000))
    assert not window.has(sent_as(0)), "the straggler itself is still to come"


def test_a_source_too_many_pushes_out_the_one_heard_longest_ago() -> None:
    """The number of sources is bounded; hearing from one keeps it."""
    window = Window(sources=2)
    for source, number in (("a", 1), ("b", 1), ("a", 2), ("c", 1)):
        window.add(MessageId(source, number), Floor(0))
    assert window.has(MessageId("a", 1))
    assert not window.has(MessageId("b", 1))
    assert window.has(MessageId("c", 1))


def test_an_older_floor_does_not_sink_the_window() -> None:
    """A paused sender wakes up with an old floor; what is known stays known."""
    window = Window()
    window.add(sent_as(10), Floor(9))
    window.add(sent_as(11), Floor(3))
    assert window.has(sent_as(5))


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
