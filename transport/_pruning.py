"""Which records of mailboxes nobody needs any more. Pure: decides, and does nothing."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a mailbox's partition has come.

    Attributes:
        topic: Of the mailbox.
        partition: Its number.
        start: The first offset there is.
        end: The next that will be written.
        committed: The group's position, below which everything is handled; None for none.
        young: The first offset that is too young to go; None when there is none such.
    """

    topic: str
    partition: int
    start: int
    end: int
    committed: int | None
    young: int | None


@dataclass(frozen=True, slots=True)
class Prunable:
    """What may be removed from a mailbox's partition.

    Attributes:
        topic: Of the mailbox.
        partition: Its number.
        start: The first offset there is.
        until: Where the partition may begin instead; `start` when nothing may go.
        why: What keeps the records from `until` on.
    """

    topic: str
    partition: int
    start: int
    until: int
    why: str

    @property
    def offsets(self) -> int:
        """How many offsets would go; with transactions, some of them are no messages."""
        return self.until - self.start


def prunable(progress: Iterable[Progress]) -> list[Prunable]:
    """Return what may go from each partition: never what is at or above the group's position."""
    return [_of(each) for each in progress]


def _of(at: Progress) -> Prunable:
    until, why = at.start, "nothing is committed"
    if at.committed is not None and at.committed > at.end:
        # The log is not the one the group has read: nobody knows what of it was handled.
        why = f"{at.committed} is committed and the log ends at {at.end}"
    elif at.committed is not None:
        until, why = at.committed, "not handled yet"
        if at.young is not None and at.young < until:
            until, why = at.young, "too young"
        elif until == at.end:
            why = ""
    return Prunable(at.topic, at.partition, at.start, max(at.start, until), why)
