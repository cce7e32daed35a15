"""What an entity remembers of its messages in quarantine."""

from ._quarantine import Redrive


class Parking:
    """Whether an entity is parked, and how far its messages have come back.

    Messages come back as a chain of copies in the mailbox, each naming the one
    that must have been dealt with before it, and a release behind them. What
    was sent since the chain's writer looked is parked behind, and the release
    is refused: it takes another round.

    Why not hand those over here? They were finished when they were parked, so
    what their handlers send would carry ids below the floor, and be dropped; and
    with other ids a crash would have it sent twice. Only a record of the mailbox
    that is still in flight makes ids that are the same each time.

    Pure: no clock, no loop, no client.

    Attributes:
        parked: Whether further messages go to quarantine.
        parked_at: The mailbox offset of the newest message that did; -1 when not parked.
        redriven: Messages up to this offset have been dealt with; -1 for none.
    """

    __slots__ = ("parked", "parked_at", "redriven")

    def __init__(self, *, parked: bool = False, parked_at: int = -1, redriven: int = -1) -> None:
        self.parked = parked
        self.parked_at = parked_at
        self.redriven = redriven

    def park(self, offset: int) -> None:
        """Take note of a message that goes to quarantine."""
        self.parked, self.parked_at = True, offset

    def is_next(self, redrive: Redrive) -> bool:
        """Tell whether it is a message that is due: no release, no repetition, not out of turn."""
        due = redrive.after <= self.redriven < redrive.origin
        return self.parked and due and redrive.run is None

    def dealt_with(self, redrive: Redrive) -> None:
        """Take note that a message has come back for good."""
        self.redriven = redrive.origin

    def release(self, release: Redrive) -> int:
        """End the parking if all messages have come back; return the newest that has not, or -1."""
        through = release.origin
        if self.parked and release.after <= self.redriven and self.parked_at <= through:
            self.parked, self.parked_at = False, -1
            self.redriven = max(self.redriven, through)
        return self.parked_at if self.parked else -1
