"""What lanes for all keys of a partition share: their mail."""

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..delivery import Inbound, StoredState
from ._calls import CallingLane

if TYPE_CHECKING:
    from ..delivery import Shard
    from ._receiver import ConsumerReceiver

_NOTHING = StoredState()


class PartitionLane(CallingLane):
    """Base of the lanes that take in a partition's records one after the other, of any key."""

    __slots__ = ("queue",)

    lasting = False

    def __init__(self, shard: "Shard", receiver: "ConsumerReceiver", key: str) -> None:
        super().__init__(shard, receiver, key)
        self.queue: deque[Inbound] = deque()

    @property
    def has_mail(self) -> bool:
        """There is a record."""
        return bool(self.queue)

    def stored(self) -> StoredState:
        """Return nothing: what is known is known of keys."""
        return _NOTHING

    def post(self, record: Inbound) -> None:
        """Put a record at the end of the mail."""
        self.queue.append(record)
        self.wake()

    def post_all(self, records: Sequence[Inbound]) -> None:
        """Put records at the end of the mail, in their order."""
        self.queue.extend(records)
        self.wake()

    def detach(self) -> None:
        """Forget everything: the partition is leaving this node."""
        super().detach()
        self.queue.clear()
