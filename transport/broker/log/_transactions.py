"""Transactions as one partition sees them: which are open, and which were aborted where."""

from bisect import bisect_left
from typing import NamedTuple

from ._batch import HEADER, Batch


class Aborted(NamedTuple):
    """A transaction that was aborted, as far as it is in this partition."""

    producer_id: int
    first_offset: int
    last_offset: int


class PartitionTransactions:
    """Open and aborted transactions of a partition. Pure."""

    def __init__(self) -> None:
        self.open: dict[int, int] = {}
        """The first offset of each open one, by producer id."""
        self._aborted: list[Aborted] = []  # by last offset: they end in log order

    def written(self, batch: Batch) -> None:
        """Take note of a batch that was appended, marker or not."""
        if batch.control:
            first = self.open.pop(batch.producer_id, None)
            if first is not None and not commits(batch):
                self._aborted.append(Aborted(batch.producer_id, first, batch.base_offset))
        elif batch.transactional:
            self.open.setdefault(batch.producer_id, batch.base_offset)

    def stable(self, end: int) -> int:
        """Return the last stable offset: below it every transaction has ended."""
        return min(self.open.values(), default=end)

    def aborted(self, first: int, end: int) -> list[Aborted]:
        """Return the aborted transactions with records from `first` up to below `end`."""
        at = bisect_left(self._aborted, first, key=lambda each: each.last_offset)
        return [each for each in self._aborted[at:] if each.first_offset < end]

    def discards(self, batch: Batch) -> bool:
        """Tell whether a batch is part of an aborted transaction."""
        return batch.transactional and any(
            each.producer_id == batch.producer_id
            and each.first_offset <= batch.base_offset
            for each in self.aborted(batch.base_offset, batch.last_offset + 1)
        )  # fmt: skip

    def trim(self, start: int) -> None:
        """Forget transactions that ended below the log's start."""
        del self._aborted[: bisect_left(self._aborted, start, key=lambda each: each.last_offset)]


def commits(marker: Batch) -> bool:
    """Tell what a marker says: its record's key ends with 1 for commit, 0 for abort."""
    # Record: length, attributes, two deltas, the key's length, then version and type.
    return marker.data[HEADER.size + 8] == 1
