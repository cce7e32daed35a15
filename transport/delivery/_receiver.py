"""What the records of a topic are for: a kind of entities, or a consumer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ._records import Inbound, TopicPartition
from ._state import StoredState

if TYPE_CHECKING:
    from ._shard import Shard


class KeyLane(Protocol):
    """The mail of one key, as its partition sees it."""

    last_used: float

    @property
    def key(self) -> str:
        """Whose mail it is."""
        ...

    @property
    def busy(self) -> bool:
        """An async handler is running."""
        ...

    @property
    def idle(self) -> bool:
        """It has no mail and nothing in hand."""
        ...

    @property
    def lasting(self) -> bool:
        """What it knows must be kept when it goes."""
        ...

    def stored(self) -> StoredState:
        """Return what is known of the key, as it is to be written."""
        ...

    def post(self, record: Inbound) -> None:
        """Put a record at the end of the mail."""
        ...

    def wake(self) -> None:
        """Go on, if there is anything to do."""
        ...

    def detach(self) -> None:
        """Forget everything: the partition is leaving this node."""
        ...

    async def passivate(self) -> None:
        """Let go of what costs memory. Called when it has nothing in hand."""
        ...


class WholeLane(KeyLane, Protocol):
    """The mail of all keys of a partition."""

    def post_all(self, records: Sequence[Inbound]) -> None:
        """Put records at the end of the mail, in their order."""
        ...


class Receiver(Protocol):
    """What is the same for all partitions of a topic that a node takes in."""

    @property
    def name(self) -> str:
        """Of the kind, or of the consumer."""
        ...

    @property
    def has_stopped(self) -> bool:
        """Whether its lanes want to be told when they go."""
        ...

    def source(self, partition: TopicPartition) -> str:
        """Return the name a partition has as a source of messages."""
        ...

    def key_of(self, record: Inbound) -> str | None:
        """Return whose lane a record belongs to; None when it can belong to nobody."""
        ...

    def whole_lane(self, shard: "Shard") -> WholeLane | None:
        """Return the one lane that all of a partition's records go to; None if there is none."""
        ...

    def lane(self, shard: "Shard", key: str, stored: StoredState) -> KeyLane:
        """Make the lane of a key."""
        ...

    def committed(self, shard: "Shard") -> None:
        """The group has taken a position."""
        ...

    def state_partition(self, partition: int) -> TopicPartition:
        """Return where what is known of a partition's keys is kept."""
        ...

    def quarantine_partition(self, partition: int) -> TopicPartition:
        """Return where a partition's quarantined messages are kept."""
        ...
