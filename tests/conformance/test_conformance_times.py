"""Offsets by time: the first, the next, and the first record that is not older."""

import pytest
from aiokafka import TopicPartition
from support.kafka_clients import consuming
from support.record_batches import GZIP, LZ4, NONE, SNAPPY, ZSTD, Rec, now_ms
from support.wire import API, COMMITTED, EARLIEST, KEPT, LATEST, NEWEST, Wire, fresh

from callboard.transport.broker import ErrorCode

_NOTHING = (-1, -1)


async def at(wire: Wire, topic: str, timestamp: int) -> tuple[int, int]:
    """Return offset and time of the first record that is not older."""
    found = await wire.offset(topic, timestamp)
    assert found["error_code"] == ErrorCode.NONE
    return found["offset"], found["timestamp"]


async def timed(wire: Wire, *batches: list[int], codec: int = NONE) -> str:
    """Return a topic with records of these times, in these batches."""
    topic = await wire.topic(configs=KEPT)
    for times in batches:
        await wire.write(topic, *(Rec(at=each) for each in times), codec=codec)
    return topic


@pytest.mark.parametrize("version", range(API["list_offsets"].first, API["list_offsets"].last + 1))
async def test_an_offset_is_laid_out_as_its_version_says(wire: Wire, version: int) -> None:
    """Each version that is told of can be asked in."""
    topic = await timed(wire, [10, 20])
    for timestamp, offset in ((EARLIEST, 0), (LATEST, 2), (15, 1)):
        found = await wire.offset(topic, timestamp, version=version)
        assert (found["error_code"], found["offset"]) == (ErrorCode.NONE, offset)


async def test_the_first_and_the_next_offset_have_no_time(wire: Wire) -> None:
    """Both are places, not records."""
    topic = await timed(wire, [10, 20], [30])
    assert await at(wire, topic, EARLIEST) == (0, -1)
    assert await at(wire, topic, LATEST) == (3, -1)


async def test_an_empty_log_begins_where_it_ends(wire: Wire) -> None:
    """At 0, and no time is found in it."""
    topic = await wire.topic()
    assert await at(wire, topic, EARLIEST) == (0, -1)
    assert await at(wire, topic, LATEST) == (0, -1)
    assert await at(wire, topic, 0) == _NOTHING


@pytest.mark.parametrize("codec", [NONE, GZIP, SNAPPY, LZ4, ZSTD])
async def test_a_time_is_found_to_the_record(wire: Wire, codec: int) -> None:
    """Also inside of a batch, compressed or not."""
    topic = await timed(wire, [100, 200, 300], [400, 500, 600], codec=codec)
    expected = {
        0: (0, 100),
        100: (0, 100),
        101: (1, 200),
        300: (2, 300),
        301: (3, 400),
        450: (4, 500),
        600: (5, 600),
        601: _NOTHING,
    }
    assert {time: await at(wire, topic, time) for time in expected} == expected


async def test_of_equal_times_the_first_record_is_found(wire: Wire) -> None:
    """In a batch and over several."""
    topic = await timed(wire, [100, 200, 200], [200, 200], [300])
    assert await at(wire, topic, 200) == (1, 200)


async def test_with_times_out_of_order_the_first_late_one_is_found(wire: Wire) -> None:
    """The offset decides which is first, not the time; older ones may come behind it."""
    topic = await timed(wire, [500, 100, 300], [50, 700], [600])
    expected = {
        50: (0, 500),
        400: (0, 500),
        500: (0, 500),
        501: (4, 700),
        650: (4, 700),
        701: _NOTHING,
    }
    assert {time: await at(wire, topic, time) for time in expected} == expected


async def test_a_time_after_all_records_is_not_found(wire: Wire) -> None:
    """Neither offset nor time, and no error."""
    topic = await timed(wire, [100])
    assert await at(wire, topic, now_ms() + 10_000_000) == _NOTHING


