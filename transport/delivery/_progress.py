"""A position in a partition, as it is committed: how far, and what is done beyond."""

from collections.abc import Iterable
from typing import NamedTuple

_MAX_TEXT = 3_000
"""Below Kafka's own limit of a commit's metadata (4,096 bytes)."""

_MOST = 1_000_000
"""The longest run that is believed; a partition never has as many in flight."""


class Position(NamedTuple):
    """Where a partition's delivery continues.

    Attributes:
        offset: The next record to deliver; everything below is finished.
        ahead: The records beyond it that are finished already, as text that
            travels in the commit's metadata: distances from `offset`, ranges
            with a dash. Text that is not ours is read as nothing.
    """

    offset: int
    ahead: str = ""


def encode_ahead(start: int, runs: Iterable[tuple[int, int]]) -> str:
    """Return runs of finished offsets, in order, as text; what does not fit is left out.

    A record that is left out is delivered again and found in its entity's state.

    Args:
        start: The position they are counted from.
        runs: Each from its first offset up to, not including, a last one; empty ones are skipped.

    Example:
        >>> encode_ahead(100, [(101, 104), (105, 105), (107, 108)])
        '1-3,7'
    """
    parts: list[str] = []
    room = _MAX_TEXT
    for first, end in runs:
        if first >= end:
            continue
        low, high = first - start, end - 1 - start
        part = str(low) if low == high else f"{low}-{high}"
        room -= len(part) + 1
        if room < 0:
            break
        parts.append(part)
    return ",".join(parts)


def decode_ahead(start: int, text: str) -> set[int]:
    """Read finished offsets back.

    Example:
        >>> sorted(decode_ahead(100, "1-3,7"))
        [101, 102, 103, 107]
        >>> decode_ahead(100, "written by another program")
        set()
    """
    found: set[int] = set()
    for part in text.split(",") if text else ():
        low, _, high = part.partition("-")
        if not (low.isdecimal() and (high or low).isdecimal()):
            return set()
        first, last = int(low), int(high or low)
        if last - first > _MOST:
            return set()
        found.update(range(start + first, start + last + 1))
    return found
