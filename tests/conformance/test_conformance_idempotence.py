"""Idempotent producers: what is written once, and what comes out of order."""

import pytest
from support.kafka_clients import producing
from support.record_batches import Producer, Rec, batch, now_ms, numbered
from support.wire import LATEST, Wire

from callboard.transport.broker import ErrorCode

_LAST = 2**31 - 1


async def written(
    wire: Wire, topic: str, producer: Producer, first: int, count: int = 1, *, partition: int = 0
) -> tuple[int, int]:
    """Write the records with these numbers; return code and offset of the answer."""
    answer = await wire.produce(topic, numbered(producer, first, count), partition=partition)
    return answer["error_code"], answer["base_offset"]


async def end(wire: Wire, topic: str, partition: int = 0) -> int:
    """Return where a partition ends."""
    return int((await wire.offset(topic, LATEST, partition=partition))["offset"])


async def test_every_producer_gets_an_id_of_its_own(wire: Wire) -> None:
    """Ids are new and epochs begin at 0."""
    first, second = await wire.new_producer(), await wire.new_producer()
    assert first.id != second.id
    assert first.epoch == second.epoch == 0


async def test_a_batch_that_comes_again_is_not_written_again(wire: Wire) -> None:
    """It is acknowledged with the offset it has."""
    topic, producer = await wire.topic(), await wire.new_producer()
    for first, offset in [(0, 0), (3, 3), (3, 3), (0, 0)]:
        assert await written(wire, topic, producer, first, 3) == (ErrorCode.NONE, offset)
    assert await end(wire, topic) == 6


async def test_the_last_five_batches_are_known_again(wire: Wire) -> None:
    """As many as a producer may have under way at once."""
    topic, producer = await wire.topic(), await wire.new_producer()
    for number in range(8):
        await written(wire, topic, producer, number)
    for number in range(3, 8):
        assert await written(wire, topic, producer, number) == (ErrorCode.NONE, number)
    assert await end(wire, topic) == 8


async def test_an_older_batch_is_out_of_order(wire: Wire) -> None:
    """Whether it was written nobody remembers, and so it is not written."""
    topic, producer = await wire.topic(), await wire.new_producer()
    for number in range(8):
        await written(wire, topic, producer, number)
    assert await written(wire, topic, producer, 2) == (ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, -1)
    assert await end(wire, topic) == 8


@pytest.mark.parametrize("first", [3, 100, _LAST])
async def test_a_gap_is_out_of_order(wire: Wire, first: int) -> None:
    """What came between is missing; after the refusal the right batch is taken."""
    topic, producer = await wire.topic(), await wire.new_producer()
    await written(wire, topic, producer, 0, 2)
    refusal = ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert await written(wire, topic, producer, first) == (refusal, -1)
    assert await written(wire, topic, producer, 2) == (ErrorCode.NONE, 2)


@pytest.mark.parametrize(("first", "count"), [(0, 2), (1, 2), (2, 2), (1, 1), (0, 4)])
async def test_a_batch_that_is_cut_otherwise_is_out_of_order(
    wire: Wire, first: int, count: int
) -> None:
    """Only a whole batch is known again, not parts of it."""
    topic, producer = await wire.topic(), await wire.new_producer()
    await written(wire, topic, producer, 0, 3)
    refusal = ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert await written(wire, topic, producer, first, count) == (refusal, -1)
    assert await end(wire, topic) == 3


async def test_a_producer_not_known_to_a_partition_may_begin_anywhere(wire: Wire) -> None:
    """The partition may have forgotten it, so any number may be right."""
    topic, producer = await wire.topic(), await wire.new_producer()
    assert await written(wire, topic, producer, 77) == (ErrorCode.NONE, 0)
    assert await written(wire, topic, producer, 78) == (ErrorCode.NONE, 1)
    refusal = ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert await written(wire, topic, producer, 0) == (refusal, -1)


async def test_a_producer_id_need_not_have_been_given_out(wire: Wire) -> None:
    """Partitions do not ask who gave an id."""
    topic = await wire.topic()
    assert await written(wire, topic, Producer(987_654_321, 5), 3) == (ErrorCode.NONE, 0)


async def test_a_new_epoch_begins_at_zero(wire: Wire) -> None:
    """Its first number must be 0; the numbers of the old epoch are over."""
    topic, producer = await wire.topic(), await wire.new_producer()
    await written(wire, topic, producer, 0, 3)
    later = producer._replace(epoch=1)
    refusal = ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert await written(wire, topic, later, 3) == (refusal, -1)
    assert await written(wire, topic, later, 0) == (ErrorCode.NONE, 3)
    assert await written(wire, topic, later, 1) == (ErrorCode.NONE, 4)


async def test_an_old_epoch_is_fenced(wire: Wire) -> None:
    """INVALID_PRODUCER_EPOCH, for new batches and for those written before."""
    topic, producer = await wire.topic(), await wire.new_producer()
    await written(wire, topic, producer, 0)
    await written(wire, topic, producer._replace(epoch=1), 0)
    for number in (0, 1):
        refusal = ErrorCode.INVALID_PRODUCER_EPOCH
        assert await written(wire, topic, producer, number) == (refusal, -1)


