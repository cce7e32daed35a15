"""Receipts: what an intake says of messages that went straight to their entities."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ..delivery import CONTENT_TYPE, ID, SOURCE, Header, Outbound, TopicPartition

_RECEIPT = "cb_receipt"
_MOST_CHARACTERS = 100_000
"""Of the ids of one record, which may take six bytes each."""


class Receipt(NamedTuple):
    """A record that names messages.

    Attributes:
        record: As it is written.
        named: How many it names.
    """

    record: Outbound
    named: int


def receipts(ids: Sequence[str], to: TopicPartition, source: str) -> Iterator[Receipt]:
    """Yield records that name messages, for the transaction that hands them over.

    Args:
        ids: What the legacy side calls them.
        to: The intake.
        source: Where they came from.
    """
    headers: list[Header] = [
        ("ce_specversion", b"1.0"),
        (SOURCE, source.encode()),
        (CONTENT_TYPE, b"application/json"),
        (_RECEIPT, b"1"),
    ]
    some: list[str] = []
    length = 0
    for number, each in enumerate(ids, 1):
        some.append(each)
        length += len(each)
        if length > _MOST_CHARACTERS or number == len(ids):
            yield Receipt(Outbound(to, None, json.dumps(some).encode(), headers), len(some))
            some, length = [], 0


def is_receipt(headers: Mapping[str, bytes]) -> bool:
    """Tell whether a record of an intake is no message."""
    return _RECEIPT in headers


def ids_in(headers: Sequence[Header], value: bytes | None) -> list[str]:
    """Return the ids of the foreign messages that a record of an intake is, or speaks of."""
    said = dict(headers)
    if is_receipt(said):
        return [str(each) for each in json.loads(value or b"[]")]
    own = said.get(ID, b"").decode(errors="surrogateescape")
    return [own] if own else []
