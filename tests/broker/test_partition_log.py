"""The partition log and its idempotence, on batches made by aiokafka's builder."""

from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from callboard.transport.broker import ErrorCode
from callboard.transport.broker.log import Batch, PartitionLog, Producers, Rules

ROOM = 1_000_000
RULES = Rules(max_bytes=ROOM)
NOW = 1_000


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


def sketch(*, epoch: int, sequence: int, records: int) -> Batch:
    """Return the header of a batch of producer 1."""
    return Batch(b"", 0, 0, records - 1, NOW, NOW, 1, epoch, sequence, records)


def values(log: PartitionLog, offset: int, room: int = ROOM) -> list[tuple[int, bytes | None]]:
    """Return (offset, value) of what a read hands out."""
    return [
        (record.offset, record.value)
        for data in log.read(offset, room).batches
        for record in DefaultRecordBatch(data)
    ]


def test_offsets_are_set_on_append() -> None:
    """A batch's own base offset is whatever its producer put; the log sets the right one."""
    log = PartitionLog()
    assert log.append(batch(b"a", b"b"), RULES, NOW) == (ErrorCode.NONE, 0, -1, None, ())
    assert log.append(batch(b"c"), RULES, NOW) == (ErrorCode.NONE, 2, -1, None, ())
    assert values(log, 0) == [(0, b"a"), (1, b"b"), (2, b"c")]
    assert log.end == 3


def test_the_checksum_still_holds() -> None:
    """Setting the base offset does not touch what the checksum covers."""
    log = PartitionLog()
    log.append(batch(b"a"), RULES, NOW)
    log.append(batch(b"b"), RULES, NOW)
    assert all(DefaultRecordBatch(data).validate_crc() for data in log.read(0, ROOM).batches)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=20), st.data())
def test_a_read_starts_with_the_batch_that_holds_the_offset(
    sizes: list[int], data: st.DataObject
) -> None:
    """Whatever the batches, a read at an offset begins at or before it and misses nothing."""
    log = PartitionLog()
    number = 0
    for size in sizes:
        log.append(batch(*(str(number + n).encode() for n in range(size))), RULES, NOW)
        number += size
    offset = data.draw(st.integers(0, number))
    found = values(log, offset)
    assert [v for o, v in found if o >= offset] == [str(n).encode() for n in range(offset, number)]
    assert sum(o < offset for o, _ in found) < 5


def test_a_read_gives_one_batch_however_small_its_room() -> None:
    """A consumer whose limit is below a batch's size would otherwise stand still."""
    log = PartitionLog()
    log.append(batch(b"x" * 500), RULES, NOW)
    log.append(batch(b"y" * 500), RULES, NOW)
    assert [o for o, _ in values(log, 0, room=1)] == [0]
    assert [o for o, _ in values(log, 1, room=1)] == [1]


def test_time_finds_the_first_batch_not_older() -> None:
    """Offsets by time are exact to the batch."""
    log = PartitionLog()
    for at in (100, 200, 300):
        log.append(batch(b"v", at=at), RULES, NOW)
    assert log.offset_at(150) == (200, 1)
    assert log.offset_at(301) == (-1, -1)


def test_bytes_that_are_no_batch_are_refused_whole() -> None:
    """Truncated, empty and foreign bytes leave the log as it was."""
    log = PartitionLog()
    good = batch(b"a")
    for bad in (b"", b"junk", good[:-1], good + good[:20], b"\xff" * 80):
        assert log.append(bad, RULES, NOW).error is not ErrorCode.NONE
    old = good[:16] + b"\x01" + good[17:]
    assert log.append(old, RULES, NOW).error is ErrorCode.INVALID_RECORD
    assert log.end == 0


def test_a_batch_over_the_limit_is_refused() -> None:
    """max.message.bytes is a bound on the batch."""
    log = PartitionLog()
    assert (
        log.append(batch(b"x" * 500), Rules(max_bytes=400), NOW).error
        is ErrorCode.MESSAGE_TOO_LARGE
    )


def test_a_repeated_batch_has_the_offset_it_had() -> None:
    """A producer that missed an answer sends again, and is told where its batch is."""
    log = PartitionLog()
    first = batch(b"a", b"b", producer=7, epoch=0, sequence=0)
    second = batch(b"c", producer=7, epoch=0, sequence=2)
    for data, offset in ((first, 0), (second, 2), (first, 0), (second, 2)):
        assert log.append(data, RULES, NOW) == (ErrorCode.NONE, offset, -1, None, ())
    assert log.end == 3


def test_a_gap_in_the_sequence_is_refused() -> None:
    """A batch that comes before the one in front of it must not be written."""
    log = PartitionLog()
    log.append(batch(b"a", producer=7, epoch=0, sequence=0), RULES, NOW)
    later = batch(b"c", producer=7, epoch=0, sequence=2)
    assert log.append(later, RULES, NOW).error is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert log.end == 1


def test_a_producer_that_is_not_known_may_begin_anywhere() -> None:
    """The partition may have forgotten it with its records, and then any number can be right."""
    log = PartitionLog()
    unknown = batch(b"c", producer=8, epoch=0, sequence=2)
    assert log.append(unknown, RULES, NOW) == (ErrorCode.NONE, 0, -1, None, ())


def test_an_older_epoch_is_fenced_and_a_newer_one_starts_over() -> None:
    """A producer's next epoch begins at sequence zero; its former one is refused."""
    producers = Producers()
    producers.written(sketch(epoch=0, sequence=0, records=4), NOW)
    later = sketch(epoch=1, sequence=4, records=1)
    assert producers.check(later) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert producers.check(sketch(epoch=1, sequence=0, records=1)) is None
    producers.written(sketch(epoch=1, sequence=0, records=1), NOW)
    former = sketch(epoch=0, sequence=4, records=1)
    assert producers.check(former) is ErrorCode.INVALID_PRODUCER_EPOCH


def test_sequences_wrap_around() -> None:
    """After 2,147,483,647 comes zero."""
    producers = Producers()
    producers.written(sketch(epoch=0, sequence=(1 << 31) - 2, records=3), NOW)
    assert producers.check(sketch(epoch=0, sequence=1, records=1)) is None
    gap = sketch(epoch=0, sequence=0, records=1)
    assert producers.check(gap) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_waiting_is_told_of_appends_only_while_it_waits() -> None:
    """A long poll is woken by its own partition, and no more once it has gone."""
    log, calls = PartitionLog(), list[int]()

    def call() -> None:
        calls.append(log.end)

    log.wait(call)
    log.append(batch(b"a"), RULES, NOW)
    log.forget(call)
    log.append(batch(b"b"), RULES, NOW)
    assert calls == [1]
