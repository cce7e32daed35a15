"""The broker as a fixture: for tests with any client, on any loop or none."""

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import NotLeaderForPartitionError
from confluent_kafka import Producer

from callboard.testing import BrokerOptions, BrokerThread, ErrorCode
from callboard.transport.broker import PortInUse


async def test_a_test_gets_a_broker_by_naming_the_fixture(callboard_broker: BrokerThread) -> None:
    """The broker serves clients of the test's loop from a thread of its own."""
    async with AIOKafkaProducer(bootstrap_servers=callboard_broker.bootstrap) as producer:
        await producer.send_and_wait("orders", b"soup", partition=0)
    async with AIOKafkaConsumer(
        "orders", bootstrap_servers=callboard_broker.bootstrap, auto_offset_reset="earliest"
    ) as consumer:
        assert (await consumer.getone()).value == b"soup"
    assert callboard_broker.end_offset("orders", 0) == 1
    assert callboard_broker.topic_names() == ["orders"]


def test_a_client_that_blocks_can_be_tested_too(callboard_broker: BrokerThread) -> None:
    """No event loop of the test is needed."""
    producer = Producer({"bootstrap.servers": callboard_broker.bootstrap})
    producer.produce("orders", b"soup", partition=0)
    assert producer.flush(10) == 0
    assert [r.offset for r in callboard_broker.records("orders", 0)] == [0]


async def test_faults_are_set_from_the_test(callboard_broker: BrokerThread) -> None:
    """An idempotent producer repeats a write that was refused, as often as it is."""
    refused = callboard_broker.fail("produce", ErrorCode.NOT_LEADER_OR_FOLLOWER, times=2)
    async with AIOKafkaProducer(
        bootstrap_servers=callboard_broker.bootstrap, enable_idempotence=True, retry_backoff_ms=10
    ) as producer:
        assert (await producer.send_and_wait("orders", b"soup", partition=0)).offset == 0
    assert [hit.partitions for hit in refused.hits] == [(("orders", 0),)] * 2
    assert NotLeaderForPartitionError.errno == ErrorCode.NOT_LEADER_OR_FOLLOWER


@pytest.mark.callboard_broker(brokers=3, default_partitions=1)
def test_the_mark_gives_options(callboard_broker: BrokerThread) -> None:
    """Three broker ids; one goes down and another leads."""
    assert len(callboard_broker.bootstrap.split(",")) == 3
    producer = Producer({"bootstrap.servers": callboard_broker.bootstrap})
    producer.produce("orders", b"soup")
    assert producer.flush(10) == 0
    leader = callboard_broker.partitions("orders")[0].leader
    callboard_broker.stop_broker(leader)
    assert callboard_broker.partitions("orders")[0].leader not in {leader, -1}
    callboard_broker.start_broker(leader)
    producer.produce("orders", b"more soup")
    assert producer.flush(20) == 0
    assert callboard_broker.end_offset("orders", 0) == 2


def test_what_a_broker_does_not_have_is_an_attribute_error(callboard_broker: BrokerThread) -> None:
    """A name that is misspelled is told at once."""
    with pytest.raises(AttributeError, match="a broker has no 'explode'"):
        callboard_broker.explode()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def test_a_port_in_use_is_told_where_it_is_entered(callboard_broker: BrokerThread) -> None:
    """The thread has ended by then."""
    port = int(callboard_broker.bootstrap.rpartition(":")[2])
    with pytest.raises(PortInUse), BrokerThread(BrokerOptions(port=port)):
        pass
