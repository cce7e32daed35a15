"""Which member of the group runs which partition: evenly, and where it was if it can stay.

What a member tells the others when it joins is `_user_data`: what it claims, and how its consumer
is declared.
"""

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

Declaration = Mapping[str, str]
"""How a consumer is declared: its options by their names, as text."""

Differ = Callable[[Mapping[str, Mapping[str, str]]], None]
"""Told what members of a group declare differently: by option, then by member."""

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


def differences(declared: Mapping[str, Declaration]) -> dict[str, dict[str, str]]:
    """Return what members declare differently: by option, then by member.

    Members that say nothing are left out: of another version, or no consumer of callboard's.

    Example:
        >>> differences({"a": {"at_most_once": "True"}, "b": {"at_most_once": "False"}, "c": {}})
        {'at_most_once': {'a': 'True', 'b': 'False'}}
    """
    saying = {member: said for member, said in sorted(declared.items()) if said}
    found: dict[str, dict[str, str]] = {}
    for option in sorted({option for said in saying.values() for option in said}):
        values = {member: said.get(option, "-") for member, said in saying.items()}
        if len(set(values.values())) > 1:
            found[option] = values
    return found


def sticky(
    claims: Callable[[], Claims],
    declaration: Declaration | None = None,
    differ: Differ | None = None,
) -> type[AbstractPartitionAssignor]:
    """Return an assignor for one consumer.

    Args:
        claims: Returns what it still has.
        declaration: How it is declared, for the others to compare; None for what is no consumer.
        differ: Called in the member that leads, each time it places partitions, if members are
            declared differently.

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
            declared = {m: _read_declaration(each.user_data) for m, each in members.items()}
            if differ is not None and (found := differences(declared)):
                differ(found)
            return {
                member: ConsumerProtocolMemberAssignment(_VERSION, _by_topic(given), b"")
                for member, given in placed.items()
            }

        @classmethod
        def metadata(cls, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
            """Say what this member subscribes to, and what it claims."""
            told = _user_data(claims(), declaration)
            return ConsumerProtocolMemberMetadata(_VERSION, sorted(topics), told)

        @classmethod
        def on_assignment(cls, assignment: ConsumerProtocolMemberAssignment) -> None:
            """Nothing to remember: what is claimed is asked for anew each time."""

    return Sticky


def _by_topic(placed: Iterable[TopicPartition]) -> list[tuple[str, list[int]]]:
    topics: dict[str, list[int]] = {}
    for topic, number in placed:
        topics.setdefault(topic, []).append(number)
    return sorted(topics.items())


def _user_data(claims: Claims, declaration: Declaration | None) -> bytes:
    claimed = [[*partition, epoch] for partition, epoch in sorted(claims.items())]
    if declaration is None:
        return json.dumps(claimed).encode()
    return json.dumps({"claims": claimed, "declared": declaration}, sort_keys=True).encode()


def _read_claims(raw: bytes) -> Claims:
    try:
        told: Any = json.loads(raw or b"[]")
        claimed = told["claims"] if isinstance(told, dict) else told
        return {TopicPartition(str(t), int(number)): int(epoch) for t, number, epoch in claimed}
    except (ValueError, TypeError, KeyError):
        return {}  # a member that claims in other words has none


def _read_declaration(raw: bytes) -> Declaration:
    try:
        told: Any = json.loads(raw or b"[]")
    except ValueError:
        return {}
    said: Any = told.get("declared") if isinstance(told, dict) else None
    return {str(name): str(value) for name, value in said.items()} if isinstance(said, dict) else {}
