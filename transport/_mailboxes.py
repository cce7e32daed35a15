"""Where the mail of entities goes."""

from ..actors import Entity
from .delivery import TopicPartition, mailbox_topic, partition_for

_MAX_PLACES = 100_000


class Mailboxes:
    """Knows the mailbox of each kind, and remembers where an entity's mail goes.

    Hashing a key costs more than all else of a send.

    Args:
        system: The system's name.
    """

    def __init__(self, system: str) -> None:
        self._system = system
        self.kinds: dict[str, type[Entity]] = {}
        """The kinds that are known, by their names."""
        self._places: dict[tuple[str, str], tuple[TopicPartition, bytes]] = {}

    def know(self, kind: type[Entity]) -> None:
        """Learn of a kind.

        Raises:
            ValueError: Another class has the same name.
        """
        name = kind.kind()
        known = self.kinds.setdefault(name, kind)
        if known is not kind:
            raise ValueError(
                f"two classes are called {name}: {known.__module__}.{known.__qualname__} and "
                f"{kind.__module__}.{kind.__qualname__}. Set `kind_name` on one of them"
            )

    def partitions(self, kind: str) -> list[TopicPartition]:
        """Return all of a kind that is known."""
        known = self.kinds[kind]
        topic = mailbox_topic(self._system, known)
        return [TopicPartition(topic, number) for number in range(known.partitions)]

    def place(self, kind: str, id: str) -> tuple[TopicPartition, bytes]:  # noqa: A002 the field's word
        """Return an entity's partition and key; its kind is known."""
        found = self._places.get((kind, id))
        if found is None:
            known, key = self.kinds[kind], id.encode()
            topic = mailbox_topic(self._system, known)
            found = TopicPartition(topic, partition_for(key, known.partitions)), key
            if len(self._places) >= _MAX_PLACES:
                self._places.clear()
            self._places[kind, id] = found
        return found
