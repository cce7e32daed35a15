"""What aiokafka sends, and when it sends it again; see `docs/kafka-client-notes.md`."""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor as Range
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor as RoundRobin
from aiokafka.errors import KafkaConnectionError, ProducerFenced
from aiokafka.protocol.group import JoinGroupRequest
from aiokafka.protocol.produce import ProduceRequest
from support.kafka_clients import consuming, create_topic, producing, read_all, take, until, write


class Wire:
    """Stands between an aiokafka client and its connections.

    Attributes:
        sent: Every request that was sent, in order.
        losses: How many answers to `ProduceRequest` still get lost: the broker
            has applied the request, and the client sees its connection break.
    """

    def __init__(self, client: Any, *, losses: int = 0) -> None:
        self._send = client.send
        client.send = self._lossy_send
        self.sent: list[object] = []
        self.losses = losses

    async def _lossy_send(self, node: Any, request: Any, **options: Any) -> Any:
        answer = await self._send(node, request, **options)
        self.sent.append(request)
        if isinstance(request, ProduceRequest) and self.losses > 0:
            self.losses -= 1
            raise KafkaConnectionError("the answer was lost")
        return answer


async def send_numbers(producer: AIOKafkaProducer, topic: str, batches: int, each: int) -> None:
    """Send `0`, `1`, ... in explicit batches without waiting for one before the next."""
    acknowledged: list[asyncio.Future[Any]] = []
    for first in range(0, batches * each, each):
        batch = producer.create_batch()
        for number in range(first, first + each):
            batch.append(key=None, value=str(number).encode(), timestamp=None)
        batch.close()
        acknowledged.append(await producer.send_batch(batch, topic, partition=0))
    offsets = [(await each).offset for each in acknowledged]
    assert offsets == list(range(0, batches * each, each))


@pytest.mark.parametrize("losses", [0, 1, 3])
async def test_batches_whose_answers_are_lost_are_written_once(
    broker_url: str, losses: int
) -> None:
    """Idempotent batches keep their order and stand in the log once, however often sent.

    The acknowledgement of a batch the broker already had still names its first offset.
    """
    topic = await create_topic(broker_url)
    async with producing(broker_url, retry_backoff_ms=10) as producer, asyncio.timeout(10):
        wire = Wire(producer.client, losses=losses)
        await send_numbers(producer, topic, batches=8, each=5)
        produced = sum(isinstance(request, ProduceRequest) for request in wire.sent)

    assert produced == 8 + losses
    assert await read_all(broker_url, topic) == [str(n).encode() for n in range(40)]


async def test_without_idempotence_a_lost_answer_doubles_a_batch(broker_url: str) -> None:
    """The client's default is not idempotent, and writes a batch twice whose answer was lost."""
    topic = await create_topic(broker_url)
    async with (
        producing(broker_url, enable_idempotence=False, acks="all") as producer,
        asyncio.timeout(10),
    ):
        Wire(producer.client, losses=1)
        await producer.send_and_wait(topic, b"once?", partition=0)

    assert await read_all(broker_url, topic) == [b"once?", b"once?"]


async def test_an_idempotent_write_has_no_deadline_of_its_own(broker_url: str) -> None:
    """While the broker is out of reach, an idempotent write is tried again without end.

    `request_timeout_ms` bounds each try, and not the write.
    """
    topic = await create_topic(broker_url)
    async with producing(broker_url, request_timeout_ms=400, retry_backoff_ms=10) as producer:
        wire = Wire(producer.client, losses=1_000_000)
        written = await producer.send(topic, b"v", partition=0)
        done, _ = await asyncio.wait([written], timeout=1.0)
        assert done == set()
        assert sum(isinstance(request, ProduceRequest) for request in wire.sent) > 3
        wire.losses = 0
        async with asyncio.timeout(10):
            await written

    assert await read_all(broker_url, topic) == [b"v"]


@pytest.mark.parametrize("assignors", [(RoundRobin,), (RoundRobin, Range)], ids=["one", "two"])
async def test_a_member_joins_once_for_each_assignor(
    broker_url: str, assignors: tuple[type, ...]
) -> None:
    """A member that names two assignors sends two `JoinGroup` where one would do."""
    topic = await create_topic(broker_url)
    async with consuming(
        broker_url, group_id=f"{topic}-group", partition_assignment_strategy=assignors
    ) as consumer:
        wire = Wire(consumer._client)
        consumer.subscribe([topic])
        await until(lambda: bool(consumer.assignment()), "a partition")

    # The very first is answered with the id to join with, and does not count.
    joins = [each for each in wire.sent if isinstance(each, JoinGroupRequest) and each._member_id]
    assert len(joins) == len(assignors)


async def test_a_pause_throws_away_what_is_fetched(broker_url: str) -> None:
    """Records that were fetched before a pause are dropped, and fetched again after it."""
    topic = await create_topic(broker_url)
    await write(broker_url, topic, 10)
    async with consuming(broker_url, topic, group_id=f"{topic}-group") as consumer:
        place = TopicPartition(topic, 0)
        first = await consumer.getmany(timeout_ms=5_000, max_records=6)
        fetcher: Any = consumer._fetcher
        buffered = fetcher._records
        await until(lambda: place in buffered, "four records in the client's buffer")
        consumer.pause(place)
        assert await consumer.getmany(timeout_ms=50) == {}
        assert place not in buffered
        consumer.resume(place)

        assert len(first[place]) == 6
        assert [record.offset for record in await take(consumer, 4)] == [6, 7, 8, 9]


@pytest.mark.kafka
async def test_a_second_transactional_producer_fences_the_first(apache_kafka: Any) -> None:
    """Starting a producer with the same transactional id ends the other one's transaction."""
    topic = await create_topic(apache_kafka.bootstrap)
    name = {"transactional_id": f"{topic}-producer"}
    async with producing(apache_kafka.bootstrap, **name) as zombie:
        await zombie.begin_transaction()
        await zombie.send_and_wait(topic, b"old", partition=0)
        async with producing(apache_kafka.bootstrap, **name):
            with pytest.raises(ProducerFenced):
                await zombie.commit_transaction()