async def test_records_with_the_brokers_time_are_found_by_it(wire: Wire) -> None:
    """The producers' times do not count, and all of a batch have one time."""
    topic = await wire.topic(configs={"message.timestamp.type": "LogAppendTime"})
    before = now_ms()
    await wire.write(topic, Rec(at=100), Rec(at=200))
    offset, found = await at(wire, topic, 101)
    assert offset == 0
    assert before <= found <= now_ms()
    assert await at(wire, topic, found + 1) == _NOTHING


async def test_deleted_records_are_not_found(wire: Wire) -> None:
    """The log's start is the first offset, also in the middle of a batch."""
    topic = await timed(wire, [100, 200, 300], [400])
    await wire.delete_records(topic, 2)
    assert await at(wire, topic, EARLIEST) == (2, -1)
    assert await at(wire, topic, 0) == (2, 300)
    await wire.delete_records(topic, 4)
    assert await at(wire, topic, EARLIEST) == (4, -1)
    assert await at(wire, topic, 0) == _NOTHING


async def test_without_transactions_both_isolations_find_the_same(wire: Wire) -> None:
    """Everything is stable."""
    topic = await timed(wire, [100, 200])
    for timestamp, offset in ((EARLIEST, 0), (LATEST, 2), (150, 1)):
        found = await wire.offset(topic, timestamp, isolation_level=COMMITTED)
        assert found["offset"] == offset


async def test_the_offset_comes_with_its_term(wire: Wire) -> None:
    """The leader epoch of the record; of an empty log's ends, too."""
    topic, empty = await timed(wire, [100, 200]), await wire.topic()
    for timestamp in (EARLIEST, LATEST, 150):
        assert (await wire.offset(topic, timestamp))["leader_epoch"] == 0
    assert (await wire.offset(topic, 999))["leader_epoch"] == -1
    assert (await wire.offset(empty, LATEST))["leader_epoch"] == 0


@pytest.mark.parametrize("timestamp", [NEWEST, -4, -5, -6, -100])
async def test_what_a_version_cannot_ask_is_refused(wire: Wire, timestamp: int) -> None:
    """The newest record, and places of tiered storage, came with later versions."""
    found = await wire.offset(await timed(wire, [100]), timestamp)
    assert found["error_code"] == ErrorCode.UNSUPPORTED_VERSION


@pytest.mark.parametrize("timestamp", [EARLIEST, LATEST, 0])
async def test_an_unknown_partition_has_no_offsets(wire: Wire, timestamp: int) -> None:
    """UNKNOWN_TOPIC_OR_PARTITION, and neither offset nor time."""
    topic = await wire.topic()
    for name, partition in ((topic, 1), (topic, -1), (fresh(), 0)):
        found = await wire.offset(name, timestamp, partition=partition)
        assert found["error_code"] == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        assert (found["offset"], found["timestamp"]) == _NOTHING


async def test_a_partition_asked_for_twice_is_refused(wire: Wire) -> None:
    """INVALID_REQUEST, as it cannot be told which of the two was meant."""
    topic = await timed(wire, [100])
    parts = [{"index": 0, "timestamp": LATEST}, {"index": 0, "timestamp": EARLIEST}]
    answer = await wire.ask(
        "list_offsets",
        5,
        replica_id=-1,
        isolation_level=0,
        topics=[{"name": topic, "partitions": parts}],
    )
    codes = {part["error_code"] for part in answer["topics"][0]["partitions"]}
    assert codes == {ErrorCode.INVALID_REQUEST}


async def test_aiokafka_finds_offsets_by_time(wire: Wire, broker_url: str) -> None:
    """`offsets_for_times` gives None where there is nothing, and the ends are offsets."""
    topic = await timed(wire, [100, 200], [300])
    place = TopicPartition(topic, 0)
    async with consuming(broker_url) as consumer:
        found = await consumer.offsets_for_times({place: 150})
        nothing = await consumer.offsets_for_times({place: 999})
        ends = await consumer.end_offsets([place])
        begins = await consumer.beginning_offsets([place])
    assert (found[place].offset, found[place].timestamp) == (1, 200)
    assert nothing == {place: None}
    assert (begins[place], ends[place]) == (0, 3)
