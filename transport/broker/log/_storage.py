"""Where a partition's batches are kept: the port, and memory behind it."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TypeAlias

from ._batch import Batch

Place: TypeAlias = Any
"""Where a batch is; only the storage that gave it can read it."""


class StorageFull(Exception):  # noqa: N818 the sentence says it
    """There is no room; nothing was written."""


class Storage(Protocol):
    """The batches of one partition, in order.

    Everything but `append` and `read` may be slow, and is called seldom.
    """

    def append(self, batch: Batch) -> Place:
        """Keep a batch behind all others.

        Raises:
            StorageFull: There is no room; nothing of it was kept.
        """
        ...

    def read(self, place: Place) -> bytes:
        """Return a batch's bytes."""
        ...

    def load(self) -> Iterator[tuple[Batch, Place]]:
        """Return what was kept before, in order; called once, before anything else."""
        ...

    def start(self) -> int:
        """Return the offset kept by `trim` last; 0 if none."""
        ...

    def trim(self, start: int) -> None:
        """Take note that nothing below an offset is needed any more, and free what can be."""
        ...

    def rewrite(self, batches: Iterable[Batch]) -> list[Place]:
        """Keep these in the place of everything there is, in one step that a crash cannot halve.

        Raises:
            StorageFull: There is no room; everything is as it was.
        """
        ...

    def delete(self) -> None:
        """Remove everything; not used any more afterwards."""
        ...


class MemoryStorage:
    """Keeps batches in memory: their place is their bytes."""

    def append(self, batch: Batch) -> Place:
        """See `Storage`."""
        return batch.data

    def read(self, place: Place) -> bytes:
        """See `Storage`."""
        data: bytes = place
        return data

    def load(self) -> Iterator[tuple[Batch, Place]]:
        """See `Storage`: there is never anything."""
        return iter(())

    def start(self) -> int:
        """See `Storage`."""
        return 0

    def trim(self, start: int) -> None:
        """See `Storage`: the partition drops its places, and that frees them."""

    def rewrite(self, batches: Iterable[Batch]) -> list[Place]:
        """See `Storage`."""
        return [batch.data for batch in batches]

    def delete(self) -> None:
        """See `Storage`."""
