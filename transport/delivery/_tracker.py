"""Which records of one owned partition are finished, and what may be committed."""

from collections import deque


class Tracker:
    """The contiguous prefix of finished records of one partition.

    Records are *received* in offset order, finish in any order, and the
    committed position only ever moves over a gap-free run of finished ones. A
    position is the offset of the next record to deliver, so gaps that
    transaction markers or compaction leave in a log do not stop it.

    Pure: no clock, no loop, no client. One assignment of a partition has one
    tracker; what an older assignment still finishes reaches only its own
    tracker and so can never be committed.

    Example:
        >>> tracker = Tracker(start=10)
        >>> all([tracker.received(10), tracker.received(11), tracker.received(15)])
        True
        >>> tracker.finished(11); tracker.position
        10
        >>> tracker.finished(10); tracker.position
        15
        >>> tracker.in_flight
        1
    """

    __slots__ = ("_next", "_open", "_pending", "position")

    def __init__(self, start: int) -> None:
        self.position = start
        """Everything below it is finished: what may be committed."""
        self._next = start
        self._pending: deque[int] = deque()  # received and not passed, in offset order
        self._open: set[int] = set()

    @property
    def in_flight(self) -> int:
        """How many received records are not finished."""
        return len(self._open)

    @property
    def span(self) -> int:
        """How many received records the prefix has not passed yet."""
        return len(self._pending)

    def received(self, offset: int) -> bool:
        """Take note of a record handed out by the log.

        Returns:
            False when the record was handed out before in this assignment (a
            fetch that was repeated): the caller must drop it.
        """
        if offset < self._next:
            return False
        self._next = offset + 1
        self._open.add(offset)
        self._pending.append(offset)
        return True

    def finished(self, offset: int) -> None:
        """Take note that a record's outputs and state are durable.

        Raises:
            ValueError: The record was not received, or has finished before.
        """
        if offset not in self._open:
            raise ValueError(f"offset {offset} is not in flight (position {self.position})")
        self._open.discard(offset)
        pending, unfinished = self._pending, self._open
        while pending and pending[0] not in unfinished:
            pending.popleft()
        self.position = pending[0] if pending else self._next
