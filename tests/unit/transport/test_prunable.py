"""What may go from a mailbox: never what is at or above the group's position."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.transport._pruning import Progress, prunable


@pytest.mark.parametrize(
    ("committed", "young", "until", "why"),
    [
        (60, None, 60, "not handled yet"),
        (60, 90, 60, "not handled yet"),
        (60, 60, 60, "not handled yet"),
        (60, 40, 40, "too young"),
        (60, 10, 10, "too young"),
        (100, None, 100, ""),
        (100, 70, 70, "too young"),
        (10, None, 10, "not handled yet"),
        (0, None, 10, "not handled yet"),
        (None, None, 10, "nothing is committed"),
        (101, None, 10, "101 is committed and the log ends at 100"),
    ],
)
def test_what_is_handled_and_old_may_go(
    committed: int | None, young: int | None, until: int, why: str
) -> None:
    """Of a log from 10 to 100; and what keeps the rest is said."""
    (found,) = prunable([Progress("bank.Account", 3, 10, 100, committed, young)])
    assert (found.topic, found.partition, found.start) == ("bank.Account", 3, 10)
    assert (found.until, found.why) == (until, why)
    assert found.offsets == until - 10


offsets = st.integers(min_value=0, max_value=20)


@given(offsets, offsets, st.none() | offsets, st.none() | offsets)
def test_nothing_unhandled_and_nothing_young_ever_goes(
    start: int, end: int, committed: int | None, young: int | None
) -> None:
    """Whatever the figures are, also those that do not fit together."""
    (found,) = prunable([Progress("t", 0, start, end, committed, young)])
    assert found.offsets >= 0
    if found.offsets:
        assert committed is not None
        assert found.until <= committed <= end
        assert young is None or found.until <= young
