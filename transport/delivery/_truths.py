"""What is known of a partition's entities that have no lane: in memory, and on disk if wanted."""

from collections.abc import Mapping

from ._local_store import Checkpoint, LocalStore
from ._state import StoredState


class Truths:
    """The states of entities without a lane, newest first in memory, then on disk.

    With a local store memory holds only what the store does not know yet: `take_unsaved`
    hands that over, and `saved` lets it go. Without one everything is in memory.

    Args:
        store: The node's, if it has one.
        source: The partition.
    """

    def __init__(self, store: LocalStore | None, source: str) -> None:
        self._store = store
        self._source = source
        self._memory: dict[str, StoredState] = {}
        self._unsaved: dict[str, StoredState] = {}
        self._reach: Checkpoint | None = None

    @property
    def any(self) -> bool:
        """Something may be known."""
        return bool(self._memory) or self._store is not None

    # -- reading --------------------------------------------------------------------

    def look(self, key: str) -> StoredState | None:
        """Return an entity's state.

        Raises:
            LocalStoreError: The local store cannot be read.
        """
        return self._memory.get(key) or self.stored(key)

    def take(self, key: str) -> StoredState | None:
        """Return an entity's state, which its lane keeps from now on.

        Raises:
            LocalStoreError: The local store cannot be read.
        """
        return self._memory.pop(key, None) or self.stored(key)

    def stored(self, key: str) -> StoredState | None:
        """Return what the disk knows of an entity.

        Raises:
            LocalStoreError: The local store cannot be read.
        """
        return None if self._store is None else self._store.get(self._source, key)

    # -- changing ---------------------------------------------------------------------

    def restored(self, states: Mapping[str, StoredState]) -> None:
        """Take what was read from the log beyond what the disk knows."""
        self._memory = dict(states)
        self.acknowledged(states)

    def keep(self, key: str, state: StoredState) -> None:
        """Take the state of an entity whose lane goes; not into memory if the disk has it.

        Raises:
            LocalStoreError: The local store cannot be read.
        """
        known = self.stored(key)
        if known is None or known._replace(epoch=state.epoch) != state:
            self._memory[key] = state

    def keep_all(self, states: Mapping[str, StoredState]) -> None:
        """Take the states of many entities whose lanes go."""
        self._memory.update(states)

    def acknowledged(self, states: Mapping[str, StoredState]) -> None:
        """Take note of states that the log has: they may go to disk."""
        if self._store is not None:
            self._unsaved.update(states)

    # -- the way to disk ---------------------------------------------------------------

    def take_unsaved(self, reach: Checkpoint) -> dict[str, StoredState] | None:
        """Hand over what the disk lacks; None if it lacks nothing and reaches as far."""
        if not self._unsaved and reach == self._reach:
            return None
        unsaved, self._unsaved = self._unsaved, {}
        return unsaved

    def saved(self, states: Mapping[str, StoredState], reach: Checkpoint) -> None:
        """Take note that the disk has these, and let go of them."""
        self._reach = reach
        for key, state in states.items():
            if self._memory.get(key) == state:
                del self._memory[key]

    def not_saved(self, states: Mapping[str, StoredState]) -> None:
        """Take back what the disk did not take."""
        self._unsaved = {**states, **self._unsaved}
