"""Deleting records from the front of a partition."""

import asyncio

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from support.kafka_clients import SECONDS, consuming, take
from support.wire import EARLIEST, LATEST, Wire, fresh

from callboard.transport.broker import ErrorCode

_TO_THE_END = -1


async def five_records(wire: Wire, **configs: str) -> str:
    """Return a topic with the offsets 0 to 4."""
    topic = await wire.topic(configs={k.replace("_", "."): v for k, v in configs.items()})
    for _ in range(5):
        await wire.write(topic, b"v")
    return topic


async def bounds(wire: Wire, topic: str) -> tuple[int, int]:
    """Return the first offset and the next one."""
    first, after = await wire.offset(topic, EARLIEST), await wire.offset(topic, LATEST)
    return first["offset"], after["offset"]


@pytest.mark.parametrize(("offset", "first"), [(0, 0), (3, 3), (5, 5), (_TO_THE_END, 5)])
async def test_a_partition_begins_where_it_is_told_to(wire: Wire, offset: int, first: int) -> None:
    """Offsets stay what they are; -1 stands for everything there is."""
    topic = await five_records(wire)
    answer = await wire.delete_records(topic, offset)
    assert (answer["error_code"], answer["low_watermark"]) == (ErrorCode.NONE, first)
    assert await bounds(wire, topic) == (first, 5)


@pytest.mark.parametrize("offset", [6, 2**62, -2])
async def test_what_is_not_there_cannot_be_deleted(wire: Wire, offset: int) -> None:
    """OFFSET_OUT_OF_RANGE, and nothing is deleted."""
    topic = await five_records(wire)
    answer = await wire.delete_records(topic, offset)
    assert (answer["error_code"], answer["low_watermark"]) == (ErrorCode.OFFSET_OUT_OF_RANGE, -1)
    assert await bounds(wire, topic) == (0, 5)


async def test_what_is_deleted_may_be_deleted_again(wire: Wire) -> None:
    """An offset below the first changes nothing, and the answer says where the log begins."""
    topic = await five_records(wire)
    await wire.delete_records(topic, 4)
    answer = await wire.delete_records(topic, 2)
    assert (answer["error_code"], answer["low_watermark"]) == (ErrorCode.NONE, 4)
    assert await bounds(wire, topic) == (4, 5)


async def test_an_emptied_partition_goes_on_where_it_was(wire: Wire) -> None:
    """Its next record has the next offset."""
    topic = await five_records(wire)
    await wire.delete_records(topic, _TO_THE_END)
    assert await wire.write(topic, b"new") == 5
    assert [record.offset for record in await wire.records(topic, 5)] == [5]


@pytest.mark.parametrize("place", ["topic", "partition", "negative"])
async def test_an_unknown_partition_has_nothing_to_delete(wire: Wire, place: str) -> None:
    """UNKNOWN_TOPIC_OR_PARTITION."""
    topic = fresh() if place == "topic" else await wire.topic()
    index = {"topic": 0, "partition": 1, "negative": -1}[place]
    answer = await wire.delete_records(topic, 0, partition=index)
    assert answer["error_code"] == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


async def test_a_compacted_topic_keeps_its_records(wire: Wire) -> None:
    """Where the policy is not to delete, POLICY_VIOLATION."""
    topic = await wire.topic(configs={"cleanup.policy": "compact"})
    answer = await wire.delete_records(topic, 0)
    assert answer["error_code"] == ErrorCode.POLICY_VIOLATION


async def test_a_compacted_topic_that_deletes_too_lets_go(wire: Wire) -> None:
    """Both policies together allow it."""
    topic = await wire.topic(configs={"cleanup.policy": "compact,delete"})
    assert (await wire.delete_records(topic, 0))["error_code"] == ErrorCode.NONE


async def test_each_partition_of_a_request_has_its_own_outcome(wire: Wire) -> None:
    """One that is refused does not hinder the others."""
    topic = await five_records(wire)
    parts = [{"index": 0, "offset": 2}, {"index": 7, "offset": 0}]
    answer = await wire.ask(
        "delete_records", 1, topics=[{"name": topic, "partitions": parts}], timeout_ms=5000
    )
    codes = {p["index"]: p["error_code"] for p in answer["topics"][0]["partitions"]}
    assert codes == {0: ErrorCode.NONE, 7: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION}
    assert await bounds(wire, topic) == (2, 5)


async def test_aiokafka_deletes_and_a_consumer_moves_on(wire: Wire, broker_url: str) -> None:
    """A consumer that stood before the new start is sent to the first record there is."""
    topic = await five_records(wire)
    place = TopicPartition(topic, 0)
    admin = AIOKafkaAdminClient(bootstrap_servers=broker_url)
    async with consuming(broker_url) as consumer, asyncio.timeout(SECONDS):
        consumer.assign([place])
        await admin.start()
        try:
            low = await admin.delete_records({place: RecordsToDelete(before_offset=3)})
        finally:
            await admin.close()
        consumer.seek(place, 1)
        found = [record.offset for record in await take(consumer, 2)]
    assert low == {place: 3}
    assert found == [3, 4]
