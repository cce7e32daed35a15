"""What groups commit, and what they are told of it later."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata
from support.kafka_clients import SECONDS, consuming, write
from support.wire import Wire, fresh
from support.wire_groups import (
    DEAD,
    EMPTY,
    Offset,
    committed_by,
    described,
    fetched,
    members,
    new_group,
    stable,
    subscription,
)

from callboard.transport.broker import ErrorCode

NOTHING = Offset(-1)


@pytest.fixture
async def group(wire: Wire) -> str:
    """Give the name of a new group."""
    return await new_group(wire)


async def test_a_commit_is_found_again(wire: Wire, group: str) -> None:
    """By naming its partition, and by asking for all; others have none."""
    topic = await wire.topic(2)
    assert await committed_by(wire, topic, 7, group=group) == ErrorCode.NONE
    assert await fetched(wire, group, {topic: [0, 1]}) == {
        (topic, 0): Offset(7),
        (topic, 1): NOTHING,
    }
    assert await fetched(wire, group) == {(topic, 0): Offset(7)}


async def test_the_last_commit_counts(wire: Wire, group: str) -> None:
    """It may well go back."""
    topic = await wire.topic()
    for offset in (3, 9, 4):
        await committed_by(wire, topic, offset, group=group)
    assert await fetched(wire, group) == {(topic, 0): Offset(4)}


async def test_groups_commit_for_themselves(wire: Wire, group: str) -> None:
    """What one has committed says nothing of another."""
    topic, other = await wire.topic(), await new_group(wire)
    await committed_by(wire, topic, 1, group=group)
    await committed_by(wire, topic, 2, group=other)
    assert await fetched(wire, group) == {(topic, 0): Offset(1)}
    assert await fetched(wire, other) == {(topic, 0): Offset(2)}


@pytest.mark.parametrize("version", [2, 3, 4, 5, 6, 7])
async def test_each_version_commits(wire: Wire, group: str, version: int) -> None:
    """From the oldest version that is left to the newest of the old layout."""
    topic = await wire.topic()
    code = await committed_by(wire, topic, 5, group=group, metadata="m", version=version)
    assert code == ErrorCode.NONE
    assert await fetched(wire, group) == {(topic, 0): Offset(5, "m")}


@pytest.mark.parametrize("version", [1, 2, 3, 5])
async def test_each_version_fetches(wire: Wire, group: str, version: int) -> None:
    """Partitions and topics that do not exist have no commit, and that is no error."""
    topic, nowhere = await wire.topic(), fresh()
    await committed_by(wire, topic, 5, group=group, metadata="m")
    wanted = {topic: [0, 77], nowhere: [0]}
    assert await fetched(wire, group, wanted, version=version) == {
        (topic, 0): Offset(5, "m"),
        (topic, 77): NOTHING,
        (nowhere, 0): NOTHING,
    }


async def test_metadata_comes_back(wire: Wire, group: str) -> None:
    """As it was given; none at all comes back as empty."""
    topic = await wire.topic()
    for given, told in (("état ✓", "état ✓"), ("", ""), (None, "")):
        await committed_by(wire, topic, 1, group=group, metadata=given)
        assert await fetched(wire, group) == {(topic, 0): Offset(1, told)}


@pytest.mark.parametrize("letter", ["x", "é"])
async def test_metadata_has_4096_letters_at_most(wire: Wire, group: str, letter: str) -> None:
    """Letters, not bytes; OFFSET_METADATA_TOO_LARGE above, and the former commit stays."""
    topic = await wire.topic()
    most = letter * 4096
    assert await committed_by(wire, topic, 1, group=group, metadata=most) == ErrorCode.NONE
    code = await committed_by(wire, topic, 2, group=group, metadata=most + letter)
    assert code == ErrorCode.OFFSET_METADATA_TOO_LARGE
    assert await fetched(wire, group) == {(topic, 0): Offset(1, most)}


@pytest.mark.parametrize("offset", [0, -1, -2, -5, 2**62])
async def test_any_number_may_be_committed(wire: Wire, group: str, offset: int) -> None:
    """The broker does not look whether a partition has such an offset, or could have."""
    topic = await wire.topic()
    assert await committed_by(wire, topic, offset, group=group) == ErrorCode.NONE
    assert await fetched(wire, group) == {(topic, 0): Offset(offset)}


async def test_the_leader_epoch_comes_back(wire: Wire, group: str) -> None:
    """As the client said; without one it is -1, even if there was one before."""
    topic = await wire.topic()
    await committed_by(wire, topic, 1, group=group, leader_epoch=3)
    assert await fetched(wire, group) == {(topic, 0): Offset(1, leader_epoch=3)}
    await committed_by(wire, topic, 2, group=group)
    assert await fetched(wire, group) == {(topic, 0): Offset(2)}


@pytest.mark.parametrize("version", [2, 3, 4])
async def test_the_time_to_keep_it_is_not_heeded_at_once(
    wire: Wire, group: str, version: int
) -> None:
    """A retention of one millisecond in the request does not make a commit vanish before long."""
    topic = await wire.topic()
    await committed_by(wire, topic, 1, group=group, retention_ms=1, version=version)
    assert await fetched(wire, group) == {(topic, 0): Offset(1)}


@pytest.mark.parametrize("partition", [1, -1, 2**31 - 1])
async def test_only_partitions_that_exist_are_committed(
    wire: Wire, group: str, partition: int
) -> None:
    """UNKNOWN_TOPIC_OR_PARTITION for others, and nothing is kept of them."""
    topic = await wire.topic()
    code = await committed_by(wire, topic, 1, group=group, partition=partition)
    assert code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    code = await committed_by(wire, fresh(), 1, group=group)
    assert code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert await fetched(wire, group) == {}


async def test_each_partition_of_a_commit_has_its_answer(wire: Wire, group: str) -> None:
    """What is wrong with one keeps none of the others."""
    topic = await wire.topic(2)

    def part(index: int, metadata: str = "") -> dict[str, object]:
        return {"index": index, "offset": 1, "metadata": metadata}

    answer = await wire.ask(
        "offset_commit",
        3,
        group=group,
        generation=-1,
        member="",
        topics=[{"name": topic, "partitions": [part(0), part(9), part(1, "x" * 5000)]}],
    )
    codes = {part["index"]: part["error_code"] for part in answer["topics"][0]["partitions"]}
    assert codes == {
        0: ErrorCode.NONE,
        9: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        1: ErrorCode.OFFSET_METADATA_TOO_LARGE,
    }
    assert await fetched(wire, group) == {(topic, 0): Offset(1)}


async def test_a_group_that_never_was_has_committed_nothing(wire: Wire, group: str) -> None:
    """That is no error, and asking does not make it be."""
    topic = await wire.topic()
    assert await fetched(wire, group, {topic: [0]}) == {(topic, 0): NOTHING}
    assert await fetched(wire, group) == {}
    assert (await described(wire, group))["state"] == DEAD


async def test_no_partitions_is_not_all_partitions(wire: Wire, group: str) -> None:
    """An empty list asks for nothing; null asks for everything, from version 2 on."""
    topic = await wire.topic()
    await committed_by(wire, topic, 1, group=group)
    assert await fetched(wire, group, {}) == {}
    assert await fetched(wire, group, None, version=2) == {(topic, 0): Offset(1)}


async def test_a_group_may_have_no_name(wire: Wire) -> None:
    """Clients without a group commit to the one whose name is empty; a member may not join it."""
    topic = await wire.topic()
    await new_group(wire)
    assert await committed_by(wire, topic, 5, group="") == ErrorCode.NONE
    assert (await fetched(wire, "", {topic: [0]}))[topic, 0] == Offset(5)


async def test_a_topics_commits_go_with_it(wire: Wire, group: str) -> None:
    """One of the same name that is created later has none."""
    topic, other = await wire.topic(), await wire.topic()
    await committed_by(wire, topic, 1, group=group)
    await committed_by(wire, other, 2, group=group)
    await wire.ask("delete_topics", 1, topics=[topic], timeout_ms=int(SECONDS * 1000))
    async with asyncio.timeout(SECONDS):
        while (topic, 0) in await fetched(wire, group):
            await asyncio.sleep(0.01)
    await wire.topic(name=topic)
    assert await fetched(wire, group, {topic: [0], other: [0]}) == {
        (topic, 0): NOTHING,
        (other, 0): Offset(2),
    }


async def test_a_deleted_groups_commits_are_gone(wire: Wire, group: str) -> None:
    """A group of the same name begins with none."""
    topic = await wire.topic()
    await committed_by(wire, topic, 1, group=group)
    answer = await wire.ask("delete_groups", 1, groups=[group])
    assert [each["error_code"] for each in answer["groups"]] == [ErrorCode.NONE]
    assert await fetched(wire, group, {topic: [0]}) == {(topic, 0): NOTHING}
    await committed_by(wire, topic, 2, group=group)
    assert await fetched(wire, group) == {(topic, 0): Offset(2)}


async def test_commits_outlive_the_members(wire: Wire, broker_url: str) -> None:
    """What members have committed is there when all of them have left."""
    topic = await wire.topic()
    async with members(broker_url, 1) as (member,):
        await stable(member)
        assert await member.commit(topic, 8) == ErrorCode.NONE
        await member.leave()
        assert await fetched(wire, member.group) == {(topic, 0): Offset(8)}
        assert (await described(wire, member.group))["state"] == EMPTY


async def test_single_commits_are_deleted(wire: Wire, group: str) -> None:
    """OffsetDelete forgets those it names, and says so of partitions that do not exist."""
    topic, nowhere = await wire.topic(2), fresh()
    for partition in (0, 1):
        await committed_by(wire, topic, 1, group=group, partition=partition)
    assert await deleted(wire, group, (topic, 0), (topic, 9), (nowhere, 0)) == {
        (topic, 0): ErrorCode.NONE,
        (topic, 9): ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        (nowhere, 0): ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    }
    assert await fetched(wire, group) == {(topic, 1): Offset(1)}


async def test_commits_of_what_a_group_reads_are_not_deleted(wire: Wire, broker_url: str) -> None:
    """GROUP_SUBSCRIBED_TO_TOPIC while a member reads the topic; others may be deleted."""
    topic, other = await wire.topic(), await wire.topic()
    async with members(broker_url, 1) as (member,):
        member.protocols = {"range": subscription(topic)}
        await stable(member)
        for each in (topic, other):
            await member.commit(each, 1)
        assert await deleted(wire, member.group, (topic, 0), (other, 0)) == {
            (topic, 0): ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC,
            (other, 0): ErrorCode.NONE,
        }
        assert await fetched(wire, member.group) == {(topic, 0): Offset(1)}


async def test_of_a_group_that_never_was_nothing_is_deleted(wire: Wire, group: str) -> None:
    """GROUP_ID_NOT_FOUND for the whole request."""
    body = {"group": group, "topics": [{"name": "t", "partitions": [{"index": 0}]}]}
    answer = await wire.ask("offset_delete", 0, **body)
    assert (answer["error_code"], answer["topics"]) == (ErrorCode.GROUP_ID_NOT_FOUND, [])


async def test_lag_is_what_is_between_commit_and_end(wire: Wire, broker_url: str) -> None:
    """A consumer that was away reads it off its group's commit and the partition's end."""
    topic, group = await wire.topic(), await new_group(wire)
    place = TopicPartition(topic, 0)
    await write(broker_url, topic, 10)
    async with consuming(broker_url, group_id=group) as consumer:
        consumer.assign([place])
        await consumer.commit({place: OffsetAndMetadata(4, "so far")})
    async with consuming(broker_url, group_id=group) as consumer:
        assert await lag(consumer, place) == 6
    assert await fetched(wire, group) == {(topic, 0): Offset(4, "so far")}


async def lag(consumer: AIOKafkaConsumer, place: TopicPartition) -> int:
    """Return how many records a group has yet to read of a partition."""
    consumer.assign([place])
    end = (await consumer.end_offsets([place]))[place]
    return int(end - (await consumer.committed(place)))


async def deleted(wire: Wire, group: str, *places: tuple[str, int]) -> dict[tuple[str, int], int]:
    """Delete commits; return the code of each partition."""
    topics = [
        {
            "name": topic,
            "partitions": [{"index": index} for name, index in places if name == topic],
        }
        for topic in dict.fromkeys(name for name, _ in places)
    ]
    answer = await wire.ask("offset_delete", 0, group=group, topics=topics)
    assert answer["error_code"] == ErrorCode.NONE, answer
    return {
        (topic["name"], part["index"]): part["error_code"]
        for topic in answer["topics"]
        for part in topic["partitions"]
    }
