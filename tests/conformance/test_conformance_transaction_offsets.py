"""Offsets that are committed as part of a transaction."""

import asyncio

import pytest
from aiokafka import TopicPartition
from support.kafka_clients import SECONDS, consuming, producing
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
)
from support.wire_transactions import ABORT, COMMIT, End, Writer

from callboard.transport.broker import ErrorCode

NONE = ErrorCode.NONE
STATE = ErrorCode.INVALID_TXN_STATE


@pytest.fixture
async def writer(wire: Wire) -> Writer:
    """Give a transactional producer that has its id."""
    made = Writer(wire)
    await made.begin()
    return made


@pytest.fixture
async def group(wire: Wire) -> str:
    """Give the name of a new group."""
    return await new_group(wire)


async def settled(wire: Wire, group: str, topic: str, expected: Offset) -> None:
    """Wait until a group has committed this, and no other transaction's offset is in the way.

    The coordinator of the group is told of the end of a transaction as partitions are.
    """
    async with asyncio.timeout(SECONDS):
        while await fetched(wire, group, {topic: [0]}) != {(topic, 0): expected}:
            await asyncio.sleep(0.01)


async def test_offsets_count_from_the_commit_on(wire: Wire, writer: Writer, group: str) -> None:
    """Until then the former ones are told, and a partition that had none has none."""
    topic, new = await wire.topic(), await wire.topic()
    await committed_by(wire, topic, 3, group=group)
    assert await writer.add_offsets(group) == NONE
    assert await writer.commit_offset(group, topic, 5, metadata="m") == NONE
    assert await writer.commit_offset(group, new, 6) == NONE
    assert await fetched(wire, group, {topic: [0], new: [0]}) == {
        (topic, 0): Offset(3),
        (new, 0): Offset(-1),
    }
    assert await fetched(wire, group) == {(topic, 0): Offset(3)}
    await writer.commit()
    await settled(wire, group, topic, Offset(5, "m"))
    assert (await fetched(wire, group))[new, 0] == Offset(6)


async def test_offsets_are_dropped_with_an_abort(wire: Wire, writer: Writer, group: str) -> None:
    """The former ones stay."""
    topic = await wire.topic()
    await committed_by(wire, topic, 3, group=group)
    await writer.add_offsets(group)
    await writer.commit_offset(group, topic, 5)
    await writer.abort()
    await writer.add_offsets(group)
    await writer.commit_offset(group, topic, 4, metadata="next")
    await writer.commit()
    await settled(wire, group, topic, Offset(4, "next"))


async def test_the_last_offset_of_a_transaction_counts(
    wire: Wire, writer: Writer, group: str
) -> None:
    """A partition may be committed more than once in it."""
    topic = await wire.topic()
    await writer.add_offsets(group)
    for offset in (5, 9, 7):
        await writer.commit_offset(group, topic, offset)
    await writer.commit()
    await settled(wire, group, topic, Offset(7))


async def test_records_and_offsets_end_together(wire: Wire, writer: Writer, group: str) -> None:
    """What was read and what was made of it count both, or neither."""
    topic, out = await wire.topic(), await wire.topic()
    await writer.open(out, b"made of it")
    await writer.add_offsets(group)
    await writer.commit_offset(group, topic, 1)
    await writer.commit()
    await settled(wire, group, topic, Offset(1))
    answer = await wire.fetch(out, 0)
    assert answer["last_stable_offset"] == 2


@pytest.mark.parametrize("version", [0, 1, 2])
async def test_a_group_must_be_added_first(
    wire: Wire, writer: Writer, group: str, version: int
) -> None:
    """INVALID_TXN_STATE before it is, whether or not the transaction has begun.

    With another group it is left open: Apache Kafka takes groups for added whose offsets it
    keeps in one partition, and which those are is its own affair.
    """
    topic = await wire.topic()
    assert await writer.commit_offset(group, topic, 5, version=version) == STATE
    await writer.add(topic)
    assert await writer.commit_offset(group, topic, 5, version=version) == STATE
    assert await writer.add_offsets(group, version=version) == NONE
    assert await writer.commit_offset(group, topic, 5, version=version) == NONE


async def test_a_transaction_of_offsets_alone_ends(writer: Writer, group: str) -> None:
    """Adding a group begins it, even when no offset follows."""
    assert await writer.add_offsets(group) == NONE
    assert await writer.end(COMMIT) == NONE


