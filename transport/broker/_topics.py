"""Topics: their partitions, who leads them, and the rules for both."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ._cluster import Cluster
from ._configs import TopicConfigs, wrong
from .log import Compactor, PartitionLog, Store
from .wire import ErrorCode

_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}\Z")
MAX_PARTITIONS = 10_000


class Partition:
    """A partition: its log, and the broker ids that have it.

    Attributes:
        log: The records.
        replicas: Ids that have it; the first one leads when all are up.
        leader: The id that answers for it; -1 for none.
        epoch: How often the leader has changed.
        compactor: Compacts it.
    """

    __slots__ = ("compactor", "epoch", "leader", "log", "replicas")

    def __init__(self, log: PartitionLog, replicas: Sequence[int]) -> None:
        self.log = log
        self.replicas = list(replicas)
        self.leader = self.replicas[0]
        self.epoch = 0
        self.compactor = Compactor(log)

    def lead(self, node: int) -> None:
        """Give it another leader; -1 for none."""
        if node != self.leader:
            self.leader = node
            self.epoch += 1
            self.log.lead(self.epoch)


@dataclass(slots=True)
class Topic:
    """A topic and its partitions.

    Attributes:
        name: Its name.
        id: Its own id, which a later topic of the same name does not have.
        partitions: In order.
        configs: Its settings.
    """

    name: str
    id: str
    partitions: list[Partition]
    configs: TopicConfigs = field(default_factory=lambda: TopicConfigs({}))


class Topics:
    """All topics of a broker. Pure but for the store behind it.

    Args:
        store: Keeps them.
        cluster: Which ids there are.
    """

    def __init__(self, store: Store, cluster: Cluster) -> None:
        self._store = store
        self._cluster = cluster
        self._topics: dict[str, Topic] = {}
        self._made = 0

    def __len__(self) -> int:
        return len(self._topics)

    def __iter__(self) -> Iterator[Topic]:
        return iter(self._topics.values())

    def names(self) -> list[str]:
        """Return all names, sorted."""
        return sorted(self._topics)

    def find(self, name: str) -> Topic | None:
        """Return a topic, or None."""
        return self._topics.get(name)

    def partition(self, name: str, index: int) -> Partition | None:
        """Return a partition, or None."""
        topic = self._topics.get(name)
        if topic is None or not 0 <= index < len(topic.partitions):
            return None
        return topic.partitions[index]

    # -- rules ------------------------------------------------------------------------

    def check(
        self, name: str, partitions: int, configs: Mapping[str, str]
    ) -> tuple[ErrorCode, str]:
        """Tell whether a topic may be created, and if not, why."""
        if not is_topic_name(name):
            return ErrorCode.INVALID_TOPIC, (
                f"{name!r} is no topic name: use 1 to 249 letters, digits, '.', '_' or '-'"
            )
        if name in self._topics:
            return ErrorCode.TOPIC_ALREADY_EXISTS, f"Topic '{name}' already exists."
        alike = next((t for t in self._topics if _flat(t) == _flat(name)), None)
        if alike is not None:
            return ErrorCode.INVALID_TOPIC, f"Topic '{name}' collides with existing topic: {alike}"
        if not 1 <= partitions <= MAX_PARTITIONS:
            return ErrorCode.INVALID_PARTITIONS, (
                f"{partitions} partitions; use 1 to {MAX_PARTITIONS}"
            )
        problem = wrong(configs)
        if problem is not None:
            return ErrorCode.INVALID_CONFIG, problem
        return ErrorCode.NONE, ""

    # -- changes ----------------------------------------------------------------------

    def create(
        self, name: str, replicas: Sequence[Sequence[int]], configs: Mapping[str, str]
    ) -> Topic:
        """Create a topic that `check` found right; one list of ids for each partition.

        Raises:
            StorageFull: There is no room to keep it.
        """
        self._made += 1
        topic = Topic(name, f"{name}-{self._made}", [], TopicConfigs(configs))
        self._add(topic, replicas)
        self._keep(topic)
        self._topics[name] = topic
        return topic

    def configure(self, topic: Topic, configs: Mapping[str, str]) -> None:
        """Replace a topic's settings, which `wrong` found right."""
        topic.configs = TopicConfigs(configs)
        self._keep(topic)

    def grow(self, topic: Topic, replicas: Sequence[Sequence[int]]) -> None:
        """Give a topic more partitions."""
        self._add(topic, replicas)
        self._keep(topic)

    def delete(self, name: str) -> bool:
        """Delete a topic with all it holds; False when there is none."""
        topic = self._topics.pop(name, None)
        if topic is None:
            return False
        self._store.put(f"topic/{name}", None)
        for partition in topic.partitions:
            partition.log.wake()  # who waits for records is to learn that there is no topic
            partition.log.storage.delete()
        return True

    def restore(self, table: Mapping[str, Any]) -> None:
        """Bring back the topics a store held."""
        for key, value in table.items():
            if key.startswith("topic/"):
                name = key.removeprefix("topic/")
                topic = Topic(name, value["id"], [], TopicConfigs(value["configs"]))
                self._made = max(self._made, int(topic.id.rpartition("-")[2]))
                factor = self._cluster.default_replication
                self._add(topic, self._cluster.spread(self._made, value["partitions"], factor))
                self._topics[name] = topic

    def _add(self, topic: Topic, replicas: Sequence[Sequence[int]]) -> None:
        for ids in replicas:
            storage = self._store.partition(topic.id, len(topic.partitions))
            topic.partitions.append(Partition(PartitionLog(storage), ids))
        self.elect()

    def _keep(self, topic: Topic) -> None:
        value = {
            "id": topic.id,
            "partitions": len(topic.partitions),
            "configs": topic.configs.own,
        }
        self._store.put(f"topic/{topic.name}", value)

    # -- leaders ----------------------------------------------------------------------

    def elect(self) -> None:
        """Give every partition whose leader is down one that is up, if it has one."""
        up = {node.id for node in self._cluster.live()}
        for topic in self:
            for partition in topic.partitions:
                if partition.leader not in up:
                    live = [node for node in partition.replicas if node in up]
                    partition.lead(live[0] if live else -1)

    def bytes(self) -> int:
        """Return the bytes of all partitions."""
        return sum(p.log.size for topic in self for p in topic.partitions)


def is_topic_name(name: str) -> bool:
    """Tell whether a topic may have a name."""
    return bool(_NAME.match(name)) and name not in {".", ".."}


def _flat(name: str) -> str:
    # Kafka's metrics cannot tell the two characters apart, so its topics must not need to.
    return name.replace(".", "_")
