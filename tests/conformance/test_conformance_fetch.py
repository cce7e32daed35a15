"""Reading records: from where, how many, how long it waits, and when it fails."""

import asyncio
import time

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError
from support.kafka_clients import consuming, take
from support.record_batches import HEADER_BYTES, Rec, attributes, batch, read
from support.wire import API, COMMITTED, UNCOMMITTED, Wire, fetching, fresh, part_of, wired

from callboard.transport.broker import ErrorCode

_LONG = 10_000


async def three_batches(wire: Wire, size: int = 100) -> tuple[str, int]:
    """Return a topic with the offsets 0-1, 2-3 and 4-5 in batches, and the bytes of one."""
    topic = await wire.topic()
    for _ in range(3):
        await wire.write(topic, b"x" * size, b"y" * size)
    return topic, len(batch(Rec(b"x" * size), Rec(b"y" * size)))


# -- from where ---------------------------------------------------------------------


@pytest.mark.parametrize("offset", [-1, 0, 1, 7, 2**62])
async def test_an_offset_outside_of_the_log_is_refused(wire: Wire, offset: int) -> None:
    """Below the start or above the end: OFFSET_OUT_OF_RANGE, and no records."""
    topic, _ = await three_batches(wire)
    await wire.delete_records(topic, 2)
    answer = await wire.fetch(topic, offset)
    assert answer["error_code"] == ErrorCode.OFFSET_OUT_OF_RANGE
    assert not answer["records"]
    assert answer["high_watermark"] == -1


async def test_at_the_end_there_is_nothing_yet(wire: Wire) -> None:
    """No error, no records, and where the log ends."""
    topic, _ = await three_batches(wire)
    answer = await wire.fetch(topic, 6)
    assert answer["error_code"] == ErrorCode.NONE
    assert not answer["records"]
    assert (answer["high_watermark"], answer["log_start_offset"]) == (6, 0)


async def test_inside_of_a_batch_all_of_the_batch_is_given(wire: Wire) -> None:
    """Clients leave out the records before the offset they asked for."""
    topic, _ = await three_batches(wire)
    assert [record.offset for record in await wire.records(topic, 3)] == [2, 3, 4, 5]


async def test_a_consumer_gets_no_record_before_its_offset(wire: Wire, broker_url: str) -> None:
    """Aiokafka leaves them out."""
    topic, _ = await three_batches(wire)
    place = TopicPartition(topic, 0)
    async with consuming(broker_url) as consumer:
        consumer.assign([place])
        consumer.seek(place, 3)
        assert [record.offset for record in await take(consumer, 3)] == [3, 4, 5]
        assert consumer.highwater(place) == 6


async def test_deleted_records_are_not_read(wire: Wire) -> None:
    """The start lies inside of a batch; that batch is still given from there on."""
    topic, _ = await three_batches(wire)
    assert (await wire.delete_records(topic, 3))["low_watermark"] == 3
    answer = await wire.fetch(topic, 3)
    assert answer["log_start_offset"] == 3
    assert [record.offset for record in read(answer["records"])] == [2, 3, 4, 5]


async def test_a_consumer_out_of_range_is_told(wire: Wire, broker_url: str) -> None:
    """Aiokafka raises where it was not given a place to go instead."""
    topic, _ = await three_batches(wire)
    place = TopicPartition(topic, 0)
    async with consuming(broker_url, auto_offset_reset="none") as consumer:
        consumer.assign([place])
        consumer.seek(place, 77)
        with pytest.raises(OffsetOutOfRangeError):
            await asyncio.wait_for(consumer.getone(), 5)


@pytest.mark.parametrize("partition", [1, -1])
async def test_an_unknown_partition_has_no_records(wire: Wire, partition: int) -> None:
    """UNKNOWN_TOPIC_OR_PARTITION, told at once."""
    topic, _ = await three_batches(wire)
    for name in (topic, fresh()):
        part = part_of(name, 0, partition)
        answer = await asyncio.wait_for(
            wire.ask("fetch", 11, **fetching([part], max_wait_ms=_LONG)), 5
        )
        found = answer["topics"][0]["partitions"][0]
        assert found["error_code"] == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


@pytest.mark.parametrize("version", range(API["fetch"].first, API["fetch"].last + 1))
async def test_records_are_laid_out_as_the_version_says(wire: Wire, version: int) -> None:
    """Each version that is told of can be read with."""
    topic, _ = await three_batches(wire)
    answer = await wire.fetch(topic, 0, version=version)
    assert len(read(answer["records"])) == 6
    assert answer["last_stable_offset"] == 6


# -- how much -----------------------------------------------------------------------


@pytest.mark.parametrize("limit", [0, 1, HEADER_BYTES])
async def test_one_batch_is_given_however_small_the_limit(wire: Wire, limit: int) -> None:
    """A consumer whose limit is below a batch's size would otherwise stand still."""
    topic, _ = await three_batches(wire)
    answer = await wire.fetch(topic, 2, part_bytes=limit)
    assert [record.offset for record in read(answer["records"])] == [2, 3]
    answer = await wire.fetch(topic, 2, max_bytes=limit)
    assert [record.offset for record in read(answer["records"])] == [2, 3]


