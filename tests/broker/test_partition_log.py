"""The partition log and its idempotence, on batches made by aiokafka's builder."""

from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from callboard.transport.broker import ErrorCode
from callboard.transport.broker._log import PartitionLog
from callboard.transport.broker._producers import Batch, Producers

ROOM = 1_000_000


def batch(
    *values: bytes, producer: int = -1, epoch: int = -1, sequence: int = -1, at: int = 1_000
) -> bytes:
    """Return a record batch as a producer makes it."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=producer,
        producer_epoch=epoch,
        base_sequence=sequence,
        batch_size=ROOM,
    )
    for offset, value in enumerate(values):
        builder.append(offset, timestamp=at, key=None, value=value, headers=[])
    return bytes(builder.build())


def values(log: PartitionLog, offset: int, room: int = ROOM) -> list[tuple[int, bytes | None]]:
    """Return (offset, value) of what a read hands out."""
    return [
        (record.offset, record.value)
        for data in log.read(offset, room)
        for record in DefaultRecordBatch(data)
    ]


def test_offsets_are_set_on_append() -> None:
    """A batch's own base offset is whatever its producer put; the log sets the right one."""
    log = PartitionLog()
    assert log.append(batch(b"a", b"b"), max_bytes=ROOM) == (ErrorCode.NONE, 0)
    assert log.append(batch(b"c"), max_bytes=ROOM) == (ErrorCode.NONE, 2)
    assert values(log, 0) == [(0, b"a"), (1, b"b"), (2, b"c")]
    assert log.end == 3


def test_the_checksum_still_holds() -> None:
    """Setting the base offset does not touch what the checksum covers."""
    log = PartitionLog()
    log.append(batch(b"a"), max_bytes=ROOM)
    log.append(batch(b"b"), max_bytes=ROOM)
    assert all(DefaultRecordBatch(data).validate_crc() for data in log.read(0, ROOM))


@given(st.lists(st.integers(1, 5), min_size=1, max_size=20), st.data())
def test_a_read_starts_with_the_batch_that_holds_the_offset(
    sizes: list[int], data: st.DataObject
) -> None:
    """Whatever the batches, a read at an offset begins at or before it and misses nothing."""
    log = PartitionLog()
    number = 0
    for size in sizes:
        log.append(batch(*(str(number + n).encode() for n in range(size))), max_bytes=ROOM)
        number += size
    offset = data.draw(st.integers(0, number))
    found = values(log, offset)
    assert [v for o, v in found if o >= offset] == [str(n).encode() for n in range(offset, number)]
    assert sum(o < offset for o, _ in found) < 5


def test_a_read_gives_one_batch_however_small_its_room() -> None:
    """A consumer whose limit is below a batch's size would otherwise stand still."""
    log = PartitionLog()
    log.append(batch(b"x" * 500), max_bytes=ROOM)
    log.append(batch(b"y" * 500), max_bytes=ROOM)
    assert [o for o, _ in values(log, 0, room=1)] == [0]
    assert [o for o, _ in values(log, 1, room=1)] == [1]


def test_time_finds_the_first_batch_not_older() -> None:
    """Offsets by time are exact to the batch."""
    log = PartitionLog()
    for at in (100, 200, 300):
        log.append(batch(b"v", at=at), max_bytes=ROOM)
    assert log.offset_at(150) == (200, 1)
    assert log.offset_at(301) == (-1, -1)


def test_bytes_that_are_no_batch_are_refused_whole() -> None:
    """Truncated, empty and foreign bytes leave the log as it was."""
    log = PartitionLog()
    good = batch(b"a")
    for bad in (b"", b"junk", good[:-1], good + good[:20], b"\xff" * 80):
        assert log.append(bad, max_bytes=ROOM).error is not ErrorCode.NONE
    old = good[:16] + b"\x01" + good[17:]
    assert log.append(old, max_bytes=ROOM).error is ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT
    assert log.end == 0


def test_a_batch_over_the_limit_is_refused() -> None:
    """max.message.bytes is a bound on the batch."""
    log = PartitionLog()
    assert log.append(batch(b"x" * 500), max_bytes=400).error is ErrorCode.MESSAGE_TOO_LARGE


def test_a_repeated_batch_has_the_offset_it_had() -> None:
    """A producer that missed an answer sends again, and is told where its batch is."""
    log = PartitionLog()
    first = batch(b"a", b"b", producer=7, epoch=0, sequence=0)
    second = batch(b"c", producer=7, epoch=0, sequence=2)
    for data, offset in ((first, 0), (second, 2), (first, 0), (second, 2)):
        assert log.append(data, max_bytes=ROOM) == (ErrorCode.NONE, offset)
    assert log.end == 3


def test_a_gap_in_the_sequence_is_refused() -> None:
    """A batch that comes before the one in front of it must not be written."""
    log = PartitionLog()
    log.append(batch(b"a", producer=7, epoch=0, sequence=0), max_bytes=ROOM)
    later = batch(b"c", producer=7, epoch=0, sequence=2)
    assert log.append(later, max_bytes=ROOM).error is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    unknown = batch(b"c", producer=8, epoch=0, sequence=2)
    assert log.append(unknown, max_bytes=ROOM).error is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert log.end == 1


def test_an_older_epoch_is_fenced_and_a_newer_one_starts_over() -> None:
    """A producer's next epoch begins at sequence zero; its former one is refused."""
    producers = Producers()
    producers.written(Batch(1, 0, 0, 4), 0)
    assert producers.check(Batch(1, 1, 4, 1)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert producers.check(Batch(1, 1, 0, 1)) is None
    producers.written(Batch(1, 1, 0, 1), 4)
    assert producers.check(Batch(1, 0, 4, 1)) is ErrorCode.INVALID_PRODUCER_EPOCH


def test_sequences_wrap_around() -> None:
    """After 2,147,483,647 comes zero."""
    producers = Producers()
    producers.written(Batch(1, 0, (1 << 31) - 2, 3), 0)
    assert producers.check(Batch(1, 0, 1, 1)) is None


def test_waiting_is_told_of_appends_only_while_it_waits() -> None:
    """A long poll is woken by its own partition, and no more once it has gone."""
    log, calls = PartitionLog(), list[int]()

    def call() -> None:
        calls.append(log.end)

    log.wait(call)
    log.append(batch(b"a"), max_bytes=ROOM)
    log.forget(call)
    log.append(batch(b"b"), max_bytes=ROOM)
    assert calls == [1]