@pytest.mark.parametrize("epoch", [-1, 1])
async def test_offsets_come_from_the_producer_alone(
    wire: Wire, writer: Writer, group: str, epoch: int
) -> None:
    """INVALID_PRODUCER_EPOCH for another epoch, in every version; another producer is unknown."""
    topic = await wire.topic()
    await writer.add_offsets(group)
    for version in (0, 2):
        code = await writer.commit_offset(
            group, topic, 5, version=version, producer_epoch=writer.producer.epoch + epoch
        )
        assert code == ErrorCode.INVALID_PRODUCER_EPOCH
        code = await writer.commit_offset(
            group, topic, 5, version=version, producer_id=writer.producer.id + 10_000
        )
        assert code == ErrorCode.INVALID_PRODUCER_ID_MAPPING


async def test_offsets_obey_the_rules_of_commits(wire: Wire, writer: Writer, group: str) -> None:
    """Partitions must exist, metadata is not too long, and a group has a name."""
    topic = await wire.topic()
    await writer.add_offsets(group)
    code = await writer.commit_offset(group, fresh(), 5)
    assert code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    code = await writer.commit_offset(group, topic, 5, metadata="x" * 4097)
    assert code == ErrorCode.OFFSET_METADATA_TOO_LARGE
    assert await writer.commit_offset("", topic, 5) == ErrorCode.INVALID_GROUP_ID


async def test_members_do_not_keep_a_transaction_out(
    wire: Wire, broker_url: str, writer: Writer
) -> None:
    """The old versions name no member, so a group that is read takes them all the same."""
    topic = await wire.topic()
    async with members(broker_url, 1) as (member,):
        await stable(member)
        await writer.add_offsets(member.group)
        assert await writer.commit_offset(member.group, topic, 5) == NONE
        await writer.commit()
        await settled(wire, member.group, topic, Offset(5))


async def test_a_later_commit_outlives_the_transaction(
    wire: Wire, writer: Writer, group: str
) -> None:
    """What was written last counts: a plain commit after the pending one stays."""
    topic = await wire.topic()
    await writer.add_offsets(group)
    await writer.commit_offset(group, topic, 9)
    assert await committed_by(wire, topic, 7, group=group) == NONE
    assert await fetched(wire, group) == {(topic, 0): Offset(7)}
    await writer.commit()
    other = await wire.topic()  # by when it is committed here too, all of it is
    await writer.add_offsets(group)
    await writer.commit_offset(group, other, 1)
    await writer.commit()
    await settled(wire, group, other, Offset(1))
    assert (await fetched(wire, group))[topic, 0] == Offset(7)


async def test_a_group_of_pending_offsets_is_there(wire: Wire, writer: Writer, group: str) -> None:
    """It is Empty, though it has committed nothing yet."""
    topic = await wire.topic()
    await writer.add_offsets(group)
    assert (await described(wire, group))["state"] == DEAD
    await writer.commit_offset(group, topic, 5)
    assert (await described(wire, group))["state"] == EMPTY


async def test_pending_offsets_go_with_their_group(wire: Wire, writer: Writer, group: str) -> None:
    """It may be deleted, and the commit does not bring it back."""
    topic, other = await wire.topic(), await new_group(wire)
    for each in (group, other):
        await writer.add_offsets(each)
        await writer.commit_offset(each, topic, 5)
    answer = await wire.ask("delete_groups", 1, groups=[group])
    assert [each["error_code"] for each in answer["groups"]] == [NONE]
    await writer.commit()
    await settled(wire, other, topic, Offset(5))
    assert await fetched(wire, group) == {}


async def test_two_transactions_offsets_end_apart(wire: Wire, writer: Writer, group: str) -> None:
    """Of two producers with pending offsets of one partition, each settles its own."""
    topic, other = await wire.topic(), Writer(wire)
    await other.begin()
    for each, offset in ((writer, 5), (other, 8)):
        await each.add_offsets(group)
        await each.commit_offset(group, topic, offset)
    await other.abort()
    assert await fetched(wire, group) == {}
    await writer.commit()
    await settled(wire, group, topic, Offset(5))


@pytest.mark.parametrize("how", [COMMIT, ABORT])
async def test_aiokafka_sends_offsets_to_a_transaction(
    wire: Wire, broker_url: str, group: str, how: End
) -> None:
    """`send_offsets_to_transaction` counts when the producer commits, and not when it aborts."""
    topic = await wire.topic()
    place = TopicPartition(topic, 0)
    async with producing(broker_url, transactional_id=f"{topic}-p") as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"made", partition=0)
        await producer.send_offsets_to_transaction({place: 4}, group)
        if how is COMMIT:
            await producer.commit_transaction()
        else:
            await producer.abort_transaction()
        await producer.begin_transaction()  # begins once the one before has ended everywhere
        await producer.send_and_wait(topic, b"more", partition=0)
        await producer.commit_transaction()
    await settled(wire, group, topic, Offset(4 if how is COMMIT else -1))
    async with consuming(broker_url, group_id=group) as consumer:
        consumer.assign([place])
        assert await consumer.committed(place) == (4 if how is COMMIT else None)
