"""What handling one record left to be made durable."""

from typing import NamedTuple, Protocol

from ._records import Outbound
from ._state import StoredState


class Keeper(Protocol):
    """Whoever knows what is to be written of a key."""

    @property
    def key(self) -> str:
        """Whose state it is."""
        ...

    def stored(self) -> StoredState:
        """Return the state as it is to be written."""
        ...


class Outcome(NamedTuple):
    """What handling one record left to be made durable.

    Attributes:
        offset: The record's; None for one that came back from elsewhere.
        outputs: What its handler sent; acknowledged before the state may be written.
        filed: What goes into the quarantine topic with the outputs: the record
            itself, or what became of one that was there.
        reply: What may leave once the state is acknowledged.
        lane: Whose state changed, or None when nobody's did.
        floor: The floor of its outputs' source, if that is another than the partition.
    """

    offset: int | None
    outputs: list[Outbound]
    filed: Outbound | None
    reply: Outbound | None
    lane: Keeper | None
    floor: bytes | None = None