async def test_an_epoch_is_fenced_in_the_partition_it_wrote_to(wire: Wire) -> None:
    """Another partition has not heard of the later one."""
    topic, producer = await wire.topic(2), await wire.new_producer()
    await written(wire, topic, producer._replace(epoch=1), 0, partition=0)
    assert await written(wire, topic, producer, 0, partition=1) == (ErrorCode.NONE, 0)


async def test_numbers_begin_anew_after_the_largest(wire: Wire) -> None:
    """After 2,147,483,647 comes 0."""
    topic, producer = await wire.topic(), await wire.new_producer()
    assert await written(wire, topic, producer, _LAST - 1, 2) == (ErrorCode.NONE, 0)
    assert await written(wire, topic, producer, 0, 2) == (ErrorCode.NONE, 2)


async def test_a_batch_may_lie_across_the_largest_number(wire: Wire) -> None:
    """Its last numbers are 0 and 1, and it is known when it comes again."""
    topic, producer = await wire.topic(), await wire.new_producer()
    for _ in range(2):
        assert await written(wire, topic, producer, _LAST - 1, 4) == (ErrorCode.NONE, 0)
    assert await written(wire, topic, producer, 2) == (ErrorCode.NONE, 4)


async def test_partitions_count_for_themselves(wire: Wire) -> None:
    """A producer's numbers in one partition say nothing about another."""
    topic, producer = await wire.topic(2), await wire.new_producer()
    assert await written(wire, topic, producer, 0, 3, partition=0) == (ErrorCode.NONE, 0)
    assert await written(wire, topic, producer, 0, 3, partition=1) == (ErrorCode.NONE, 0)
    refusal = ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert await written(wire, topic, producer, 5, partition=1) == (refusal, -1)
    assert await written(wire, topic, producer, 3, partition=0) == (ErrorCode.NONE, 3)


async def test_producers_count_for_themselves(wire: Wire) -> None:
    """Batches of others between its own change nothing."""
    topic = await wire.topic()
    one, other = await wire.new_producer(), await wire.new_producer()
    offsets = [
        await written(wire, topic, producer, number)
        for number in range(3)
        for producer in (one, other)
    ]
    await wire.write(topic, b"nobody's")
    assert offsets == [(ErrorCode.NONE, offset) for offset in range(6)]
    assert await written(wire, topic, one, 2) == (ErrorCode.NONE, 4)
    assert await written(wire, topic, one, 3) == (ErrorCode.NONE, 7)


async def test_a_refused_batch_does_not_count(wire: Wire) -> None:
    """A batch that is too large leaves the producer's number where it was."""
    topic = await wire.topic(configs={"max.message.bytes": "1000"})
    producer = await wire.new_producer()
    large = batch(Rec(b"x" * 2000), producer=producer, sequence=0)
    assert (await wire.produce(topic, large))["error_code"] == ErrorCode.MESSAGE_TOO_LARGE
    assert await written(wire, topic, producer, 0) == (ErrorCode.NONE, 0)
    assert await written(wire, topic, producer, 1) == (ErrorCode.NONE, 1)


async def test_a_batch_known_again_has_the_time_it_was_written(wire: Wire) -> None:
    """Where the broker's time counts, the acknowledgement repeats that, too."""
    topic = await wire.topic(configs={"message.timestamp.type": "LogAppendTime"})
    producer = await wire.new_producer()
    first = await wire.produce(topic, numbered(producer, 0))
    again = await wire.produce(topic, numbered(producer, 0))
    assert first["log_append_time"] <= now_ms()
    assert again["log_append_time"] == first["log_append_time"]


async def test_what_is_deleted_is_still_known(wire: Wire) -> None:
    """Deleting all records does not make a partition forget who wrote them."""
    topic, producer = await wire.topic(), await wire.new_producer()
    for number in range(3):
        await written(wire, topic, producer, number)
    await wire.delete_records(topic, 3)
    assert await written(wire, topic, producer, 2) == (ErrorCode.NONE, 2)
    refusal = ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert await written(wire, topic, producer, 9) == (refusal, -1)
    assert await written(wire, topic, producer, 3) == (ErrorCode.NONE, 3)


async def test_the_leaders_ack_is_enough(wire: Wire) -> None:
    """That idempotence wants all acks is the clients' rule, not the broker's."""
    topic, producer = await wire.topic(), await wire.new_producer()
    for _ in range(2):
        answer = await wire.produce(topic, numbered(producer, 0), acks=1)
        assert (answer["error_code"], answer["base_offset"]) == (ErrorCode.NONE, 0)


async def test_an_ordinary_batch_may_come_again(wire: Wire) -> None:
    """Without a producer id everything is new."""
    topic, same = await wire.topic(), batch()
    assert [(await wire.produce(topic, same))["base_offset"] for _ in range(2)] == [0, 1]


async def test_aiokafkas_producers_are_numbered(wire: Wire, broker_url: str) -> None:
    """Two idempotent producers write to one partition, each in its order."""
    topic = await wire.topic()
    async with producing(broker_url) as one, producing(broker_url) as other:
        sent = [
            await producer.send_and_wait(topic, name, partition=0)
            for _ in range(3)
            for producer, name in ((one, b"one"), (other, b"other"))
        ]
    assert [each.offset for each in sent] == list(range(6))
