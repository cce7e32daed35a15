"""Topics: their partitions, their settings, and the rules for both."""

import re
from dataclasses import dataclass, field

from ._errors import ErrorCode
from ._log import PartitionLog

_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}\Z")
MAX_PARTITIONS = 10_000

DEFAULT_CONFIGS = {
    "cleanup.policy": "delete",
    "compression.type": "producer",
    "max.message.bytes": "1048588",
    "min.compaction.lag.ms": "0",
    "min.insync.replicas": "1",
    "retention.bytes": "-1",
    "retention.ms": "604800000",
    "segment.bytes": "1073741824",
}
"""What a topic has unless it says otherwise. Kept and described; the size limit is enforced."""


@dataclass(slots=True)
class Topic:
    """A topic and its partitions."""

    name: str
    partitions: list[PartitionLog]
    configs: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def max_message_bytes(self) -> int:
        """Largest batch this topic takes."""
        return int(self.configs.get("max.message.bytes", DEFAULT_CONFIGS["max.message.bytes"]))

    def described(self) -> dict[str, str]:
        """Return every setting, the topic's own over the defaults."""
        return {**DEFAULT_CONFIGS, **self.configs}


class Topics:
    """All topics of a broker. Pure."""

    def __init__(self) -> None:
        self._topics: dict[str, Topic] = {}

    def __len__(self) -> int:
        return len(self._topics)

    def names(self) -> list[str]:
        """Return all names, sorted."""
        return sorted(self._topics)

    def find(self, name: str) -> Topic | None:
        """Return a topic, or None."""
        return self._topics.get(name)

    def log(self, name: str, partition: int) -> PartitionLog | None:
        """Return a partition, or None."""
        topic = self._topics.get(name)
        if topic is None or not 0 <= partition < len(topic.partitions):
            return None
        return topic.partitions[partition]

    def check(self, name: str, partitions: int, configs: dict[str, str]) -> tuple[ErrorCode, str]:
        """Tell whether a topic may be created, and if not, why."""
        if name in self._topics:
            return ErrorCode.TOPIC_ALREADY_EXISTS, f"topic {name} exists already"
        if not _NAME.match(name) or name in {".", ".."}:
            return ErrorCode.INVALID_TOPIC, (
                f"{name!r} is no topic name: use 1 to 249 letters, digits, '.', '_' or '-'"
            )
        if not 1 <= partitions <= MAX_PARTITIONS:
            return ErrorCode.INVALID_PARTITIONS, (
                f"{partitions} partitions; use 1 to {MAX_PARTITIONS}"
            )
        size = configs.get("max.message.bytes", "1")
        if not size.isdecimal():
            return ErrorCode.INVALID_REQUEST, f"max.message.bytes is {size!r}; it is a number"
        return ErrorCode.NONE, ""

    def create(self, name: str, partitions: int, configs: dict[str, str]) -> Topic:
        """Create a topic that `check` found right."""
        logs = [PartitionLog() for _ in range(partitions)]
        topic = self._topics[name] = Topic(name, logs, dict(configs))
        return topic

    def delete(self, name: str) -> bool:
        """Delete a topic with all it holds; False when there is none."""
        return self._topics.pop(name, None) is not None

    def grow(self, name: str, count: int) -> ErrorCode:
        """Give a topic more partitions."""
        topic = self._topics.get(name)
        if topic is None:
            return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        if not len(topic.partitions) < count <= MAX_PARTITIONS:
            return ErrorCode.INVALID_PARTITIONS
        topic.partitions.extend(PartitionLog() for _ in range(count - len(topic.partitions)))
        return ErrorCode.NONE

    def bytes(self) -> int:
        """Return the bytes of all partitions."""
        return sum(log.size for topic in self._topics.values() for log in topic.partitions)
