"""Transactions through aiokafka: what a program that uses them sees."""

from collections.abc import Sequence

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import IllegalOperation
from support.kafka_clients import consuming, producing, take, write
from support.wire import Wire

BOTH = ("read_committed", "read_uncommitted")


@pytest.fixture
async def topic(wire: Wire) -> str:
    """Give a topic of two partitions."""
    return await wire.topic(2)


async def send(producer: AIOKafkaProducer, topic: str, *values: bytes, partition: int = 0) -> None:
    """Write records and wait until they are acknowledged."""
    for value in values:
        await producer.send_and_wait(topic, value, partition=partition)


async def send_and_fail(producer: AIOKafkaProducer, topic: str, value: bytes) -> None:
    """Write a record in a transaction whose body then raises."""
    async with producer.transaction():
        await send(producer, topic, value)
        raise RuntimeError("my own")


async def values(
    bootstrap: str, topic: str, isolation: str, count: int, partition: int = 0
) -> Sequence[bytes | None]:
    """Return the first records of a partition, and that there are no more."""
    place = TopicPartition(topic, partition)
    async with consuming(bootstrap, isolation_level=isolation) as consumer:
        consumer.assign([place])
        taken = [record.value for record in await take(consumer, count)]
        # Caught up: what is left behind its position are markers, and aborted records.
        assert await consumer.getmany(place, timeout_ms=150) == {}
        return taken


async def test_a_committed_transaction_is_read(broker_url: str, topic: str) -> None:
    """By consumers of either isolation, in order and without the marker."""
    async with producing(broker_url, transactional_id=topic) as producer, producer.transaction():
        await send(producer, topic, b"a", b"b")
    for isolation in BOTH:
        assert await values(broker_url, topic, isolation, 2) == [b"a", b"b"]


async def test_an_aborted_transaction_is_not_read_as_committed(broker_url: str, topic: str) -> None:
    """An error in the body aborts; consumers that do not mind read the records all the same."""
    async with producing(broker_url, transactional_id=topic) as producer:
        with pytest.raises(RuntimeError, match="my own"):
            await send_and_fail(producer, topic, b"a")
        async with producer.transaction():
            await send(producer, topic, b"b")
    assert await values(broker_url, topic, "read_committed", 1) == [b"b"]
    assert await values(broker_url, topic, "read_uncommitted", 2) == [b"a", b"b"]


async def test_partitions_commit_together(broker_url: str, topic: str) -> None:
    """Until the transaction ends, neither is read as committed; then both are."""
    async with producing(broker_url, transactional_id=topic) as producer:
        async with producer.transaction():
            for partition in (0, 1):
                await send(producer, topic, b"x", partition=partition)
            for partition in (0, 1):
                assert await values(broker_url, topic, "read_committed", 0, partition) == []
        for partition in (0, 1):
            assert await values(broker_url, topic, "read_committed", 1, partition) == [b"x"]


async def test_offsets_have_gaps(broker_url: str, topic: str) -> None:
    """Markers take offsets, so the next record is not always one further."""
    async with producing(broker_url, transactional_id=topic) as producer:
        for number in range(3):
            async with producer.transaction():
                await send(producer, topic, str(number).encode())
    place = TopicPartition(topic, 0)
    async with consuming(broker_url, isolation_level="read_committed") as consumer:
        consumer.assign([place])
        assert [record.offset for record in await take(consumer, 3)] == [0, 2, 4]
        assert await consumer.end_offsets([place]) == {place: 6}


async def test_the_end_depends_on_the_isolation(broker_url: str, topic: str) -> None:
    """Readers of committed records are told the last stable offset, others the last of all."""
    place = TopicPartition(topic, 0)
    await write(broker_url, topic, 2)
    async with producing(broker_url, transactional_id=topic) as producer:
        await producer.begin_transaction()
        await send(producer, topic, b"a", b"b", b"c")
        for isolation, end in zip(BOTH, (2, 5), strict=True):
            async with consuming(broker_url, isolation_level=isolation) as consumer:
                consumer.assign([place])
                assert await consumer.end_offsets([place]) == {place: end}
                assert len(await take(consumer, end)) == end
                assert consumer.last_stable_offset(place) == 2
                assert consumer.highwater(place) == 5
        await producer.abort_transaction()


async def test_a_consumer_waits_for_the_commit(broker_url: str, topic: str) -> None:
    """One that is there already gets the records as soon as they count."""
    place = TopicPartition(topic, 0)
    async with (
        producing(broker_url, transactional_id=topic) as producer,
        consuming(broker_url, isolation_level="read_committed") as consumer,
    ):
        consumer.assign([place])
        await producer.begin_transaction()
        await send(producer, topic, b"a")
        assert await consumer.getmany(timeout_ms=150) == {}
        await producer.commit_transaction()
        assert [record.value for record in await take(consumer, 1)] == [b"a"]


async def test_an_empty_transaction_leaves_nothing(broker_url: str, topic: str) -> None:
    """Begun and ended without a record, it takes no offset."""
    place = TopicPartition(topic, 0)
    async with producing(broker_url, transactional_id=topic) as producer:
        async with producer.transaction():
            pass
        await producer.begin_transaction()
        await producer.abort_transaction()
        async with consuming(broker_url) as consumer:
            assert await consumer.end_offsets([place]) == {place: 0}


async def test_what_was_sent_is_flushed_by_the_commit(broker_url: str, topic: str) -> None:
    """Records that are on their way belong to the transaction that is being committed."""
    named = {"transactional_id": topic, "linger_ms": 50}
    async with producing(broker_url, **named) as producer, producer.transaction():
        for number in range(20):
            await producer.send(topic, str(number).encode(), partition=0)
    expected = [str(number).encode() for number in range(20)]
    assert await values(broker_url, topic, "read_committed", 20) == expected


async def test_a_producer_may_not_write_outside(broker_url: str, topic: str) -> None:
    """Aiokafka itself refuses a record without a transaction, before the broker could."""
    async with producing(broker_url, transactional_id=topic) as producer:
        with pytest.raises(IllegalOperation):
            await producer.send(topic, b"a", partition=0)
