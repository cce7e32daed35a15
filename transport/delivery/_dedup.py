"""Message ids, and the memory that makes a second delivery harmless."""

from collections.abc import Iterable
from typing import NamedTuple

INDEX_BITS = 16
MAX_OUTPUTS = 1 << INDEX_BITS
"""How many messages one handler call may send."""

DEFAULT_SOURCES = 128
"""How many sources one entity remembers; the one heard longest ago goes first."""


class MessageId(NamedTuple):
    """Who sent a message, and which of that source's messages it is.

    For a message an entity's handler sent, the source is the mailbox partition
    of the record it was handling, and the number comes from that record's
    offset and a running index: handling the record again makes the same ids.
    For a message a client sent, the source is one run of its node.

    Example:
        >>> sent = MessageId.derived("bank.Account/3", offset=1234, index=1)
        >>> str(sent)
        'bank.Account/3:1234.1'
        >>> MessageId.parse(str(sent)) == sent
        True
        >>> MessageId.parse("an id made by a stranger") is None
        True
    """

    source: str
    number: int

    @classmethod
    def derived(cls, source: str, offset: int, index: int) -> "MessageId":
        """Return the id of the index-th message sent while handling a record."""
        return cls(source, offset << INDEX_BITS | index)

    @classmethod
    def parse(cls, text: str) -> "MessageId | None":
        """Read an id back, or None when it was not made by callboard."""
        source, _, place = text.rpartition(":")
        offset, dot, index = place.partition(".")
        if not source or not dot or not text.isascii():
            return None
        if not (offset.isdecimal() and index.isdecimal()):
            return None
        low = int(index)
        return cls(source, int(offset) << INDEX_BITS | low) if low < MAX_OUTPUTS else None

    def __str__(self) -> str:
        return f"{self.source}:{self.number >> INDEX_BITS}.{self.number & (MAX_OUTPUTS - 1)}"


class Floor(NamedTuple):
    """Below what a source has nothing in flight, but for a few holes.

    Attributes:
        offset: The floor.
        holes: Offsets below it, in order, that are still in flight.

    Example:
        >>> str(Floor(5000)), str(Floor(5000, (17, 230)))
        ('5000', '5000;17,230')
        >>> Floor.parse("5000;17,230") == Floor(5000, (17, 230))
        True
        >>> Floor.parse("what a stranger wrote")
        Floor(offset=0, holes=())
    """

    offset: int
    holes: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Floor":
        """Read a floor back; what is none is 0, which forgets nothing."""
        if text.isdecimal() and text.isascii():
            return cls(int(text))
        offset, _, rest = text.partition(";")
        holes = rest.split(",") if rest else []
        if not text.isascii() or not all(part.isdecimal() for part in [offset, *holes]):
            return cls(0)
        return cls(int(offset), tuple(int(hole) for hole in holes))

    def __str__(self) -> str:
        return f"{self.offset};{','.join(map(str, self.holes))}" if self.holes else str(self.offset)


class Window:
    """What one entity remembers of the messages it has applied.

    Each message carries its source's *floor*: below it, everything the source
    will ever have sent is acknowledged, and so stands in this entity's mailbox
    *before* the message that carries the floor. A message numbered below a
    floor already seen is therefore a duplicate, and only the numbers between
    the floor and the newest have to be remembered. The window is exact, and as
    large as what the source has in flight, however long the log is. Messages
    that take very long do not hold the floor: it has holes for them.

    Not promised: an entity that hears from more than `sources` sources forgets
    the one heard longest ago, and then takes a late duplicate of it for new.
    """

    __slots__ = ("_limit", "_sources")

    def __init__(
        self,
        entries: Iterable[tuple[str, Floor, Iterable[int]]] = (),
        *,
        sources: int = DEFAULT_SOURCES,
    ) -> None:
        self._limit = sources
        self._sources: dict[str, tuple[Floor, set[int]]] = {
            source: (floor, set(seen)) for source, floor, seen in entries
        }

    def has(self, message: MessageId) -> bool:
        """Tell whether a message was applied before."""
        known = self._sources.get(message.source)
        if known is None:
            return False
        return message.number in known[1] or _is_below(message.number, known[0])

    def add(self, message: MessageId, floor: Floor) -> None:
        """Remember a message that was applied, and the floor it carried.

        A floor never sinks: a sender that was paused may carry an old one. Nor does it open a hole
        where there was none: a source that starts over has in flight again what it had
        acknowledged, and that may be forgotten here.
        """
        known = self._sources.pop(message.source, None)  # and back in at the end: heard last
        if known is None:
            self._sources[message.source] = (floor, {message.number})
            if len(self._sources) > self._limit:
                del self._sources[next(iter(self._sources))]
            return
        known[1].add(message.number)
        newer = floor.offset > known[0].offset or (
            floor.offset == known[0].offset and len(floor.holes) < len(known[0].holes)
        )
        self._sources[message.source] = (_above(known[0], floor), known[1]) if newer else known

    def entries(self) -> list[tuple[str, Floor, list[int]]]:
        """Return what has to be kept, forgetting numbers below their floor.

        Pruning happens here, once per state record, and not per message: a hub
        entity takes hundreds of messages between two state records.
        """
        kept: list[tuple[str, Floor, list[int]]] = []
        for source, (floor, seen) in self._sources.items():
            if len(seen) > 1 or (seen and _is_below(next(iter(seen)), floor)):
                seen.difference_update([number for number in seen if _is_below(number, floor)])
            kept.append((source, floor, list(seen)))
        return kept


def _above(known: Floor, floor: Floor) -> Floor:
    """Return a newer floor, without the holes that were none."""
    if not floor.holes:
        return floor
    still = [each for each in floor.holes if each >= known.offset or each in known.holes]
    return Floor(floor.offset, tuple(still))


def _is_below(number: int, floor: Floor) -> bool:
    offset = number >> INDEX_BITS
    return offset < floor.offset and offset not in floor.holes
