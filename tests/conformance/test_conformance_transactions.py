"""What transactions do to the log, and what readers see of them."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import pytest
from support.kafka_clients import SECONDS
from support.record_batches import (
    CONTROL,
    GZIP,
    HEADER_BYTES,
    LZ4,
    NONE,
    SNAPPY,
    TRANSACTIONAL,
    ZSTD,
    Producer,
    Read,
    attributes,
    read,
)
from support.wire import COMMITTED, EARLIEST, LATEST, UNCOMMITTED, Wire, wired
from support.wire_groups import waiting
from support.wire_transactions import ABORT, COMMIT, End, Writer

from callboard.transport.broker import ErrorCode
from callboard.transport.broker.wire import Body

COMMIT_KEY, ABORT_KEY = b"\x00\x00\x00\x01", b"\x00\x00\x00\x00"


@pytest.fixture
async def writer(wire: Wire) -> Writer:
    """Give a transactional producer that has its id."""
    made = Writer(wire)
    await made.begin()
    return made


@pytest.fixture
async def other(wire: Wire) -> Writer:
    """Give another one."""
    made = Writer(wire)
    await made.begin()
    return made


def int_pair(data: bytes) -> tuple[int, int]:
    """Return the producer id and epoch of a batch."""
    return int.from_bytes(data[43:51], signed=True), int.from_bytes(data[51:53], signed=True)


def batches(data: bytes) -> Iterator[tuple[int, int, list[Read]]]:
    """Return of each batch its attributes, its producer and its records."""
    at = 0
    while at + HEADER_BYTES <= len(data):
        end = at + 12 + int.from_bytes(data[at + 8 : at + 12])
        each = data[at:end]
        yield attributes(each)[0], int_pair(each)[0], read(each)
        at = end


@asynccontextmanager
async def reading(bootstrap: str, topic: str) -> AsyncGenerator[asyncio.Task[Body]]:
    """Have a reader of committed records wait at the beginning of a topic."""
    async with wired(bootstrap) as connection:
        fetching = connection.fetch(
            topic, 0, isolation_level=COMMITTED, max_wait_ms=int(SECONDS * 1000)
        )
        async with waiting(fetching) as answer:
            yield answer


async def visible(wire: Wire, topic: str, offset: int = 0) -> list[bytes | None]:
    """Return what a reader of committed records makes of an answer, as all clients do."""
    answer = await wire.fetch(topic, offset, isolation_level=COMMITTED)
    assert answer["error_code"] == ErrorCode.NONE
    aborted = sorted((each["first_offset"], each["producer_id"]) for each in answer["aborted"])
    values: list[bytes | None] = []
    dropping: set[int] = set()
    for flags, producer, records in batches(answer["records"] or b""):
        while aborted and aborted[0][0] <= records[-1].offset:
            dropping.add(aborted.pop(0)[1])
        if flags & CONTROL:
            if records[0].key == ABORT_KEY:
                dropping.discard(producer)
        elif not (flags & TRANSACTIONAL and producer in dropping):
            values.extend(record.value for record in records)
    return values


async def ends(wire: Wire, topic: str) -> tuple[int, int]:
    """Return where a partition ends for readers of committed records, and for all others."""
    return (
        (await wire.offset(topic, LATEST, isolation_level=COMMITTED))["offset"],
        (await wire.offset(topic, LATEST))["offset"],
    )


@pytest.mark.parametrize(("how", "key"), [(COMMIT, COMMIT_KEY), (ABORT, ABORT_KEY)])
async def test_a_transaction_ends_with_a_marker(
    wire: Wire, writer: Writer, how: End, key: bytes
) -> None:
    """A batch of one control record, which tells how it ended and takes an offset of its own."""
    topic = await wire.topic()
    await writer.open(topic, b"a", b"b")
    await writer.finish(how)
    answer = await wire.fetch(topic, 0)
    assert attributes(answer["records"]) == [TRANSACTIONAL, TRANSACTIONAL | CONTROL]
    marker = read(answer["records"])[-1]
    assert (marker.offset, marker.key) == (2, key)
    assert await ends(wire, topic) == (3, 3)


async def test_the_marker_is_the_producers(wire: Wire, writer: Writer) -> None:
    """It has the producer's id and epoch, and no sequence number."""
    topic = await wire.topic()
    await writer.open(topic, b"a")
    await writer.commit()
    data = (await wire.fetch(topic, 1))["records"]
    assert Producer(*int_pair(data)) == writer.producer
    assert int.from_bytes(data[53:57], signed=True) == -1


@pytest.mark.parametrize("isolation", [COMMITTED, UNCOMMITTED])
async def test_committed_records_are_read_by_all(
    wire: Wire, writer: Writer, isolation: int
) -> None:
    """In either isolation, behind the end of the transaction."""
    topic = await wire.topic()
    await writer.open(topic, b"a", b"b")
    await writer.commit()
    answer = await wire.fetch(topic, 0, isolation_level=isolation)
    assert [record.value for record in read(answer["records"])][:2] == [b"a", b"b"]
    assert answer["aborted"] == ([] if isolation == COMMITTED else None)


