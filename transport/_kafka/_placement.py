"""Which member of the group runs which partition: evenly, and where it was if it can stay."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)

from ..delivery import TopicPartition

Claims = Mapping[TopicPartition, int]
"""Partitions whose state a member still has in memory, and the epoch it had them in."""

NAME = "callboard-sticky"
_VERSION = 0


def place(
    partitions: Mapping[str, Collection[int]],
    subscribed: Mapping[str, Collection[str]],
    claims: Mapping[str, Claims],
) -> dict[str, list[TopicPartition]]:
    """Return who runs what.

    Of each topic every member gets as many partitions as every other, or one
    more. Within that a partition stays with the member that claims it; of two
    claims the one of the higher epoch is the later. Members that are told the
    same return the same.

    Args:
        partitions: The partitions of each topic.
        subscribed: The topics of each member.
        claims: What each member had; one that names nothing has just come.

    Example:
        >>> place({"t": [0, 1]}, {"a": ["t"], "b": ["t"]},
        ...       {"b": {TopicPartition("t", 0): 3}})["b"]
        [TopicPartition(topic='t', partition=0)]
    """
    placed: dict[str, list[TopicPartition]] = {member: [] for member in sorted(subscribed)}
    for topic in sorted(partitions):
        members = [member for member in placed if topic in subscribed[member]]
        if members:
            _place_topic(topic, sorted(partitions[topic]), members, claims, placed)
    return {member: sorted(given) for member, given in placed.items()}


def _place_topic(
    topic: str,
    numbers: list[int],
    members: list[str],
    claims: Mapping[str, Claims],
    placed: dict[str, list[TopicPartition]],
) -> None:
    share, larger = divmod(len(numbers), len(members))
    given: dict[str, list[TopicPartition]] = {member: [] for member in members}
    wanted: dict[str, list[TopicPartition]] = {member: [] for member in members}
    for partition in (TopicPartition(topic, number) for number in numbers):
        owner = _last_owner(partition, members, claims)
        if owner is not None:
            wanted[owner].append(partition)
    # One that has less of other topics comes first for what does not divide evenly.
    for member in sorted(members, key=lambda member: (len(placed[member]), member)):
        most = share + (larger > 0)
        given[member] = wanted[member][:most]
        larger -= len(given[member]) > share
    taken = {partition for each in given.values() for partition in each}
    for number in numbers:
        partition = TopicPartition(topic, number)
        if partition not in taken:
            least = min(members, key=lambda m: (len(given[m]), len(placed[m]), m))
            given[least].append(partition)
    for member in members:
        placed[member].extend(given[member])


def _last_owner(
    partition: TopicPartition, members: list[str], claims: Mapping[str, Claims]
) -> str | None:
    claiming = [(claims[m][partition], m) for m in members if partition in claims.get(m, {})]
    return max(claiming)[1] if claiming else None


def sticky(claims: Callable[[], Claims]) -> type[AbstractPartitionAssignor]:
    """Return an assignor for one consumer.

    The client wants a class whose methods are class methods, so what one
    consumer claims has to be in a class of its own.
    """

    class Sticky(AbstractPartitionAssignor):  # type: ignore[misc] # the client has no types
        """See `place`."""

        # Read from the class, and declared a property all the same.
        name = NAME  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]

        @classmethod
        def assign(
            cls,
            cluster: ClusterMetadata,
            members: Mapping[str, ConsumerProtocolMemberMetadata],
        ) -> dict[str, ConsumerProtocolMemberAssignment]:
            """Place all partitions; called in the member that leads the group."""
            topics = {topic for each in members.values() for topic in each.subscription}
            placed = place(
                {topic: cluster.partitions_for_topic(topic) or () for topic in topics},
                {member: each.subscription for member, each in members.items()},
                {member: _read_claims(each.user_data) for member, each in members.items()},
            )
            return {
                member: ConsumerProtocolMemberAssignment(_VERSION, _by_topic(given), b"")
                for member, given in placed.items()
            }

        @classmethod
        def metadata(cls, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
            """Say what this member subscribes to, and what it claims."""
            return ConsumerProtocolMemberMetadata(_VERSION, sorted(topics), _write_claims(claims()))

        @classmethod
        def on_assignment(cls, assignment: ConsumerProtocolMemberAssignment) -> None:
            """Nothing to remember: what is claimed is asked for anew each time."""

    return Sticky


def _by_topic(placed: Iterable[TopicPartition]) -> list[tuple[str, list[int]]]:
    topics: dict[str, list[int]] = {}
    for topic, number in placed:
        topics.setdefault(topic, []).append(number)
    return sorted(topics.items())


def _write_claims(claims: Claims) -> bytes:
    return json.dumps([[*partition, epoch] for partition, epoch in sorted(claims.items())]).encode()


def _read_claims(raw: bytes) -> Claims:
    try:
        told: Any = json.loads(raw or b"[]")
        return {TopicPartition(str(t), int(number)): int(epoch) for t, number, epoch in told}
    except (ValueError, TypeError):
        return {}  # a member that claims in other words has none
