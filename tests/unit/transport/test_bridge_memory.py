"""What a bridge knows when it begins: its intake, read backwards, says what the log has."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from callboard.transport.bridges import (
    Extent,
    ForeignMessage,
    Known,
    as_record,
    ids_in,
    recall,
    receipts,
)
from callboard.transport.delivery import Inbound, Outbound, Record, TopicPartition

INTAKE = TopicPartition("air.flights.intake", 0)
IDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=4)


class ScriptedIntake:
    """Implements `Intake` as far as it is read: records, and gaps where transactions end."""

    partition = INTAKE

    def __init__(self, position: int = 0) -> None:
        self.records: list[Inbound] = []
        self.end = self.start = 0
        self.position = position
        self.read_so_far = 0

    def append(self, records: Sequence[Outbound]) -> None:
        """Write a transaction."""
        for record in records:
            self.records.append(Record(self.end, record.key, record.value, record.headers))
            self.end += 1
        self.end += 1

    async def extent(self) -> Extent:
        """See `Intake`."""
        return Extent(self.start, self.end, self.position)

    async def read(self, start: int, end: int) -> AsyncIterator[Sequence[Inbound]]:
        """See `Intake`."""
        found = [each for each in self.records if start <= each.offset < end]
        self.read_so_far += len(found)
        yield found

    async def fence(self) -> None: ...
    async def write(self, records: Iterable[Outbound]) -> Sequence[int]:
        raise NotImplementedError

    async def parked(self) -> Collection[str]:
        raise NotImplementedError

    async def backlog(self) -> int:
        raise NotImplementedError

    async def tidy(self, needed_from: int | None) -> None: ...
    async def aclose(self) -> None: ...


def straight(ids: Sequence[str]) -> list[Outbound]:
    """Return receipts of messages."""
    return [slip.record for slip in receipts(ids, INTAKE, "scripted://queue")]


def read(record: Outbound) -> list[str]:
    """Return the ids in a record."""
    return ids_in(record.headers, record.value)


def foreign(message_id: str) -> list[Outbound]:
    """Return a message as it came."""
    return [as_record(ForeignMessage(message_id, b"1"), INTAKE, "scripted://queue")]


@given(st.lists(IDS, max_size=50))
def test_receipts_say_the_ids_they_were_made_of(ids: list[str]) -> None:
    """Whatever is in an id."""
    assert [each for slip in straight(ids) for each in read(slip)] == ids


def test_ids_that_are_no_utf_8_come_back() -> None:
    """They are text with surrogates, as Python reads them from headers."""
    (slip,) = straight(["tower \udcff"])
    assert read(slip) == ["tower \udcff"]


def test_many_ids_make_several_receipts() -> None:
    """One would be too large for a record."""
    ids = [f"{number:0500}" for number in range(1_000)]
    slips = list(receipts(ids, INTAKE, "scripted://queue"))
    assert len(slips) == 5
    assert sum(slip.named for slip in slips) == 1_000
    assert all(len(slip.record.value or b"") < 700_000 for slip in slips)
    assert [
        each for slip in slips for each in ids_in(slip.record.headers, slip.record.value)
    ] == ids


@given(
    st.lists(st.one_of(IDS, st.lists(IDS, max_size=6)), max_size=30),
    st.integers(1, 20),
)
def test_reading_backwards_knows_what_was_known_when_it_was_written(
    written: list[str | list[str]], remember: int
) -> None:
    """The last ids, in any mixture of messages and receipts; and it reads no more than it needs."""
    intake = ScriptedIntake(position=10**6)
    before = Known(remember)
    for each in written:
        new = [one for one in ([each] if isinstance(each, str) else each) if before.is_new(one)]
        if isinstance(each, str):
            if new:
                intake.append(foreign(each))
        elif new:
            intake.append(straight(new))
    known = asyncio.run(recall(intake, remember, lambda _: None))
    everything = {one for each in written for one in ([each] if isinstance(each, str) else each)}
    assert {one for one in everything if known.knows(one)} == {
        one for one in everything if before.knows(one)
    }


def test_what_is_not_needed_may_go() -> None:
    """Records whose ids are older than those that are remembered."""
    known = Known(5)
    known.stands(10, 3)
    assert known.needed_from == 10
    known.stands(12, 1)
    known.stands(14, 0)
    assert known.needed_from == 10
    known.stands(16, 4)
    assert known.needed_from == 12


def test_messages_that_may_wait_are_found_however_far_back() -> None:
    """Also when enough ids are known long before; receipts wait for nothing."""
    intake = ScriptedIntake(position=2)
    intake.append(foreign("handled"))
    intake.append(foreign("waits"))
    for number in range(6_000):
        intake.append(straight([f"r{number}"]))
    waiting: list[int] = []
    known = asyncio.run(recall(intake, 10, lambda record: waiting.append(record.offset)))
    assert waiting == [2]
    assert known.needed_from is not None


def test_no_more_is_read_than_is_needed() -> None:
    """Of a long intake, the end."""
    intake = ScriptedIntake(position=10**6)
    for number in range(10_000):
        intake.append(straight([f"a{number}", f"b{number}"]))
    known = asyncio.run(recall(intake, 1_000, lambda _: None))
    assert intake.read_so_far <= 2_000
    assert known.knows("a9999")
    assert known.knows("b9500")
    assert not known.knows("a9499")
