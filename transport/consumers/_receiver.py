"""A consumer as one node runs it: what all its partitions have in common."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...actors import MessagePolicy
from ..delivery import (
    SOURCE,
    Header,
    Inbound,
    KeyLane,
    StoredState,
    TopicPartition,
    WholeLane,
    quarantine_of,
    state_of,
    text_of,
)
from ._context import ConsumerContext, ConsumerRecord, Publish
from ._declared import Consumer
from ._partition_lane import PartitionLane
from ._slots import Slots
from ._target import DROPPED, FunctionTarget, RouteTarget

if TYPE_CHECKING:
    from ..delivery import Shard

KEYLESS = "\x00"
"""Begins the names of lanes of records without a key: each has its own."""


class ConsumerReceiver:
    """Implements `Receiver` for a consumer.

    Args:
        system: The system's name.
        consumer: Its declaration.
        target: What handles its messages.
        policy: What becomes of those it fails on, when its options do not say.
        publish: Records that its contexts publish; gets the context's turn by itself.
        lane: Makes a lane; another for batches and for at most once.
    """

    has_stopped = False

    def __init__(
        self,
        *,
        system: str,
        consumer: Consumer,
        target: FunctionTarget | RouteTarget,
        policy: MessagePolicy,
        publish: Publish,
        lane: "LaneMaker",
    ) -> None:
        self.name = consumer.name
        self.consumer = consumer
        self.options = consumer.options
        self.target = target
        self.policy: MessagePolicy = consumer.options.retry or policy
        self.publish = publish
        self.path = consumer.path(system)
        self.sender: Header = (SOURCE, self.path.encode())
        """The header that names the consumer as the one who sends."""
        self.waits = consumer.is_async
        """Its function is async: calls are bounded in number."""
        self.needs_context = consumer.with_context or consumer.to is not None
        """What is called looks at the context."""
        self.express = not (consumer.takes.batch or consumer.options.at_most_once)
        """No key needs a lane before it has to wait."""
        self.whole = self.express or consumer.takes.batch
        """All of a partition's records go to one lane at first."""
        self.shares_lanes = not consumer.options.at_most_once
        """A key has a lane of its own only while it needs one."""
        self.slots = Slots(consumer.options.concurrency, consumer.options.timeout)
        own = f"{system}.{consumer.name}"
        self._state_topic, self._quarantine_topic = state_of(own), quarantine_of(own)
        self._make_lane = lane
        self._handed: tuple[Inbound, Any] | None = None

    def source(self, partition: TopicPartition) -> str:
        """Return the name of a partition as a source: two groups send different messages."""
        return f"{self.consumer.group}@{partition.topic}/{partition.partition}"

    def key_of(self, record: Inbound) -> str | None:
        """Return whose lane a record belongs to: its key's, or that of what it becomes."""
        if self.target.keyed:
            try:
                ready = self.target.prepare(record, dict(record.headers))
                self.hand(record, ready)
                if ready is not DROPPED:
                    return self.target.key_of(ready)
            except Exception:  # noqa: BLE001 - the lane meets it again, and its policy decides
                self._handed = None
        return text_of_key(record)

    def hand(self, record: Inbound, ready: Any) -> None:
        """Keep what has been prepared of a record until its lane takes it, which is now."""
        self._handed = record, ready

    def handed(self, record: Inbound) -> Any:
        """Return what has been prepared of a record, once; None if nothing."""
        handed, self._handed = self._handed, None
        return handed[1] if handed is not None and handed[0] is record else None

    def context(
        self,
        shard: "Shard",
        record: Inbound,
        headers: Mapping[str, bytes],
        attempt: int = 1,
        batch: Sequence[Inbound] = (),
    ) -> ConsumerContext:
        """Return the context of a call for one record, or for a batch that begins with it."""
        return ConsumerContext(
            shard.host.system,
            self.path,
            _shown(shard.partition, record),
            headers,
            self.publish,
            attempt=attempt,
            deadline=asyncio.get_running_loop().time() + self.options.timeout,
            records=[_shown(shard.partition, each) for each in batch],
        )

    def whole_lane(self, shard: "Shard") -> WholeLane | None:
        """Return the lane of batches, or of all keys that do not have to wait."""
        if not self.whole:
            return None
        lane = shard.lanes.get(KEYLESS)
        if lane is None:
            lane = shard.lanes[KEYLESS] = self.lane(shard, KEYLESS, StoredState())
        assert isinstance(lane, PartitionLane), "no other is made for all keys"
        return lane

    def lane(self, shard: "Shard", key: str, stored: StoredState) -> KeyLane:
        """Make the lane of a key."""
        return self._make_lane(shard, self, key, stored)

    def committed(self, shard: "Shard") -> None:
        """Have the lanes go on that wait for the position to be committed."""
        if self.options.at_most_once:
            for lane in list(shard.lanes.values()):
                lane.wake()

    def state_partition(self, partition: int) -> TopicPartition:
        """Return where it is kept which keys of a partition are parked."""
        return TopicPartition(self._state_topic, partition)

    def quarantine_partition(self, partition: int) -> TopicPartition:
        """Return where a partition's quarantined messages are kept."""
        return TopicPartition(self._quarantine_topic, partition)


if TYPE_CHECKING:
    from typing import Protocol

    class LaneMaker(Protocol):
        """Makes lanes."""

        def __call__(
            self, shard: Shard, receiver: ConsumerReceiver, key: str, stored: StoredState
        ) -> KeyLane: ...


def text_of_key(record: Inbound) -> str:
    """Return a record's key as text that can be turned back into its bytes."""
    return text_of(record.key) or f"{KEYLESS}{record.offset}"


def _shown(place: TopicPartition, record: Inbound) -> ConsumerRecord:
    """Return a record as a function sees it."""
    return ConsumerRecord(*place, record.offset, record.key, record.value, record.timestamp)