async def test_an_open_transaction_is_not_read(wire: Wire, writer: Writer) -> None:
    """Readers of committed records are given nothing of it; others see it at once."""
    topic = await wire.topic()
    await writer.open(topic, b"a")
    strict = await wire.fetch(topic, 0, isolation_level=COMMITTED)
    loose = await wire.fetch(topic, 0)
    assert (strict["error_code"], strict["records"] or b"") == (ErrorCode.NONE, b"")
    assert [record.value for record in read(loose["records"])] == [b"a"]
    for answer in (strict, loose):
        assert (answer["last_stable_offset"], answer["high_watermark"]) == (0, 1)


async def test_what_is_behind_an_open_transaction_waits_with_it(wire: Wire, writer: Writer) -> None:
    """The last stable offset is where the first open transaction begins."""
    topic = await wire.topic()
    await wire.write(topic, b"before")
    await writer.open(topic, b"inside")
    await wire.write(topic, b"behind")
    assert await ends(wire, topic) == (1, 3)
    assert await visible(wire, topic) == [b"before"]
    await writer.commit()
    assert await ends(wire, topic) == (4, 4)
    assert await visible(wire, topic) == [b"before", b"inside", b"behind"]


async def test_between_the_stable_end_and_the_end_is_no_error(wire: Wire, writer: Writer) -> None:
    """Whoever asks for committed records from there waits for them, and is out of no range."""
    topic = await wire.topic()
    await writer.open(topic, b"a", b"b", b"c")
    for offset in (1, 3):
        answer = await wire.fetch(topic, offset, isolation_level=COMMITTED)
        assert (answer["error_code"], answer["records"] or b"") == (ErrorCode.NONE, b"")


async def test_adding_a_partition_holds_nobody_back(wire: Wire, writer: Writer) -> None:
    """A transaction begins in a partition with the first batch that is written there."""
    topic = await wire.topic()
    await writer.add(topic)
    await wire.write(topic, b"by somebody else")
    assert await ends(wire, topic) == (1, 1)
    assert await visible(wire, topic) == [b"by somebody else"]


async def test_aborted_records_are_listed(wire: Wire, writer: Writer) -> None:
    """They stay in the log, and readers of committed records are told what to skip."""
    topic = await wire.topic()
    await wire.write(topic, b"before")
    await writer.open(topic, b"a", b"b")
    await writer.abort()
    answer = await wire.fetch(topic, 0, isolation_level=COMMITTED)
    assert answer["aborted"] == [{"producer_id": writer.producer.id, "first_offset": 1}]
    assert [record.value for record in read(answer["records"])][:3] == [b"before", b"a", b"b"]
    assert await visible(wire, topic) == [b"before"]


async def test_readers_of_everything_are_not_told_of_aborts(wire: Wire, writer: Writer) -> None:
    """Their list is null, not empty."""
    topic = await wire.topic()
    await writer.open(topic, b"a")
    await writer.abort()
    answer = await wire.fetch(topic, 0, isolation_level=UNCOMMITTED)
    assert answer["aborted"] is None
    assert read(answer["records"])[0].value == b"a"


async def test_only_aborts_in_what_is_read_are_listed(wire: Wire, writer: Writer) -> None:
    """Those that ended before the offset asked for are not, those that began before it are."""
    topic = await wire.topic()
    await writer.open(topic, b"a", b"b")
    await writer.abort()
    await wire.write(topic, b"c")
    firsts = {
        offset: [
            each["first_offset"]
            for each in (await wire.fetch(topic, offset, isolation_level=COMMITTED))["aborted"]
        ]
        for offset in range(4)
    }
    assert firsts == {0: [0], 1: [0], 2: [0], 3: []}


async def test_each_abort_of_a_producer_is_listed(wire: Wire, writer: Writer) -> None:
    """What it committed between two aborts is read."""
    topic = await wire.topic()
    for value, how in ((b"a", ABORT), (b"b", COMMIT), (b"c", ABORT), (b"d", COMMIT)):
        await writer.open(topic, value)
        await writer.finish(how)
    answer = await wire.fetch(topic, 0, isolation_level=COMMITTED)
    assert [each["first_offset"] for each in answer["aborted"]] == [0, 4]
    assert await visible(wire, topic) == [b"b", b"d"]


async def test_transactions_of_two_producers_lie_in_each_other(
    wire: Wire, writer: Writer, other: Writer
) -> None:
    """The stable end goes on to the next that is open, and each abort names its producer."""
    topic = await wire.topic()
    await writer.open(topic, b"a1")
    await other.open(topic, b"b1")
    await writer.write(topic, b"a2")
    await other.write(topic, b"b2")
    assert await ends(wire, topic) == (0, 4)
    await writer.abort()
    assert await ends(wire, topic) == (1, 5)
    assert await visible(wire, topic) == []
    await other.commit()
    assert await ends(wire, topic) == (6, 6)
    answer = await wire.fetch(topic, 0, isolation_level=COMMITTED)
    assert answer["aborted"] == [{"producer_id": writer.producer.id, "first_offset": 0}]
    assert await visible(wire, topic) == [b"b1", b"b2"]


