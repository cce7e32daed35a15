"""All groups of a broker, with what they have committed."""

from collections.abc import Iterator, Mapping
from typing import Any

from ._clock import Clock
from ._group import Group
from ._member import State
from ._offsets import Committed, Offsets
from .log import Store


class GroupEntry:
    """A group, its commits, and since when it has had no members.

    Attributes:
        group: Its members.
        offsets: What it has committed.
        used_ms: When it was last written to.
    """

    __slots__ = ("group", "offsets", "used_ms")

    def __init__(self, group: Group, offsets: Offsets, used_ms: int) -> None:
        self.group = group
        self.offsets = offsets
        self.used_ms = used_ms


class Groups:
    """All groups of a broker.

    Args:
        clock: Sets timers.
        store: Keeps what is committed.
        join_delay: Seconds an empty group waits for more members.
    """

    def __init__(self, clock: Clock, store: Store, join_delay: float) -> None:
        self._clock = clock
        self._store = store
        self._join_delay = join_delay
        self._groups: dict[str, GroupEntry] = {}

    def __len__(self) -> int:
        return len(self._groups)

    def __iter__(self) -> Iterator[GroupEntry]:
        return iter(self._groups.values())

    def find(self, name: str) -> GroupEntry | None:
        """Return a group, or None."""
        return self._groups.get(name)

    def get(self, name: str) -> GroupEntry:
        """Return a group, made when it is first named."""
        known = self._groups.get(name)
        if known is None:

            def changed() -> None:
                self._keep(name)

            group = Group(name, self._clock.later, self._join_delay, changed)
            known = GroupEntry(group, Offsets(name, self._store), self._clock.now_ms())
            self._groups[name] = known
        return known

    def commit(self, entry: GroupEntry, offsets: Mapping[tuple[str, int], Committed]) -> None:
        """Keep a group's offsets.

        Raises:
            StorageFull: There is no room; some may have been kept.
        """
        entry.offsets.commit(offsets)
        entry.used_ms = self._clock.now_ms()

    def delete(self, name: str) -> None:
        """Forget a group and what it has committed."""
        entry = self._groups.pop(name)
        entry.group.close()
        entry.offsets.clear()
        self._store.put(f"group/{name}", None)

    def topic_deleted(self, topic: str) -> None:
        """Forget what groups have committed of a topic."""
        for entry in self:
            for place in [place for place in entry.offsets if place[0] == topic]:
                entry.offsets.forget(place)

    def expire(self, before_ms: int) -> None:
        """Forget groups that have had no members and no commits since a time."""
        for name in [
            entry.group.name
            for entry in self
            if entry.group.state is State.EMPTY and entry.used_ms < before_ms
        ]:
            self.delete(name)

    def _keep(self, name: str) -> None:
        entry = self._groups[name]
        entry.used_ms = self._clock.now_ms()
        group = entry.group
        value = {"generation": group.generation, "protocol_type": group.protocol_type}
        self._store.put(f"group/{name}", value)

    def restore(self, table: Mapping[str, Any]) -> None:
        """Bring back what a store held. Members join anew: their connections are gone."""
        for key, value in table.items():
            kind, _, rest = key.partition("/")
            if kind == "group":
                group = self.get(rest).group
                group.generation = value["generation"]
                group.protocol_type = value["protocol_type"]
            elif kind == "offset":
                topic, index, name = rest.split("/", 2)
                self.get(name).offsets.restore((topic, int(index)), value)
            elif kind == "pending":
                producer, _, name = rest.partition("/")
                self.get(name).offsets.restore_pending(int(producer), value)

    def close(self) -> None:
        """Take all timers back."""
        for entry in self:
            entry.group.close()
