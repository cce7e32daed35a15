"""The harness: what both brokers must do before any other test on them means anything."""

import pytest
from support.apache_kafka import ApacheKafka, ApacheKafkaError
from support.kafka_clients import consuming, create_topic, producing, read_all, take, write


async def test_what_is_written_is_read_in_order(broker_url: str) -> None:
    """Records come back from one partition in the order they were appended."""
    topic = await create_topic(broker_url)
    await write(broker_url, topic, 500)

    assert await read_all(broker_url, topic) == [str(n).encode() for n in range(500)]


async def test_a_group_continues_where_it_committed(broker_url: str) -> None:
    """A second member of a group starts at the offset the first one committed."""
    topic = await create_topic(broker_url)
    await write(broker_url, topic, 10)
    async with consuming(broker_url, topic, group_id=f"{topic}-group") as first:
        await take(first, 10)
        (place,) = first.assignment()
        await first.commit({place: 4})

    async with consuming(broker_url, topic, group_id=f"{topic}-group") as second:
        assert (await take(second, 1))[0].offset == 4


async def test_headers_and_keys_survive(broker_url: str) -> None:
    """A record's key and headers come back byte for byte."""
    topic = await create_topic(broker_url)
    async with producing(broker_url) as producer:
        await producer.send_and_wait(topic, b"v", key=b"k", headers=[("ce_id", b"\x00\xff")])

    async with consuming(broker_url, topic, group_id=f"{topic}-group") as consumer:
        (record,) = await take(consumer, 1)
    assert (record.key, record.value, record.headers) == (b"k", b"v", (("ce_id", b"\x00\xff"),))


@pytest.mark.kafka
def test_a_node_that_cannot_start_says_why(apache_kafka: ApacheKafka) -> None:
    """A wrong setting ends the start at once, with Kafka's own words in the error."""
    assert apache_kafka.bootstrap  # the machine can run one at all
    with pytest.raises(ApacheKafkaError, match=r"(?s)num\.partitions"):
        ApacheKafka({"num.partitions": "none"}).start()
