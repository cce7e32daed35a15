"""A partition: record batches in memory, kept as the bytes the producer made."""

import struct
from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple

from ._errors import ErrorCode
from ._producers import Batch, Producers

# Offsets of the fields of a version-2 record batch.
_HEADER = struct.Struct(">qiibIhiqqqhii")
_BASE_OFFSET = struct.Struct(">q")
_MAGIC = 2
_LENGTH_AT = 12  # what the length field does not count


class Appended(NamedTuple):
    """The outcome of an append."""

    error: ErrorCode
    base_offset: int = -1


class Stored(NamedTuple):
    """One batch in the log."""

    last_offset: int
    max_timestamp: int
    data: bytes


class _Parsed(NamedTuple):
    data: bytes
    last_offset_delta: int
    max_timestamp: int
    producer: Batch


class PartitionLog:
    """An append-only list of batches.

    Batches are opaque: only the base offset, which the checksum leaves out, is
    set on append. So neither compression nor the records inside cost anything.
    """

    def __init__(self) -> None:
        self.start = 0
        self.end = 0
        """The offset the next record gets."""
        self.size = 0
        """Bytes of all batches."""
        self._bases: list[int] = []
        self._batches: list[Stored] = []
        self._producers = Producers()
        self._waiting: set[Callable[[], None]] = set()

    # -- writing ------------------------------------------------------------------

    def append(self, records: bytes, *, max_bytes: int) -> Appended:
        """Append what one produce request holds for this partition.

        A duplicate of an idempotent batch is not appended; its offset is
        returned as if it were.
        """
        try:
            parsed = _parse(records)
        except struct.error:
            return Appended(ErrorCode.CORRUPT_MESSAGE)
        if parsed is None:
            return Appended(ErrorCode.CORRUPT_MESSAGE)
        if isinstance(parsed, ErrorCode):
            return Appended(parsed)
        if any(len(batch.data) > max_bytes for batch in parsed):
            return Appended(ErrorCode.MESSAGE_TOO_LARGE)
        first: int | None = None
        for batch in parsed:
            if batch.producer.producer_id >= 0:
                verdict = self._producers.check(batch.producer)
                if isinstance(verdict, ErrorCode):
                    return Appended(verdict)
                if verdict is not None:
                    first = verdict if first is None else first
                    continue
                self._producers.written(batch.producer, self.end)
            first = self.end if first is None else first
            self._store(batch)
        self._wake()
        return Appended(ErrorCode.NONE, -1 if first is None else first)

    def _store(self, batch: _Parsed) -> None:
        data = _BASE_OFFSET.pack(self.end) + batch.data[8:]
        last = self.end + batch.last_offset_delta
        self._bases.append(self.end)
        self._batches.append(Stored(last, batch.max_timestamp, data))
        self.end = last + 1
        self.size += len(data)

    # -- reading --------------------------------------------------------------------

    def read(self, offset: int, max_bytes: int) -> list[bytes]:
        """Return whole batches from the one that holds `offset` on.

        At least one if there is one, however large, else a small limit would
        stop a consumer for ever.
        """
        found: list[bytes] = []
        if offset >= self.end:
            return found
        room = max_bytes
        for at in range(max(0, bisect_right(self._bases, offset) - 1), len(self._batches)):
            batch = self._batches[at]
            if batch.last_offset < offset:
                continue
            room -= len(batch.data)
            if room < 0 and found:
                break
            found.append(batch.data)
        return found

    def offset_at(self, timestamp: int) -> tuple[int, int]:
        """Return (timestamp, base offset) of the first batch not older; (-1, -1) if none is.

        Accurate to a batch: the records inside are not read.
        """
        for base, batch in zip(self._bases, self._batches, strict=True):
            if batch.max_timestamp >= timestamp:
                return batch.max_timestamp, base
        return -1, -1

    # -- waiting --------------------------------------------------------------------

    def wait(self, call: Callable[[], None]) -> None:
        """Have `call` called when something is appended."""
        self._waiting.add(call)

    def forget(self, call: Callable[[], None]) -> None:
        """Have it called no more."""
        self._waiting.discard(call)

    def _wake(self) -> None:
        for call in tuple(self._waiting):
            call()


def _parse(records: bytes) -> list[_Parsed] | ErrorCode | None:
    """Split a produce request's bytes into batches; None when they are none."""
    batches: list[_Parsed] = []
    at = 0
    while at < len(records):
        fields = _HEADER.unpack_from(records, at)
        length, magic = fields[1], fields[3]
        delta, max_timestamp, count = fields[6], fields[8], fields[12]
        if magic != _MAGIC:
            return ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT
        end = at + _LENGTH_AT + length
        if length < _HEADER.size - _LENGTH_AT or end > len(records) or delta < 0 or count < 1:
            return None
        producer = Batch(fields[9], fields[10], fields[11], count)
        batches.append(_Parsed(records[at:end], delta, max_timestamp, producer))
        at = end
    return batches or None
