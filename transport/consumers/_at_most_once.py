"""A consumer's lane that handles a message after its position is committed, and never again."""

from ...actors import Escalate, Fate
from ...actors import Skip as Drop
from ..delivery import Inbound, Outcome, Turn
from ._lane import ConsumerLane


class AtMostOnceLane(ConsumerLane):
    """Counts a record as finished when it comes, and handles it when that has been committed.

    What the function sends leaves at once: there is nothing that could repeat it.
    """

    __slots__ = ()

    def post(self, record: Inbound) -> None:
        """Put a record at the end of the mail, and have its position committed."""
        self.queue.append((record, self.receiver.handed(record)))
        self.shard.backlog += 1
        self.shard.done(Outcome(record.offset, [], None, None, None))

    def detach(self) -> None:
        """Forget everything: what is not handled by now never will be."""
        self.shard.backlog -= len(self.queue)
        super().detach()

    @property
    def busy(self) -> bool:
        """There is mail whose position is committed; it is handled before the partition leaves."""
        return super().busy or self.runnable

    @property
    def runnable(self) -> bool:
        """There is mail whose position is committed."""
        return (
            bool(self.queue)
            and not self._pending
            and not self._blocked
            and self.shard.owned
            and self.queue[0][0].offset < self.shard.committed.offset
        )

    def _new_turn(self) -> Turn | None:
        return None

    def _done(self, outcome: Outcome) -> None:
        del outcome
        self.queue.popleft()
        self.shard.backlog -= 1
        self._given_up = None

    def _fate(self, error: BaseException) -> Fate:
        fate = super()._fate(error)
        return fate if isinstance(fate, Escalate) else Drop()
