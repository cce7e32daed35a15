"""aiokafka's assignors, end to end: who of a group gets which partitions."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from support.kafka_clients import SECONDS, consuming, create_topic, write
from support.wire import Wire
from support.wire_groups import new_group

Share = frozenset[tuple[int, int]]
"""Partitions of one member: the number of the topic, and the partition's."""


def _alone(assignor: type[Any]) -> type[Any]:
    """Return the assignor with a memory of its own: aiokafka keeps the sticky one's in the class.

    Consumers of one process would share it.
    """
    return type(assignor.__name__, (assignor,), {"member_assignment": None, "generation": -1})


async def member(
    stack: AsyncExitStack, bootstrap: str, group: str, assignor: type[Any], topics: Sequence[str]
) -> AIOKafkaConsumer:
    """Start a consumer of topics."""
    consumer = await stack.enter_async_context(
        consuming(
            bootstrap,
            group_id=group,
            partition_assignment_strategy=(_alone(assignor),),
            rebalance_timeout_ms=int(SECONDS * 1000),
        )
    )
    consumer.subscribe(list(topics))
    return consumer


def share(consumer: AIOKafkaConsumer, topics: Sequence[str]) -> Share:
    """Return what a consumer has been assigned."""
    return frozenset((topics.index(tp.topic), tp.partition) for tp in consumer.assignment())


async def shared(
    consumers: Sequence[AIOKafkaConsumer], topics: Sequence[str], sizes: Sequence[int]
) -> set[Share]:
    """Wait until everybody has a share, of these sizes and none twice; return the shares."""
    async with asyncio.timeout(SECONDS):
        while True:
            shares = [share(consumer, topics) for consumer in consumers]
            whole = frozenset[tuple[int, int]]().union(*shares)
            if sorted(map(len, shares)) == sorted(sizes) and len(whole) == sum(sizes):
                return set(shares)
            await asyncio.sleep(0.01)


def parts(*places: tuple[int, int]) -> Share:
    """Return a share of these partitions."""
    return frozenset(places)


@pytest.mark.parametrize(
    ("assignor", "expected"),
    [
        (
            RangePartitionAssignor,
            {parts((0, 0), (0, 1), (1, 0), (1, 1)), parts((0, 2), (1, 2))},
        ),
        (
            RoundRobinPartitionAssignor,
            {parts((0, 0), (0, 2), (1, 1)), parts((0, 1), (1, 0), (1, 2))},
        ),
    ],
    ids=["range", "roundrobin"],
)
async def test_two_members_share_two_topics(
    wire: Wire, broker_url: str, assignor: type[Any], expected: set[Share]
) -> None:
    """Range gives each a run of every topic, round robin deals out the partitions of all."""
    group = await new_group(wire)
    topics = sorted([await create_topic(broker_url, 3), await create_topic(broker_url, 3)])
    sizes = sorted(map(len, expected))
    async with AsyncExitStack() as stack:
        both = [await member(stack, broker_url, group, assignor, topics) for _ in range(2)]
        assert await shared(both, topics, sizes) == expected


@pytest.mark.parametrize(
    "assignor",
    [RangePartitionAssignor, RoundRobinPartitionAssignor, StickyPartitionAssignor],
    ids=["range", "roundrobin", "sticky"],
)
async def test_more_members_than_partitions(
    wire: Wire, broker_url: str, assignor: type[Any]
) -> None:
    """Whoever comes away empty is a member all the same."""
    group, topics = await new_group(wire), [await create_topic(broker_url, 2)]
    async with AsyncExitStack() as stack:
        three = [await member(stack, broker_url, group, assignor, topics) for _ in range(3)]
        assert await shared(three, topics, [1, 1, 0]) == {parts((0, 0)), parts((0, 1)), parts()}


async def test_members_may_want_different_topics(wire: Wire, broker_url: str) -> None:
    """Partitions go only to members that asked for their topic."""
    group = await new_group(wire)
    topics = [await create_topic(broker_url, 2), await create_topic(broker_url, 2)]
    assignor = RoundRobinPartitionAssignor
    async with AsyncExitStack() as stack:
        one = await member(stack, broker_url, group, assignor, topics[:1])
        both = await member(stack, broker_url, group, assignor, topics)
        await shared([one, both], topics, [1, 3])
        assert {topic for topic, _ in share(one, topics)} == {0}


async def test_sticky_members_keep_what_they_have(wire: Wire, broker_url: str) -> None:
    """When one leaves, the others keep their partitions and get its own besides."""
    group, topics = await new_group(wire), [await create_topic(broker_url, 6)]
    assignor = StickyPartitionAssignor
    async with AsyncExitStack() as stack:
        stay = [await member(stack, broker_url, group, assignor, topics) for _ in range(2)]
        async with AsyncExitStack() as leaving:
            goes = await member(leaving, broker_url, group, assignor, topics)
            await shared([*stay, goes], topics, [2, 2, 2])
            before = [share(each, topics) for each in stay]
        await shared(stay, topics, [3, 3])
        assert all(had < share(each, topics) for had, each in zip(before, stay, strict=True))


async def test_a_new_subscription_is_assigned(wire: Wire, broker_url: str) -> None:
    """A member that subscribes to more gets it in a rebalance, and reads it."""
    group = await new_group(wire)
    topics = [await create_topic(broker_url), await create_topic(broker_url)]
    await write(broker_url, topics[1], 1)
    async with AsyncExitStack() as stack:
        only = await member(stack, broker_url, group, RangePartitionAssignor, topics[:1])
        await shared([only], topics, [1])
        only.subscribe(topics)
        assert await shared([only], topics, [2]) == {parts((0, 0), (1, 0))}
        async with asyncio.timeout(SECONDS):
            assert (await only.getone()).topic == topics[1]
