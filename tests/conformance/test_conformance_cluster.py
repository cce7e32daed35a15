"""Several brokers: who leads, who is in sync, and what the others answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from support.apache_cluster import ApacheCluster
from support.kafka_clients import SECONDS, consuming, producing, take
from support.record_batches import batch
from support.wire import LATEST, Wire, fetching, fresh, part_of, topic_of, wired

from callboard.transport.broker import Broker, BrokerOptions, ErrorCode
from callboard.transport.broker.wire import Body

_IDS = [1, 2, 3]


class Cluster:
    """Three brokers, and a connection to each."""

    def __init__(
        self,
        bootstrap: str,
        wires: dict[int, Wire],
        leave: Callable[[int], Awaitable[None]],
        come_back: Callable[[int], Awaitable[None]],
    ) -> None:
        self.bootstrap = bootstrap
        self.wires = wires
        self.leave = leave
        self.come_back = come_back

    @property
    def any(self) -> Wire:
        """A connection to one of them."""
        return self.wires[1]

    async def topic(self, partitions: int = 1, replication: int = 3, **configs: str) -> str:
        """Create a topic, and wait until every broker knows it and its leaders answer."""
        name = fresh()
        own = {key.replace("_", "."): value for key, value in configs.items()}
        asked = topic_of(name, partitions, replication, configs=own)
        assert await self.any.create_topics(asked) == {name: ErrorCode.NONE}
        await self.known(name, partitions)
        return name

    async def known(self, name: str, partitions: int = 1) -> list[Body]:
        """Wait until all brokers that answer tell of the same leaders, and those lead."""
        async with asyncio.timeout(SECONDS):
            while True:
                told = [await wire.described(name) for wire in self.wires.values()]
                parts = sorted(told[0]["partitions"], key=lambda part: part["index"])
                same = all(len(t["partitions"]) == partitions for t in told) and all(
                    sorted(p["leader"] for p in t["partitions"])
                    == sorted(p["leader"] for p in parts)
                    for t in told
                )
                if same and all([await self._leads(name, part) for part in parts]):
                    return parts
                await asyncio.sleep(0.05)

    async def _leads(self, name: str, part: Body) -> bool:
        if part["leader"] not in self.wires:
            return False
        wire = self.wires[part["leader"]]
        found = await wire.offset(name, LATEST, partition=part["index"])
        return bool(found["error_code"] == ErrorCode.NONE)

    async def leader(self, name: str, partition: int = 0) -> int:
        """Return the id of a partition's leader."""
        parts = (await self.any.described(name))["partitions"]
        return int(next(p["leader"] for p in parts if p["index"] == partition))


@pytest.fixture(params=["embedded", pytest.param("apache", marks=pytest.mark.kafka)])
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    """Give three broker ids of the embedded broker, then three nodes of Apache Kafka."""
    async with AsyncExitStack() as stack:
        if request.param == "apache":
            apache: ApacheCluster = request.getfixturevalue("apache_cluster")
            bootstrap = apache.bootstrap

            async def leave(broker: int, /) -> None:
                apache.pause(broker)

            async def come_back(broker: int, /) -> None:
                apache.resume(broker)
        else:
            broker = await stack.enter_async_context(Broker(BrokerOptions(brokers=3)))
            bootstrap, leave, come_back = broker.bootstrap, broker.stop_broker, broker.start_broker
        addresses = dict(zip(_IDS, bootstrap.split(","), strict=True))
        wires = {
            id_: await stack.enter_async_context(wired(address))
            for id_, address in addresses.items()
        }
        yield Cluster(bootstrap, wires, leave, come_back)


async def test_all_brokers_are_told_of_by_each(cluster: Cluster) -> None:
    """With their ids and the addresses they were found at; all name the same cluster."""
    told = [await wire.ask("metadata", 8, topics=[]) for wire in cluster.wires.values()]
    for answer in told:
        brokers = {b["id"]: f"{b['host']}:{b['port']}" for b in answer["brokers"]}
        assert brokers == dict(zip(_IDS, cluster.bootstrap.split(","), strict=True))
        assert answer["controller_id"] in _IDS
    assert len({answer["cluster_id"] for answer in told}) == 1


async def test_every_broker_has_what_is_replicated_to_all(cluster: Cluster) -> None:
    """Three replicas are the three ids, all in sync, and the first of them leads."""
    topic = await cluster.topic(partitions=3)
    for part in await cluster.known(topic, 3):
        assert sorted(part["replicas"]) == sorted(part["isr"]) == _IDS
        assert part["leader"] == part["replicas"][0]
        assert part["offline"] == []


async def test_partitions_are_led_by_all_brokers(cluster: Cluster) -> None:
    """Leaders take turns, and so do single replicas."""
    for replication in (1, 3):
        topic = await cluster.topic(partitions=6, replication=replication)
        leaders = sorted(part["leader"] for part in await cluster.known(topic, 6))
        assert leaders == [1, 1, 2, 2, 3, 3]


