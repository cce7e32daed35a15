"""Idempotence: what a partition knows of the producers that write to it."""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from ..wire import ErrorCode
from ._batch import Batch

_REMEMBERED = 5
"""Batches remembered per producer: as many as Kafka lets one have in flight."""

_SEQUENCES = 1 << 31


class Known(NamedTuple):
    """A batch that was written before."""

    first_sequence: int
    last_sequence: int
    base_offset: int
    last_offset: int
    timestamp: int


@dataclass(slots=True)
class Producer:
    """One producer, as a partition knows it.

    Attributes:
        epoch: Which of its lives wrote last.
        next_sequence: The number its next record must have; None takes any.
        seen_ms: When it was last heard.
        batches: Its last batches.
    """

    epoch: int
    next_sequence: int | None
    seen_ms: int
    batches: deque[Known] = field(default_factory=lambda: deque[Known](maxlen=_REMEMBERED))


def _last_sequence(batch: Batch) -> int:
    return (batch.base_sequence + batch.last_delta) % _SEQUENCES


class Producers:
    """Decides whether a batch is new, written before, or out of order. Pure."""

    def __init__(self) -> None:
        self._producers: dict[int, Producer] = {}

    def __len__(self) -> int:
        return len(self._producers)

    def find(self, producer_id: int) -> Producer | None:
        """Return what is known of a producer."""
        return self._producers.get(producer_id)

    def check(self, batch: Batch) -> ErrorCode | Known | None:
        """Judge a batch before it is written.

        Returns:
            None for a batch to be written; what was written for one that was
            written before; an error for one that must not be.
        """
        known = self._producers.get(batch.producer_id)
        if known is None:
            return None  # it may have been forgotten here, and then any number can be right
        if batch.producer_epoch < known.epoch:
            return ErrorCode.INVALID_PRODUCER_EPOCH
        if batch.producer_epoch > known.epoch:
            return ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER if batch.base_sequence else None
        last = _last_sequence(batch)
        for written in known.batches:
            if (written.first_sequence, written.last_sequence) == (batch.base_sequence, last):
                return written
        if known.next_sequence not in {None, batch.base_sequence}:
            return ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
        return None

    def written(self, batch: Batch, now_ms: int) -> None:
        """Take note that a batch was written; its offsets are those of the log."""
        known = self._of(batch, now_ms)
        last = _last_sequence(batch)
        known.next_sequence = (last + 1) % _SEQUENCES
        offsets = batch.base_offset, batch.last_offset
        known.batches.append(Known(batch.base_sequence, last, *offsets, batch.max_timestamp))

    def ended(self, marker: Batch, now_ms: int) -> None:
        """Take note of the end of a transaction: earlier lives of its producer are over."""
        self._of(marker, now_ms)

    def _of(self, batch: Batch, now_ms: int) -> Producer:
        known = self._producers.get(batch.producer_id)
        if known is None or known.epoch < batch.producer_epoch:
            known = Producer(batch.producer_epoch, None if known is None else 0, now_ms)
            self._producers[batch.producer_id] = known
        known.seen_ms = now_ms
        return known

    def holds(self, batch: Batch) -> bool:
        """Tell whether a batch is the last one known of its producer."""
        known = self._producers.get(batch.producer_id)
        return bool(known and known.batches and known.batches[-1].last_offset == batch.last_offset)

    def forget(self, before_ms: int) -> None:
        """Forget producers not heard since a time."""
        for producer_id in [id_ for id_, p in self._producers.items() if p.seen_ms < before_ms]:
            del self._producers[producer_id]
