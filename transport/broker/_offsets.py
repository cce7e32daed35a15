"""What groups have committed."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from .log import Store, Value

Place = tuple[str, int]


class Committed(NamedTuple):
    """A committed offset with its metadata.

    Attributes:
        offset: The next one to be read.
        metadata: Whatever the client put with it.
        leader_epoch: Of the record before, if the client said; else -1.
    """

    offset: int
    metadata: str | None = ""
    leader_epoch: int = -1


class Offsets:
    """One group's commits, and those that wait for a transaction's end.

    Args:
        group: The group's id.
        store: Keeps them.
    """

    def __init__(self, group: str, store: Store) -> None:
        self._group = group
        self._store = store
        self._kept: dict[Place, Committed] = {}
        self._pending: dict[int, dict[Place, Committed]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Place]:
        return iter(sorted(self._kept))

    def find(self, place: Place) -> Committed | None:
        """Return what is committed of a partition."""
        return self._kept.get(place)

    def commit(self, offsets: Mapping[Place, Committed]) -> None:
        """Keep offsets.

        Raises:
            StorageFull: There is no room; some may have been kept.
        """
        for place, committed in offsets.items():
            self._store.put(self._key(place), {"committed": list(committed)})
            self._kept[place] = committed
            for held in self._pending.values():
                held.pop(place, None)  # what is written last counts, whenever that one ends

    def forget(self, place: Place) -> None:
        """Forget what was committed of a partition."""
        if self._kept.pop(place, None) is not None:
            self._store.put(self._key(place), None)

    def clear(self) -> None:
        """Forget everything."""
        for place in list(self._kept):
            self.forget(place)
        for producer_id in list(self._pending):
            self._pending[producer_id].clear()
            self._keep_pending(producer_id)
        self._pending.clear()

    # -- in transactions -------------------------------------------------------------

    def hold(self, producer_id: int, offsets: Mapping[Place, Committed]) -> None:
        """Keep offsets until a transaction ends."""
        held = self._pending.setdefault(producer_id, {})
        held.update(offsets)
        self._keep_pending(producer_id)

    def settle(self, producer_id: int, *, commit: bool) -> None:
        """End a transaction: what it committed counts, or never was."""
        held = self._pending.pop(producer_id, None)
        if held is None:
            return
        if commit:
            self.commit(held)
        self._keep_pending(producer_id)

    def pending(self, place: Place) -> bool:
        """Tell whether a partition has an offset that waits for a transaction."""
        return any(place in held for held in self._pending.values())

    def _keep_pending(self, producer_id: int) -> None:
        held = self._pending.get(producer_id)
        value: Value = None
        if held:
            value = {"held": [[*place, *committed] for place, committed in held.items()]}
        self._store.put(f"pending/{producer_id}/{self._group}", value)

    # -- after a restart ---------------------------------------------------------------

    def restore(self, place: Place, value: Mapping[str, Any]) -> None:
        """Bring back one commit."""
        self._kept[place] = Committed(*value["committed"])

    def restore_pending(self, producer_id: int, value: Mapping[str, Any]) -> None:
        """Bring back what waits for a transaction."""
        self._pending[producer_id] = {
            (topic, index): Committed(*rest) for topic, index, *rest in value["held"]
        }

    def _key(self, place: Place) -> str:
        # A topic's name has no slash, a group's may.
        return f"offset/{place[0]}/{place[1]}/{self._group}"
