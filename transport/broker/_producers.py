"""Idempotence: what a partition knows of the producers that write to it."""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from ._errors import ErrorCode

_REMEMBERED = 5
"""Batches remembered per producer: as many as Kafka lets one have in flight."""

_SEQUENCES = 1 << 31


class Batch(NamedTuple):
    """The idempotence fields of one record batch."""

    producer_id: int
    epoch: int
    first_sequence: int
    records: int


class Known(NamedTuple):
    """A batch that was written before."""

    first_sequence: int
    last_sequence: int
    base_offset: int


@dataclass(slots=True)
class _Producer:
    epoch: int
    next_sequence: int
    batches: deque[Known] = field(default_factory=lambda: deque[Known](maxlen=_REMEMBERED))


def _check_epoch(batch: Batch, known: int) -> ErrorCode | None:
    if batch.epoch < known:
        return ErrorCode.INVALID_PRODUCER_EPOCH
    return ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER if batch.first_sequence else None


class Producers:
    """Decides whether a batch is new, written before, or out of order. Pure."""

    def __init__(self) -> None:
        self._producers: dict[int, _Producer] = {}

    def check(self, batch: Batch) -> ErrorCode | int | None:
        """Judge a batch before it is written.

        Returns:
            None for a batch to be written; the offset it has for one that was
            written before; an error for one that must not be.
        """
        known = self._producers.get(batch.producer_id)
        if known is None:
            # Also after this broker forgot: then only a fresh start can be right.
            if batch.first_sequence:
                return ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
            return None
        if batch.epoch != known.epoch:
            return _check_epoch(batch, known.epoch)
        last = (batch.first_sequence + batch.records - 1) % _SEQUENCES
        for written in known.batches:
            if (written.first_sequence, written.last_sequence) == (batch.first_sequence, last):
                return written.base_offset
        if batch.first_sequence != known.next_sequence:
            return ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
        return None

    def written(self, batch: Batch, base_offset: int) -> None:
        """Take note that a batch was written."""
        known = self._producers.get(batch.producer_id)
        if known is None or known.epoch != batch.epoch:
            known = self._producers[batch.producer_id] = _Producer(batch.epoch, 0)
        last = (batch.first_sequence + batch.records - 1) % _SEQUENCES
        known.next_sequence = (last + 1) % _SEQUENCES
        known.batches.append(Known(batch.first_sequence, last, base_offset))
