"""Which records of one owned partition are finished, and what may be committed."""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ._dedup import Floor
from ._progress import Position, decode_ahead, encode_ahead

_MOST_HOLES = 16
_COMPACT_ABOVE = 1_000


class Load:
    """What all partitions of a node have in flight together."""

    __slots__ = ("bytes", "records")

    def __init__(self) -> None:
        self.records = 0
        self.bytes = 0


class Tracker:
    """The contiguous prefix of finished records of one partition.

    Records are *received* in offset order, finish in any order, and the
    committed position only ever moves over a gap-free run of finished ones. A
    position is the offset of the next record to deliver, so gaps that
    transaction markers or compaction leave in a log do not stop it.

    What has finished *ahead* of the position is remembered with it, so that a
    new owner does not take those records in again.

    Pure: no clock, no loop, no client. One assignment of a partition has one
    tracker; what an older assignment still finishes reaches only its own
    tracker and so can never be committed.

    Args:
        start: The next offset.
        ahead: What an owner before has finished beyond it; see `Position`.
        load: Where the whole node's records in flight are counted.
        straggling: A record so many offsets behind the newest no longer holds
            the floor; see `floor`.

    Example:
        >>> tracker = Tracker(start=10)
        >>> all([tracker.received(10), tracker.received(11), tracker.received(15)])
        True
        >>> tracker.finished(11); tracker.position
        10
        >>> tracker.committable()
        Position(offset=10, ahead='1-4')
        >>> tracker.finished(10); tracker.position
        15
        >>> tracker.in_flight
        1
    """

    __slots__ = (
        "_ahead",
        "_ahead_order",
        "_load",
        "_next",
        "_open",
        "_pending",
        "_straggling",
        "position",
    )

    def __init__(
        self, start: int, ahead: str = "", *, load: Load | None = None, straggling: int = 2_000
    ) -> None:
        self.position = start
        """Everything below it is finished: what may be committed."""
        self._load = load or Load()
        self._straggling = straggling
        self._next = start
        self._open: dict[int, int] = {}  # not finished, with its size
        self._pending: deque[int] = deque()  # the open ones in order, and some that are finished
        self._ahead = decode_ahead(start, ahead)  # finished by an owner before
        self._ahead_order = deque(sorted(self._ahead))

    @property
    def in_flight(self) -> int:
        """How many received records are not finished."""
        return len(self._open)

    @property
    def span(self) -> int:
        """How many offsets receivers of this partition's messages have to tell apart."""
        return self._next - self.floor().offset

    def received(self, offset: int, size: int = 0) -> bool:
        """Take note of a record handed out by the log.

        Returns:
            False when the caller must drop it: it was handed out before in this
            assignment (a fetch that was repeated), or an owner before has
            finished it.
        """
        if offset < self._next:
            return False
        self._next = offset + 1
        if offset in self._ahead:
            self._advance()
            return False
        self._open[offset] = size
        self._pending.append(offset)
        self._load.records += 1
        self._load.bytes += size
        return True

    def all_received(self, offsets: Sequence[int], sizes: Sequence[int]) -> bool:
        """Take note of records handed out by the log in one go, in their order.

        Returns:
            False when `received` has to say it of each, since one of them must perhaps be dropped;
            nothing was noted then.
        """
        if self._ahead or (offsets and offsets[0] < self._next):
            return False
        if offsets:
            self._next = offsets[-1] + 1
            self._open.update(zip(offsets, sizes, strict=True))
            self._pending.extend(offsets)
            self._load.records += len(offsets)
            self._load.bytes += sum(sizes)
        return True

    def finished(self, offset: int) -> None:
        """Take note that a record's outputs and state are durable.

        Raises:
            ValueError: The record was not received, or has finished before.
        """
        self.all_finished((offset,))

    def all_finished(self, offsets: Sequence[int]) -> None:
        """Take note that the outputs and states of some records are durable.

        Raises:
            ValueError: One was not received, or has finished before.
        """
        take, size = self._open.pop, 0
        try:
            for offset in offsets:
                size += take(offset)
        except KeyError as error:
            raise ValueError(
                f"offset {error} is not in flight (position {self.position})"
            ) from error
        self._load.records -= len(offsets)
        self._load.bytes -= size
        self._advance()

    def abandon(self) -> None:
        """Take what is in flight off the node's load: the partition has left."""
        self._load.records -= len(self._open)
        self._load.bytes -= sum(self._open.values())
        self._open.clear()

    def committable_since(self, committed: Position) -> Position:
        """Return what may be committed; what is finished ahead of it only if it stands still.

        Behind a position that moves nothing is finished for long: after a crash those few
        records come again, and are found in their entities' states.
        """
        if self.position == committed.offset:
            return self.committable()
        return Position(self.position)

    def committable(self) -> Position:
        """Return what may be committed: the position, and what is finished ahead of it.

        Offsets that were never handed out, since the log has gaps there, count as finished.
        """
        ends = [*self._in_order(), self._next]
        runs = [(low + 1, high) for low, high in pairwise(ends)]
        runs.extend((offset, offset + 1) for offset in self._ahead_order if offset >= self._next)
        return Position(self.position, encode_ahead(self.position, runs))

    def floor(self) -> Floor:
        """Return below what everything is finished, but for a few stragglers.

        Receivers remember the ids they have taken from the floor upwards. A few records that
        take very long must not hold it: they are named, as holes below the floor.
        """
        behind = self._next - self._straggling
        if self.position >= behind:
            return Floor(self.position)
        holes: list[int] = []
        for offset in self._in_order():
            if offset >= behind or len(holes) == _MOST_HOLES:
                return Floor(offset, tuple(holes))
            holes.append(offset)
        return Floor(self._next, tuple(holes))

    def _in_order(self) -> Iterator[int]:
        unfinished = self._open
        if len(self._pending) > 2 * len(unfinished) + _COMPACT_ABOVE:
            self._pending = deque(offset for offset in self._pending if offset in unfinished)
        return (offset for offset in self._pending if offset in unfinished)

    def _advance(self) -> None:
        pending, unfinished = self._pending, self._open
        if not unfinished:
            pending.clear()
        while pending and pending[0] not in unfinished:
            pending.popleft()
        self.position = pending[0] if pending else self._next
        order = self._ahead_order
        while order and order[0] < self.position:
            self._ahead.discard(order.popleft())