async def test_as_many_batches_as_fit_are_given(wire: Wire) -> None:
    """Both limits count bytes; what is cut off is not a batch."""
    topic, size = await three_batches(wire)
    for limits in ({"part_bytes": 2 * size}, {"max_bytes": 2 * size}, {"max_bytes": 3 * size - 1}):
        answer = await wire.fetch(topic, 0, **limits)
        assert [record.offset for record in read(answer["records"])] == [0, 1, 2, 3]


async def test_a_requests_limit_is_shared_by_its_partitions(wire: Wire) -> None:
    """The first one takes it all, and the second waits for the next request."""
    (one, size), (other, _) = await three_batches(wire), await three_batches(wire)
    answer = await wire.ask(
        "fetch", 11, **fetching([part_of(one, 0), part_of(other, 0)], max_bytes=3 * size)
    )
    found = [len(read(each["partitions"][0]["records"] or b"")) for each in answer["topics"]]
    assert found == [6, 0]


async def test_a_small_limit_gives_one_batch_to_the_first_only(wire: Wire) -> None:
    """That there is always a batch holds for the request, not for each of its partitions."""
    (one, _), (other, _) = await three_batches(wire), await three_batches(wire)
    answer = await wire.ask(
        "fetch", 11, **fetching([part_of(one, 0), part_of(other, 0)], max_bytes=1)
    )
    found = [len(read(each["partitions"][0]["records"] or b"")) for each in answer["topics"]]
    assert found == [2, 0]


async def test_a_partition_without_records_takes_nothing_of_the_limit(wire: Wire) -> None:
    """The first partition with records is the one that always gives a batch."""
    empty, (full, _) = await wire.topic(), await three_batches(wire)
    answer = await wire.ask(
        "fetch", 11, **fetching([part_of(empty, 0), part_of(full, 0)], max_bytes=1)
    )
    found = [len(read(each["partitions"][0]["records"] or b"")) for each in answer["topics"]]
    assert found == [0, 2]


async def test_several_partitions_are_read_at_once(wire: Wire) -> None:
    """Each from its own offset, in the order of the request; one may fail."""
    topic = await wire.topic(3)
    for partition in range(3):
        for number in range(2):
            await wire.produce(topic, batch(Rec(b"%d" % number)), partition=partition)
    parts = [
        {"index": index, "offset": offset, "max_bytes": 10_000}
        for index, offset in ((2, 1), (0, 0), (1, 9))
    ]
    answer = await wire.ask("fetch", 11, **fetching([{"name": topic, "partitions": parts}]))
    (found,) = answer["topics"]
    told = [
        (part["index"], part["error_code"], len(read(part["records"] or b"")))
        for part in found["partitions"]
    ]
    assert told == [(2, 0, 1), (0, 0, 2), (1, ErrorCode.OFFSET_OUT_OF_RANGE, 0)]


# -- how long -----------------------------------------------------------------------


async def test_an_empty_fetch_is_held_as_long_as_it_may(wire: Wire) -> None:
    """The client says how long, and gets an empty answer then."""
    topic = await wire.topic()
    began = time.monotonic()
    answer = await wire.fetch(topic, 0, max_wait_ms=150)
    assert not answer["records"]
    assert 0.14 <= time.monotonic() - began < 5


@pytest.mark.parametrize(
    "options", [{"max_wait_ms": 0, "min_bytes": 1}, {"max_wait_ms": _LONG, "min_bytes": 0}]
)
async def test_who_does_not_want_to_wait_is_answered_at_once(
    wire: Wire, options: dict[str, int]
) -> None:
    """No time to wait, or no bytes to wait for."""
    topic = await wire.topic()
    answer = await asyncio.wait_for(wire.fetch(topic, 0, **options), 5)
    assert not answer["records"]


async def test_a_held_fetch_is_woken_by_records(wire: Wire, broker_url: str) -> None:
    """It is answered when there are enough bytes, long before its time is up."""
    topic = await wire.topic()
    async with wired(broker_url) as writer:
        waiting = asyncio.create_task(wire.fetch(topic, 0, max_wait_ms=_LONG))
        await writer.offset(topic, -1)
        assert not waiting.done()
        await writer.write(topic, b"v")
        answer = await asyncio.wait_for(waiting, 5)
    assert [record.value for record in read(answer["records"])] == [b"v"]


async def test_a_fetch_of_several_is_woken_by_any(wire: Wire, broker_url: str) -> None:
    """The partition that has something is the one with records in the answer."""
    topics = [await wire.topic() for _ in range(3)]
    async with wired(broker_url) as writer:
        body = fetching([part_of(topic, 0) for topic in topics], max_wait_ms=_LONG)
        waiting = asyncio.create_task(wire.ask("fetch", 11, **body))
        await writer.write(topics[1], b"v")
        answer = await asyncio.wait_for(waiting, 5)
    found = [len(read(each["partitions"][0]["records"] or b"")) for each in answer["topics"]]
    assert found == [0, 1, 0]


