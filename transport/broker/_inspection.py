"""Looking into a broker: everything it knows, as plain values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ._errors import BrokerError
from ._state import BrokerState
from ._topics import Partition
from .log import Record, records_of


@dataclass(frozen=True, slots=True)
class BrokerStatistics:
    """A broker at one moment."""

    connections: int
    topics: int
    groups: int
    bytes: int


class PartitionView(NamedTuple):
    """A partition at one moment.

    Attributes:
        leader: The broker id that answers for it; -1 for none.
        replicas: Ids that have it.
        start: The first offset that may be read.
        end: The offset the next record gets.
        stable: Below it every transaction has ended.
        bytes: Of all record batches.
    """

    leader: int
    replicas: tuple[int, ...]
    start: int
    end: int
    stable: int
    bytes: int


class GroupView(NamedTuple):
    """A group at one moment.

    Attributes:
        state: In Kafka's words.
        generation: How many rebalances it has had.
        leader: The member that assigns.
        members: Ids of all members.
        committed: Offsets by (topic, partition).
    """

    state: str
    generation: int
    leader: str
    members: tuple[str, ...]
    committed: dict[tuple[str, int], int]


class TransactionView(NamedTuple):
    """A transactional id at one moment.

    Attributes:
        state: In Kafka's words.
        producer_id: Of its producer.
        epoch: Which of the producer's lives may write.
        partitions: What takes part in the open transaction.
        groups: Groups whose offsets do.
    """

    state: str
    producer_id: int
    epoch: int
    partitions: tuple[tuple[str, int], ...]
    groups: tuple[str, ...]


class Inspection:
    """What can be seen of a running broker."""

    _state: BrokerState | None

    def _running(self) -> BrokerState:
        if self._state is None:
            raise BrokerError("the broker was not started; use `async with Broker() as broker`")
        return self._state

    def _partition(self, topic: str, partition: int) -> Partition:
        found = self._running().topics.partition(topic, partition)
        if found is None:
            raise KeyError(f"{topic}/{partition}")
        return found

    def topic_names(self) -> list[str]:
        """Return the topics' names, sorted."""
        return self._running().topics.names()

    def partitions(self, topic: str) -> list[PartitionView]:
        """Return a topic's partitions, in order.

        Raises:
            KeyError: There is no such topic.
        """
        found = self._running().topics.find(topic)
        if found is None:
            raise KeyError(topic)
        return [
            PartitionView(
                each.leader,
                tuple(each.replicas),
                each.log.start,
                each.log.end,
                each.log.stable,
                each.log.size,
            )
            for each in found.partitions
        ]

    def end_offset(self, topic: str, partition: int) -> int:
        """Return the offset the next record of a partition gets.

        Raises:
            KeyError: There is no such partition.
        """
        return self._partition(topic, partition).log.end

    def records(self, topic: str, partition: int) -> Sequence[Record]:
        """Return what a partition holds, without control records.

        Transactions are not looked at: records of open and aborted ones are there too.

        Raises:
            KeyError: There is no such partition.
            CodecMissing: They are compressed with something not installed here.
        """
        log = self._partition(topic, partition).log
        return [
            record
            for _, batch in log.batches()
            if not batch.control
            for record in records_of(batch)
            if record.offset >= log.start
        ]

    def groups(self) -> dict[str, GroupView]:
        """Return all groups, by name."""
        return {
            entry.group.name: GroupView(
                entry.group.state.value,
                entry.group.generation,
                entry.group.leader,
                tuple(entry.group.members),
                {
                    place: committed.offset
                    for place in entry.offsets
                    if (committed := entry.offsets.find(place)) is not None
                },
            )
            for entry in self._running().groups
        }

    def committed(self, group: str, topic: str, partition: int) -> int | None:
        """Return what a group has committed, or None."""
        entry = self._running().groups.find(group)
        found = entry.offsets.find((topic, partition)) if entry is not None else None
        return None if found is None else found.offset

    def lag(self, group: str) -> dict[tuple[str, int], int]:
        """Return how many offsets a group is behind, for each partition it has committed."""
        found = self.groups().get(group)
        return {
            place: self.end_offset(*place) - offset
            for place, offset in (found.committed if found is not None else {}).items()
        }

    def members(self, group: str) -> list[str]:
        """Return the ids of a group's members."""
        entry = self._running().groups.find(group)
        return [] if entry is None else list(entry.group.members)

    def transactions(self) -> dict[str, TransactionView]:
        """Return all transactional ids, by name."""
        return {
            each.id: TransactionView(
                each.status.value,
                each.producer_id,
                each.epoch,
                tuple(each.partitions),
                tuple(each.groups),
            )
            for each in self._running().transactions
        }