async def test_the_second_to_begin_may_end_first(wire: Wire, writer: Writer, other: Writer) -> None:
    """Its records wait for the first to end."""
    topic = await wire.topic()
    await writer.open(topic, b"first")
    await other.open(topic, b"second")
    await other.commit()
    assert await ends(wire, topic) == (0, 3)
    assert await visible(wire, topic) == []
    await writer.commit()
    assert await visible(wire, topic) == [b"first", b"second"]


async def test_a_transaction_covers_many_partitions(wire: Wire, writer: Writer) -> None:
    """All end together, and each has a marker, even one that nothing was written to."""
    topic, idle = await wire.topic(2), await wire.topic()
    assert set((await writer.add_each({topic: [0, 1], idle: [0]})).values()) == {ErrorCode.NONE}
    for partition in (0, 1):
        await writer.write(topic, b"x", partition=partition)
    await writer.commit()
    for partition in (0, 1):
        assert (await wire.offset(topic, LATEST, partition=partition))["offset"] == 2
    assert await ends(wire, idle) == (1, 1)


async def test_partitions_are_added_as_it_goes(wire: Wire, writer: Writer) -> None:
    """One more may take part after others have been written to; twice does no harm."""
    topic, later = await wire.topic(), await wire.topic()
    await writer.open(topic, b"a")
    await writer.open(later, b"b")
    await writer.open(topic, b"c")
    await writer.abort()
    assert await visible(wire, topic) == await visible(wire, later) == []
    assert await ends(wire, topic) == (3, 3)


async def test_offsets_by_time_end_at_the_stable_end(wire: Wire, writer: Writer) -> None:
    """Readers of committed records are not told of a time that is in an open transaction."""
    topic = await wire.topic()
    await writer.open(topic, b"a")
    strict = await wire.offset(topic, 0, isolation_level=COMMITTED)
    loose = await wire.offset(topic, 0, isolation_level=UNCOMMITTED)
    assert (strict["error_code"], strict["offset"]) == (ErrorCode.NONE, -1)
    assert loose["offset"] == 0
    assert (await wire.offset(topic, EARLIEST, isolation_level=COMMITTED))["offset"] == 0


@pytest.mark.parametrize("codec", [NONE, GZIP, SNAPPY, LZ4, ZSTD])
async def test_transactions_may_be_compressed(wire: Wire, writer: Writer, codec: int) -> None:
    """The batches are as the producer packed them, only the marker is plain."""
    topic = await wire.topic()
    await writer.add(topic)
    await writer.write(topic, b"a" * 100, b"b" * 100, codec=codec)
    await writer.commit()
    data = (await wire.fetch(topic, 0))["records"]
    assert attributes(data) == [TRANSACTIONAL | codec, TRANSACTIONAL | CONTROL]
    assert await visible(wire, topic) == [b"a" * 100, b"b" * 100]


async def test_numbers_go_on_from_one_transaction_to_the_next(wire: Wire, writer: Writer) -> None:
    """Per partition, whether it was committed or aborted; a batch that comes again is known."""
    topic = await wire.topic()
    assert await writer.open(topic, b"0", b"1") == 0
    await writer.abort()
    assert await writer.open(topic, b"2") == 3
    again = await writer.write(topic, b"2", sequence=2)
    assert (again["error_code"], again["base_offset"]) == (ErrorCode.NONE, 3)
    gap = await writer.write(topic, b"4", sequence=4)
    assert gap["error_code"] == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    await writer.commit()
    assert await visible(wire, topic) == [b"2"]


async def test_a_new_life_begins_at_zero(wire: Wire, writer: Writer) -> None:
    """After it has asked for its id again, the producer counts from 0."""
    topic = await wire.topic()
    await writer.open(topic, b"0", b"1")
    await writer.commit()
    await writer.begin()
    await writer.add(topic)
    wrong = await writer.write(topic, b"2", sequence=2)
    assert wrong["error_code"] == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert (await writer.write(topic, b"0", sequence=0))["error_code"] == ErrorCode.NONE


async def test_a_waiting_reader_is_woken_by_the_end(
    wire: Wire, broker_url: str, writer: Writer
) -> None:
    """A fetch of committed records that is held is answered when the transaction is committed."""
    topic = await wire.topic()
    await writer.open(topic, b"a")
    async with reading(broker_url, topic) as answer:
        assert await ends(wire, topic) == (0, 1)
        assert not answer.done()
        await writer.commit()
        found = await answer
    assert found["high_watermark"] == found["last_stable_offset"] == 2
    assert read(found["records"])[0].value == b"a"