async def test_there_are_no_more_replicas_than_brokers(cluster: Cluster) -> None:
    """INVALID_REPLICATION_FACTOR."""
    name = fresh()
    codes = await cluster.any.create_topics(topic_of(name, 1, 4))
    assert codes == {name: ErrorCode.INVALID_REPLICATION_FACTOR}


async def test_a_topic_that_does_not_say_is_replicated_to_all(cluster: Cluster) -> None:
    """-1 leaves partitions and replicas to the broker."""
    name = fresh()
    assert await cluster.any.create_topics(topic_of(name, -1, -1)) == {name: ErrorCode.NONE}
    parts = await cluster.known(name, 4)
    assert all(sorted(part["replicas"]) == _IDS for part in parts)


async def test_replicas_are_where_they_were_placed(cluster: Cluster) -> None:
    """In this order, and so with these leaders."""
    name, placed = fresh(), {0: [2, 1], 1: [3, 2], 2: [1, 3]}
    asked = topic_of(name, -1, -1, assignments=placed)
    assert await cluster.any.create_topics(asked) == {name: ErrorCode.NONE}
    parts = await cluster.known(name, 3)
    assert {part["index"]: part["replicas"] for part in parts} == placed
    assert [part["leader"] for part in parts] == [2, 3, 1]


async def test_a_placement_has_as_many_replicas_for_each_partition(cluster: Cluster) -> None:
    """Else INVALID_REPLICA_ASSIGNMENT."""
    name = fresh()
    asked = topic_of(name, -1, -1, assignments={0: [1, 2], 1: [3]})
    codes = await cluster.any.create_topics(asked)
    assert codes == {name: ErrorCode.INVALID_REPLICA_ASSIGNMENT}


async def test_new_partitions_are_replicated_like_the_old(cluster: Cluster) -> None:
    """A topic grows with the number of replicas it was created with."""
    topic = await cluster.topic(partitions=1, replication=2)
    await cluster.any.ask(
        "create_partitions",
        1,
        topics=[{"name": topic, "count": 3, "assignments": None}],
        timeout_ms=5000,
        validate_only=False,
    )
    parts = await cluster.known(topic, 3)
    assert [len(part["replicas"]) for part in parts] == [2, 2, 2]


async def test_only_the_leader_takes_records(cluster: Cluster) -> None:
    """The others answer NOT_LEADER_OR_FOLLOWER, which sends a client for fresh metadata."""
    topic = await cluster.topic()
    leader = await cluster.leader(topic)
    codes = {
        id_: (await wire.produce(topic, batch()))["error_code"]
        for id_, wire in cluster.wires.items()
    }
    assert codes.pop(leader) == ErrorCode.NONE
    assert set(codes.values()) == {ErrorCode.NOT_LEADER_OR_FOLLOWER}


@pytest.mark.parametrize("replication", [1, 3])
async def test_only_the_leader_knows_offsets(cluster: Cluster, replication: int) -> None:
    """Also of a broker that has the records; nothing is deleted there either."""
    topic = await cluster.topic(replication=replication)
    leader = await cluster.leader(topic)
    for id_, wire in cluster.wires.items():
        found = await wire.offset(topic, LATEST)
        deleted = await wire.delete_records(topic, 0)
        expected = ErrorCode.NONE if id_ == leader else ErrorCode.NOT_LEADER_OR_FOLLOWER
        assert (found["error_code"], deleted["error_code"]) == (expected, expected)


async def test_a_broker_without_a_replica_has_no_records(cluster: Cluster) -> None:
    """NOT_LEADER_OR_FOLLOWER, told at once and not after the time a fetch may wait."""
    topic = await cluster.topic(replication=1)
    leader = await cluster.leader(topic)
    for id_, wire in cluster.wires.items():
        if id_ != leader:
            body = fetching([part_of(topic, 0)], max_wait_ms=10_000)
            answer = await asyncio.wait_for(wire.ask("fetch", 11, **body), 5)
            found = answer["topics"][0]["partitions"][0]
            assert found["error_code"] == ErrorCode.NOT_LEADER_OR_FOLLOWER


async def test_an_older_version_fetches_from_the_leader_only(cluster: Cluster) -> None:
    """A replica may give records to clients that know of racks (version 11), not to others."""
    topic = await cluster.topic()
    leader = await cluster.leader(topic)
    for id_, wire in cluster.wires.items():
        answer = await wire.fetch(topic, 0, version=10)
        expected = ErrorCode.NONE if id_ == leader else ErrorCode.NOT_LEADER_OR_FOLLOWER
        assert answer["error_code"] == expected


async def test_metadata_creates_a_topic_that_is_asked_for(cluster: Cluster) -> None:
    """If the request allows it; until it is there it has no leader or is not known."""
    not_asked, asked = fresh(), fresh()
    await cluster.any.described(not_asked, create=False)
    soon = {
        ErrorCode.NONE,
        ErrorCode.LEADER_NOT_AVAILABLE,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    }
    assert (await cluster.any.described(asked, create=True))["error_code"] in soon
    parts = await cluster.known(asked, 4)
    assert all(len(part["replicas"]) == 3 for part in parts)
    answer = await cluster.any.described(not_asked)
    assert answer["error_code"] == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


