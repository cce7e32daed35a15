"""What one partition hands to a flush, and the records it becomes."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ._codec import batch_headers
from ._outcome import Outcome
from ._records import Outbound
from ._state import state_record

if TYPE_CHECKING:
    from ._shard import Shard


class Work:
    """What one shard hands to a flush: outcomes, states, and records that left neither.

    The states are taken at the same moment as the outcomes, so none of them
    speaks of a message whose outputs are not in this or an earlier flush.
    """

    __slots__ = ("finished", "floor", "outcomes", "shard", "states")

    def __init__(
        self,
        shard: "Shard",
        outcomes: list[Outcome],
        finished: list[int],
        again: Iterable[str],
    ) -> None:
        self.shard = shard
        self.outcomes = outcomes
        self.finished = finished
        self.floor = str(shard.tracker.floor()).encode() if outcomes else b""
        changed = {outcome.lane.key: outcome.lane for outcome in outcomes if outcome.lane}
        self.states = {key: lane.stored() for key, lane in changed.items()}
        for key in again:
            known = shard.truth(key)
            if known is not None:
                self.states.setdefault(key, known)

    def output_records(self, time: bytes) -> Iterator[Outbound]:
        """Yield what handlers sent, and what goes into quarantine, as it is written.

        Args:
            time: When it leaves, as CloudEvents writes it.
        """
        usual = batch_headers(time=time, floor=self.floor)
        for outcome in self.outcomes:
            batch = usual
            if outcome.floor is not None:
                batch = batch_headers(time=time, floor=outcome.floor)
            for to, key, value, headers in outcome.outputs:
                yield Outbound(to, key, value, [*headers, *batch])
            if outcome.filed is not None:
                yield outcome.filed

    def state_records(self) -> Iterator[Outbound]:
        """Yield the states that this work leads to."""
        to = self.shard.kind.state_partition(self.shard.partition.partition)
        for key, state in self.states.items():
            yield state_record(to, key.encode(errors="surrogateescape"), state)
