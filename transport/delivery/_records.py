"""What crosses the port: positions, records read and records to write."""

from collections.abc import Sequence
from typing import NamedTuple

Header = tuple[str, bytes]


class TopicPartition(NamedTuple):
    """One partition of one topic; equal and hashable by value."""

    topic: str
    partition: int


class Inbound(NamedTuple):
    """A record as a partition hands it out.

    Attributes:
        offset: Its place in the partition; offsets grow but may have gaps.
        key: The entity id in UTF-8, or None when a stranger wrote none.
        value: The message's bytes; None is a tombstone.
        headers: As written, in order.
    """

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]


class Outbound(NamedTuple):
    """A record to append to a partition. `key` and `value` are never both None."""

    to: TopicPartition
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]


def size_of(record: Inbound) -> int:
    """Return about how many bytes a record takes in memory while it waits."""
    return len(record.key or b"") + len(record.value or b"") + _OVERHEAD


_OVERHEAD = 500
"""Of the objects that hold a record, its headers among them."""
