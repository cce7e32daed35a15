"""What clients learn of a cluster: its brokers, topics, leaders and their terms."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from support.kafka_clients import SECONDS
from support.wire import API, Wire, fresh, wired

from callboard.transport.broker import Broker, BrokerOptions, ErrorCode
from callboard.transport.broker.wire import Body


async def ask(wire: Wire, topics: list[str] | None, version: int = 8) -> Body:
    """Return the metadata of these topics, creating none."""
    return await wire.ask("metadata", version, topics=topics, allow_auto_create=False)


@pytest.mark.parametrize("version", range(API["metadata"].first, API["metadata"].last + 1))
async def test_metadata_is_laid_out_as_its_version_says(
    wire: Wire, broker_url: str, version: int
) -> None:
    """In every version the one broker is the address that was connected to, and leads."""
    topic = await wire.topic()
    answer = await ask(wire, [topic], version)
    (broker,) = answer["brokers"]
    (described,) = answer["topics"]

    assert f"{broker['host']}:{broker['port']}" == broker_url
    assert described["name"] == topic
    assert [part["leader"] for part in described["partitions"]] == [broker["id"]]


async def test_the_cluster_has_an_id_and_a_controller(wire: Wire) -> None:
    """The id is the same each time; the controller is a broker that was named."""
    first, second = await ask(wire, []), await ask(wire, [])
    assert first["cluster_id"]
    assert first["cluster_id"] == second["cluster_id"]
    assert first["controller_id"] in {broker["id"] for broker in first["brokers"]}


async def test_no_topics_are_described_when_none_are_asked_for(wire: Wire) -> None:
    """An empty list is not all of them."""
    await wire.topic()
    assert (await ask(wire, []))["topics"] == []


async def test_all_topics_are_described_when_no_list_is_given(wire: Wire) -> None:
    """Null stands for all of them."""
    names = {await wire.topic(), await wire.topic(2)}
    described = {topic["name"] for topic in (await ask(wire, None))["topics"]}
    assert names <= described


async def test_in_the_oldest_version_an_empty_list_is_all_topics(wire: Wire) -> None:
    """Version 0 has no null."""
    name = await wire.topic()
    assert name in {topic["name"] for topic in (await ask(wire, [], 0))["topics"]}


async def test_topics_of_users_are_not_internal(wire: Wire) -> None:
    """Only the topics a broker keeps for itself are."""
    assert not (await wire.described(await wire.topic()))["is_internal"]


async def test_an_unknown_topic_is_said_to_be_unknown(wire: Wire) -> None:
    """The others are described beside it, and asking creates nothing."""
    known, unknown = await wire.topic(), fresh()
    for _ in range(2):
        answer = await ask(wire, [unknown, known])
        codes = {topic["name"]: topic["error_code"] for topic in answer["topics"]}
        assert codes == {unknown: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, known: ErrorCode.NONE}


@pytest.mark.parametrize("name", ["", "a b", "..", "x" * 250], ids=["", "space", "dots", "250"])
async def test_a_name_that_cannot_be_is_told(wire: Wire, name: str) -> None:
    """A name that no topic can have is an error of its own, and nothing is created."""
    answer = await wire.described(name, create=True)
    assert answer["error_code"] == ErrorCode.INVALID_TOPIC


async def test_a_topic_asked_for_twice_is_described_once(wire: Wire) -> None:
    """Names are a set."""
    name = await wire.topic()
    assert len((await ask(wire, [name, name]))["topics"]) == 1


async def test_a_new_partition_is_in_its_first_term(wire: Wire) -> None:
    """Leader epochs begin at 0."""
    (part,) = (await wire.described(await wire.topic()))["partitions"]
    assert part["leader_epoch"] == 0


async def test_who_may_do_what_is_told_only_when_asked(wire: Wire) -> None:
    """The least number stands for: nobody asked."""
    name = await wire.topic()
    answer = await ask(wire, [name])
    assert answer["operations"] == answer["topics"][0]["operations"] == -(2**31)


async def ends_of(wire: Wire, topic: str, epoch: int, current: int = -1) -> tuple[int, int, int]:
    """Return what `OffsetForLeaderEpoch` tells: code, epoch, and where that ended."""
    part = {"index": 0, "current_leader_epoch": current, "leader_epoch": epoch}
    answer = await wire.ask(
        "offset_for_leader_epoch",
        3,
        replica_id=-1,
        topics=[{"name": topic, "partitions": [part]}],
    )
    (found,) = answer["topics"][0]["partitions"]
    return found["error_code"], found["leader_epoch"], found["end_offset"]


async def test_the_present_term_ends_where_the_log_does(wire: Wire) -> None:
    """A client that looks for truncation finds none."""
    topic = await wire.topic()
    await wire.write(topic, b"a", b"b")
    assert await ends_of(wire, topic, 0) == (ErrorCode.NONE, 0, 2)


async def test_a_term_that_has_not_been_has_no_end(wire: Wire) -> None:
    """Neither code nor offset: the leader knows nothing of it."""
    topic = await wire.topic()
    assert await ends_of(wire, topic, 7) == (ErrorCode.NONE, -1, -1)


async def test_who_knows_a_later_term_than_the_leader_is_told(wire: Wire) -> None:
    """UNKNOWN_LEADER_EPOCH sends a client for fresh metadata, wherever it names a term."""
    topic = await wire.topic()
    code, _, _ = await ends_of(wire, topic, 0, current=7)
    assert code == ErrorCode.UNKNOWN_LEADER_EPOCH

    part = {"index": 0, "leader_epoch": 7, "timestamp": -1}
    answer = await wire.ask(
        "list_offsets",
        5,
        replica_id=-1,
        isolation_level=0,
        topics=[{"name": topic, "partitions": [part]}],
    )
    found = answer["topics"][0]["partitions"][0]
    assert found["error_code"] == ErrorCode.UNKNOWN_LEADER_EPOCH


async def test_an_unknown_partition_has_no_terms(wire: Wire) -> None:
    """UNKNOWN_TOPIC_OR_PARTITION."""
    code, _, _ = await ends_of(wire, fresh(), 0)
    assert code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


@pytest.fixture(params=["embedded", pytest.param("apache", marks=pytest.mark.kafka)])
async def thrifty(request: pytest.FixtureRequest) -> AsyncIterator[Wire]:
    """Give a connection to a broker that creates no topics by itself."""
    async with AsyncExitStack() as stack:
        if request.param == "apache":
            bootstrap = request.getfixturevalue("apache_kafka").bootstrap
        else:
            options = BrokerOptions(auto_create=False)
            bootstrap = (await stack.enter_async_context(Broker(options))).bootstrap
        yield await stack.enter_async_context(wired(bootstrap))


async def test_a_broker_may_be_told_to_create_nothing_by_itself(thrifty: Wire) -> None:
    """Then a topic is unknown also to a client that would have it created."""
    name = fresh()
    for _ in range(2):
        answer = await thrifty.described(name, create=True)
        assert answer["error_code"] == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


async def test_aiokafka_describes_the_cluster_and_lists_topics(wire: Wire, broker_url: str) -> None:
    """The admin client understands all of it."""
    name = await wire.topic(2)
    admin = AIOKafkaAdminClient(bootstrap_servers=broker_url)
    async with asyncio.timeout(SECONDS):
        await admin.start()
        try:
            cluster = await admin.describe_cluster()
            topics = await admin.list_topics()
            (described,) = await admin.describe_topics([name])
        finally:
            await admin.close()
    assert len(cluster["brokers"]) == 1
    assert name in topics
    assert len(described["partitions"]) == 2
