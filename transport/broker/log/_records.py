"""The records inside a batch: read where a broker must look, written anew by compaction."""

import gzip
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from ._batch import HEADER, Batch, built

NO_CODEC, GZIP, SNAPPY, LZ4, ZSTD = range(5)


class CodecMissing(Exception):  # noqa: N818 the sentence says it
    """Records are compressed with something that is not installed here."""


class BrokenRecords(Exception):  # noqa: N818 the sentence says it
    """Bytes that are no records, although the checksum holds."""


class Record(NamedTuple):
    """What a broker needs to know of a record.

    Attributes:
        offset: Its place in the log.
        timestamp: Milliseconds since the epoch.
        key: None when it has none.
        tombstone: Whether it has no value.
        raw: Its bytes, as they stand in the batch.
    """

    offset: int
    timestamp: int
    key: bytes | None
    tombstone: bool
    raw: bytes

    @property
    def value(self) -> bytes | None:
        """Its value; None for a tombstone. Read when it is asked for."""
        size, at = self._value_at()
        return None if size < 0 else self.raw[at : at + size]

    @property
    def headers(self) -> list[tuple[str, bytes | None]]:
        """Its headers, in order. Read when they are asked for."""
        size, at = self._value_at()
        count, at = _varint(self.raw, at + max(size, 0))
        found: list[tuple[str, bytes | None]] = []
        for _ in range(count):
            length, at = _varint(self.raw, at)
            name = self.raw[at : at + length].decode(errors="replace")
            size, at = _varint(self.raw, at + length)
            found.append((name, None if size < 0 else self.raw[at : at + size]))
            at += max(size, 0)
        return found

    def _value_at(self) -> tuple[int, int]:
        _, at = _varint(self.raw, 0)  # its length
        _, at = _varint(self.raw, at + 1)  # behind its attributes: the time
        _, at = _varint(self.raw, at)  # the offset
        size, at = _varint(self.raw, at)
        return _varint(self.raw, at + max(size, 0))


def records_of(batch: Batch) -> Iterator[Record]:
    """Read a batch's records in order.

    Raises:
        CodecMissing: They are compressed, and there is nothing to decompress them with.
        BrokenRecords: They are no records.
    """
    body = _decompress(batch.codec, batch.data[HEADER.size :])
    try:
        yield from _read(batch, body)
    except IndexError as error:
        raise BrokenRecords("the records end too early") from error


def _read(batch: Batch, body: bytes) -> Iterator[Record]:
    at = 0
    for _ in range(batch.records):
        length, begin = _varint(body, at)
        end = begin + length
        if length < 0 or end > len(body):
            raise BrokenRecords(f"a record of {length} bytes at {at} of {len(body)}")
        timestamp, place = _varint(body, begin + 1)
        delta, place = _varint(body, place)
        size, place = _varint(body, place)
        key = None if size < 0 else body[place : place + size]
        value, _ = _varint(body, place + max(size, 0))
        when = batch.max_timestamp if batch.log_append_time else batch.base_timestamp + timestamp
        yield Record(batch.base_offset + delta, when, key, value < 0, body[at:end])
        at = end


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a zigzag number and where it ends."""
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1), at
        shift += 7
        if shift > 63:
            raise BrokenRecords(f"a number without an end at {at}")


def without_some(batch: Batch, kept: Iterable[Record]) -> Batch:
    """Return a batch with some of its records: offsets, times and codec stay as they were.

    A batch that loses all of its records keeps its header, and so its place.
    """
    records = list(kept)
    body = b"".join(record.raw for record in records)
    # What is left decides the time; offsets of what is gone stay gaps.
    latest = max((record.timestamp for record in records), default=batch.max_timestamp)
    less = batch._replace(records=len(records), max_timestamp=latest)
    return built(less, _compress(batch.codec, body))


def _cramjam() -> Any:
    try:
        import cramjam  # noqa: PLC0415 - brought by aiokafka's extras, and needed with them only
    except ImportError as error:
        raise CodecMissing("install cramjam to look into compressed batches") from error
    return cramjam


def _snappy_blocks(data: bytes) -> bytes:
    # The framing of the Java library: a magic number, two versions, then sized blocks.
    if not data.startswith(b"\x82SNAPPY\x00"):
        return bytes(_cramjam().snappy.decompress_raw(data))
    parts: list[bytes] = []
    at = 16
    while at < len(data):
        size = int.from_bytes(data[at : at + 4])
        parts.append(bytes(_cramjam().snappy.decompress_raw(data[at + 4 : at + 4 + size])))
        at += 4 + size
    return b"".join(parts)


def _lz4_frame(data: bytes) -> bytes:
    # Java's reader wants blocks that stand alone.
    compressor = _cramjam().lz4.Compressor(content_checksum=False, block_linked=False)
    compressor.compress(data)
    return bytes(compressor.finish())


_INTO: dict[int, Callable[[bytes], bytes]] = {
    NO_CODEC: lambda data: data,
    GZIP: gzip.decompress,
    SNAPPY: _snappy_blocks,
    LZ4: lambda data: bytes(_cramjam().lz4.decompress(data)),
    ZSTD: lambda data: bytes(_cramjam().zstd.decompress(data)),
}

_FROM: dict[int, Callable[[bytes], bytes]] = {
    NO_CODEC: lambda data: data,
    GZIP: lambda data: gzip.compress(data, mtime=0),
    SNAPPY: lambda data: bytes(_cramjam().snappy.compress_raw(data)),
    LZ4: _lz4_frame,
    ZSTD: lambda data: bytes(_cramjam().zstd.compress(data)),
}


def _decompress(codec: int, data: bytes) -> bytes:
    try:
        return _INTO[codec](data)
    except CodecMissing:
        raise
    except Exception as error:  # each codec has errors of its own
        raise BrokenRecords(f"codec {codec} cannot read them: {error}") from error


def _compress(codec: int, data: bytes) -> bytes:
    return _FROM[codec](data)