async def test_all_brokers_name_the_same_coordinator(cluster: Cluster) -> None:
    """Of a group and of a transactional id; it is one of them."""
    for kind in (0, 1):
        key, named = fresh(), list[Any]()
        for wire in cluster.wires.values():
            async with asyncio.timeout(SECONDS):
                while True:  # the first one to ask has the topic behind it created
                    answer = await wire.ask("find_coordinator", 1, key=key, key_type=kind)
                    if answer["error_code"] == ErrorCode.NONE:
                        break
                    assert answer["error_code"] == ErrorCode.COORDINATOR_NOT_AVAILABLE
                    await asyncio.sleep(0.05)
            named.append((answer["id"], f"{answer['host']}:{answer['port']}"))
        assert len(set(named)) == 1
        assert named[0][1] == cluster.bootstrap.split(",")[named[0][0] - 1]


async def test_a_broker_describes_no_other(cluster: Cluster) -> None:
    """A broker's settings are asked of that broker."""
    for id_, wire in cluster.wires.items():
        other = id_ % 3 + 1
        resource = {"type": 4, "name": str(other), "keys": None}
        answer = await wire.ask("describe_configs", 2, resources=[resource], synonyms=False)
        assert answer["resources"][0]["error_code"] == ErrorCode.INVALID_REQUEST


@pytest.mark.slow
async def test_another_broker_leads_while_one_is_away(cluster: Cluster) -> None:
    """A replica in sync takes over in a new term.

    Who is away is not in sync, and writes that want more replicas than are left
    are refused. When it is back it is in sync again; what was written is all there.
    """
    topic = await cluster.topic(min_insync_replicas="3")
    easy = await cluster.topic(min_insync_replicas="2")
    away = await cluster.leader(topic)
    (before,) = await cluster.known(topic)
    left = {id_: wire for id_, wire in cluster.wires.items() if id_ != away}
    seen = next(iter(left.values()))
    await cluster.leave(away)
    try:
        after = await part_when(seen, topic, lambda p: p["leader"] in left and away not in p["isr"])
        assert after["leader_epoch"] > before["leader_epoch"]
        assert sorted(after["isr"]) == sorted(left)
        easier = await part_when(seen, easy, lambda p: p["leader"] in left and away not in p["isr"])
        refused = await led(left[after["leader"]], topic)
        assert refused == ErrorCode.NOT_ENOUGH_REPLICAS
        assert await led(left[easier["leader"]], easy) == ErrorCode.NONE
        brokers = (await seen.ask("metadata", 8, topics=[]))["brokers"]
        assert sorted(broker["id"] for broker in brokers) == sorted(left)
    finally:
        await cluster.come_back(away)
    await part_when(seen, topic, lambda p: sorted(p["isr"]) == _IDS)
    await part_when(seen, easy, lambda p: sorted(p["isr"]) == _IDS)
    async with consuming(cluster.bootstrap, easy) as consumer:
        assert [record.offset for record in await take(consumer, 1)] == [0]


@pytest.mark.slow
async def test_a_producer_goes_on_while_a_broker_is_away(cluster: Cluster) -> None:
    """An idempotent producer of aiokafka finds the new leader; nothing is lost or doubled."""
    topic = await cluster.topic()
    away = await cluster.leader(topic)
    seen = next(wire for id_, wire in cluster.wires.items() if id_ != away)
    async with producing(
        cluster.bootstrap, request_timeout_ms=1000, retry_backoff_ms=50, metadata_max_age_ms=500
    ) as producer:
        for number in range(10):
            await producer.send_and_wait(topic, b"%d" % number, partition=0)
        await cluster.leave(away)
        try:
            async with asyncio.timeout(SECONDS):
                for number in range(10, 20):
                    await producer.send_and_wait(topic, b"%d" % number, partition=0)
        finally:
            await cluster.come_back(away)
    await part_when(seen, topic, lambda p: sorted(p["isr"]) == _IDS)
    async with consuming(cluster.bootstrap, topic) as consumer:
        found = [record.value for record in await take(consumer, 20)]
    assert found == [b"%d" % number for number in range(20)]


async def part_when(wire: Wire, topic: str, condition: Callable[[Body], bool]) -> Body:
    """Wait until metadata tells of a topic's only partition what is expected."""
    async with asyncio.timeout(SECONDS):
        while True:
            (part,) = (await wire.described(topic))["partitions"]
            if condition(part):
                return dict(part)
            await asyncio.sleep(0.05)


async def led(wire: Wire, topic: str) -> int:
    """Write to a topic whose leader may not have heard yet that it is; return the code."""
    async with asyncio.timeout(SECONDS):
        while True:
            code = int((await wire.produce(topic, batch()))["error_code"])
            if code != ErrorCode.NOT_LEADER_OR_FOLLOWER:
                return code
            await asyncio.sleep(0.05)
