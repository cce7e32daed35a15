"""Where a whole broker keeps what it must not forget: the port, and memory behind it."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

from ._storage import MemoryStorage, Storage

Value: TypeAlias = "dict[str, Any] | None"


class Store(Protocol):
    """The partitions of a broker, and a table of everything else.

    The table holds small JSON-like values by key: a topic, a group's commit, a
    transaction. Writing a key again replaces its value; None removes it.
    """

    def partition(self, topic: str, index: int) -> Storage:
        """Return the storage of a partition, made when it is first named.

        Args:
            topic: The topic's own id, which a later topic of its name does not have.
            index: Which partition.
        """
        ...

    def put(self, key: str, value: Value) -> None:
        """Keep a value in the table, or remove it.

        Raises:
            StorageFull: There is no room.
        """
        ...

    def table(self) -> Mapping[str, Any]:
        """Return what the table held when the store was opened."""
        ...

    def bytes(self) -> int:
        """Return how much room everything takes."""
        ...

    @property
    def unsynced(self) -> bool:
        """Whether something was written that `sync` has not made safe yet."""
        ...

    def sync(self) -> None:
        """Make everything written so far safe from a power cut; may be called from a thread."""
        ...

    def close(self) -> None:
        """Write what is still to be written, and let go."""
        ...

    def release(self) -> None:
        """Let go of everything at once, as the system does when the process dies."""
        ...


class MemoryStore:
    """Keeps partitions in memory, and no table: whoever writes it has it in memory already."""

    def partition(self, topic: str, index: int) -> Storage:
        """See `Store`."""
        del topic, index
        return MemoryStorage()

    def put(self, key: str, value: Value) -> None:
        """See `Store`."""

    def table(self) -> Mapping[str, Any]:
        """See `Store`."""
        return {}

    def bytes(self) -> int:
        """See `Store`: the partitions know."""
        return 0

    @property
    def unsynced(self) -> bool:
        """See `Store`: nothing ever is safe, and nothing waits for it."""
        return False

    def sync(self) -> None:
        """See `Store`."""

    def close(self) -> None:
        """See `Store`."""

    def release(self) -> None:
        """See `Store`."""