async def test_a_fetch_waits_for_as_many_bytes_as_it_wants(wire: Wire, broker_url: str) -> None:
    """A batch that is not enough does not end the waiting; the one that makes it enough does."""
    topic = await wire.topic()
    async with wired(broker_url) as writer:
        waiting = asyncio.create_task(wire.fetch(topic, 0, max_wait_ms=_LONG, min_bytes=1000))
        await writer.write(topic, b"x" * 600)
        assert not waiting.done()
        await writer.write(topic, b"x" * 600)
        answer = await asyncio.wait_for(waiting, 5)
    assert len(read(answer["records"])) == 2


async def test_too_few_bytes_are_given_when_time_is_up(wire: Wire) -> None:
    """What there is is better than nothing."""
    topic = await wire.topic()
    await wire.write(topic, b"v")
    began = time.monotonic()
    answer = await wire.fetch(topic, 0, max_wait_ms=150, min_bytes=10_000)
    assert len(read(answer["records"])) == 1
    assert time.monotonic() - began >= 0.14


async def test_an_error_is_not_waited_with(wire: Wire) -> None:
    """One partition out of range ends the waiting for the others."""
    fine, bad = await wire.topic(), await wire.topic()
    body = fetching([part_of(fine, 0), part_of(bad, 9)], max_wait_ms=_LONG)
    answer = await asyncio.wait_for(wire.ask("fetch", 11, **body), 5)
    codes = [each["partitions"][0]["error_code"] for each in answer["topics"]]
    assert codes == [ErrorCode.NONE, ErrorCode.OFFSET_OUT_OF_RANGE]


async def test_a_client_that_leaves_while_it_waits_hurts_nobody(
    wire: Wire, broker_url: str
) -> None:
    """Its fetch is forgotten, and the next record is written as always."""
    topic = await wire.topic()
    async with wired(broker_url) as leaving:
        leaving.send("fetch", 11, **fetching([part_of(topic, 0)], max_wait_ms=_LONG))
        await leaving.drained()
    assert await wire.write(topic, b"v") == 0


# -- transactions there are none of -------------------------------------------------


async def test_without_transactions_everything_is_stable(wire: Wire) -> None:
    """Both isolation levels give the same; only the stricter one lists aborted ones."""
    topic, _ = await three_batches(wire)
    loose = await wire.fetch(topic, 0, isolation_level=UNCOMMITTED)
    strict = await wire.fetch(topic, 0, isolation_level=COMMITTED)
    assert loose["records"] == strict["records"]
    assert loose["last_stable_offset"] == strict["last_stable_offset"] == 6
    assert loose["aborted"] is None
    assert strict["aborted"] == []


# -- sessions -----------------------------------------------------------------------


async def test_a_fetch_without_a_session_has_the_id_zero(wire: Wire) -> None:
    """Epoch -1 asks for none."""
    topic, _ = await three_batches(wire)
    answer = await wire.ask("fetch", 11, **fetching([part_of(topic, 0)]))
    assert (answer["error_code"], answer["session_id"]) == (ErrorCode.NONE, 0)


async def test_whoever_asks_for_a_session_gets_records_at_once(wire: Wire) -> None:
    """The first fetch of a session is a full one.

    The embedded broker opens none and answers with the id 0, as Apache Kafka does
    when it has no room for one more; clients then send full fetches.
    """
    topic, _ = await three_batches(wire)
    answer = await wire.ask(
        "fetch", 11, **fetching([part_of(topic, 0)], session_id=0, session_epoch=0)
    )
    assert answer["error_code"] == ErrorCode.NONE
    assert len(read(answer["topics"][0]["partitions"][0]["records"])) == 6


async def test_an_unknown_session_is_refused(wire: Wire) -> None:
    """FETCH_SESSION_ID_NOT_FOUND sends a client back to full fetches."""
    answer = await wire.ask("fetch", 11, **fetching([], session_id=4711, session_epoch=3))
    assert answer["error_code"] == ErrorCode.FETCH_SESSION_ID_NOT_FOUND
    assert answer["topics"] == []


async def test_a_later_term_than_the_leaders_is_told(wire: Wire) -> None:
    """UNKNOWN_LEADER_EPOCH sends a client for fresh metadata."""
    topic, _ = await three_batches(wire)
    part = {"index": 0, "offset": 0, "max_bytes": 1000, "leader_epoch": 7}
    body = fetching([{"name": topic, "partitions": [part]}])
    answer = await wire.ask("fetch", 11, **body)
    found = answer["topics"][0]["partitions"][0]
    assert found["error_code"] == ErrorCode.UNKNOWN_LEADER_EPOCH


async def test_batches_are_given_as_they_were_written(wire: Wire) -> None:
    """One after the other with their attributes, whatever their codec."""
    topic = await wire.topic()
    for codec in range(5):
        await wire.write(topic, b"v", codec=codec)
    assert attributes((await wire.fetch(topic, 0))["records"]) == [0, 1, 2, 3, 4]
    assert [record.offset for record in await wire.records(topic)] == [0, 1, 2, 3, 4]
