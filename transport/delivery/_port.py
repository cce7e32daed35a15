"""The narrow port between the delivery core and whatever keeps the log."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Protocol

from ._progress import Position
from ._records import Inbound, Outbound, TopicPartition


class LogPort(Protocol):
    """What the delivery core asks of a log; a driver of a real client implements it.

    The other direction is four calls on `DeliveryCore`: `assigned`, `revoked`,
    `deliver` and `accepts`. Tests put a scripted double here and crash it at
    every step.
    """

    async def produce(self, records: Iterable[Outbound]) -> list[int]:
        """Append records and wait until every one is acknowledged by all replicas.

        Records to one partition are appended in the order given. They are asked
        for once, before anything is written. Returns their offsets, in the order
        of `records`.

        Raises:
            TransportError: Some records may have been appended and others not;
                the caller appends all of them again, with the same ids.
        """
        ...

    async def commit(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Commit positions, one per partition.

        Raises:
            PartitionLost: The group has given the partitions to somebody else.
            TransportError: It is not known whether the commit took effect.
        """
        ...

    async def fence(self, partition: TopicPartition) -> None:
        """Become the only one whose transactions for a mailbox partition are taken.

        Raises:
            TransportError: It is not known whether that is so.
        """
        ...

    async def transact(
        self, partition: TopicPartition, records: Sequence[Outbound], position: Position | None
    ) -> list[int]:
        """Append records and commit a mailbox partition's position, all or nothing.

        Returns the records' offsets, in their order.

        Raises:
            PartitionLost: Another node has fenced this one.
            TransportError: It is not known whether it was taken; `fence` comes
                before the next try.
        """
        ...

    async def committed(self, partition: TopicPartition) -> Position:
        """Return the committed position, or the log's start when there is none."""
        ...

    async def end(self, partition: TopicPartition) -> int:
        """Return the offset the next record of a partition will get."""
        ...

    def read(
        self, partition: TopicPartition, start: int, end: int
    ) -> AsyncIterator[Sequence[Inbound]]:
        """Read a partition from `start` up to, not including, `end`, in chunks."""
        ...

    def seek(self, partition: TopicPartition, position: int) -> None:
        """Hand out an owned partition's records from this position on."""
        ...
