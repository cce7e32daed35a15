"""Record batches made by hand, down to the ones no client would make."""

import gzip
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import cramjam
from aiokafka.record.memory_records import MemoryRecords
from crc32c import crc32c

NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
LOG_APPEND_TIME, TRANSACTIONAL, CONTROL = 0x08, 0x10, 0x20
HEADER_BYTES = 61


def _lz4(data: bytes) -> bytes:
    # Java's decoder knows blocks that stand alone only.
    compressor = cramjam.lz4.Compressor(content_checksum=False, block_linked=False)
    compressor.compress(data)
    return bytes(compressor.finish())


_COMPRESS: Mapping[int, Callable[[bytes], Any]] = MappingProxyType(
    {
        NONE: bytes,
        GZIP: gzip.compress,
        SNAPPY: cramjam.snappy.compress_raw,
        LZ4: _lz4,
        ZSTD: cramjam.zstd.compress,
    }
)


class Rec(NamedTuple):
    """One record to be written; `at` is its time in milliseconds, None for now."""

    value: bytes | None = b"v"
    key: bytes | None = None
    at: int | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()


class Read(NamedTuple):
    """One record that was read."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class Producer(NamedTuple):
    """An idempotent producer as batches name it."""

    id: int
    epoch: int = 0


NOBODY = Producer(-1, -1)


def now_ms() -> int:
    """Return the time now, as records have it."""
    return int(time.time() * 1000)


def batch(
    *records: Rec,
    codec: int = NONE,
    producer: Producer = NOBODY,
    sequence: int = -1,
    flags: int = 0,
    magic: int = 2,
    count: int | None = None,
    last_delta: int | None = None,
) -> bytes:
    """Return one batch; without records it holds a single one.

    Args:
        records: What it holds.
        codec: How its records are compressed.
        producer: Who wrote it.
        sequence: The number of its first record, as that producer counts.
        flags: Further bits of its attributes.
        magic: The format it claims to be in; the layout is always that of 2.
        count: How many records it claims to hold, where that is not the truth.
        last_delta: What it claims its last offset is above its first, likewise.
    """
    records = records or (Rec(),)
    now = now_ms()
    times = [now if record.at is None else record.at for record in records]
    body = b"".join(
        _record(record, index, at - times[0])
        for index, (record, at) in enumerate(zip(records, times, strict=True))
    )
    checked = struct.pack(
        ">hiqqqhii",
        codec | flags,
        len(records) - 1 if last_delta is None else last_delta,
        times[0],
        max(times),
        *producer,
        sequence,
        len(records) if count is None else count,
    ) + bytes(_COMPRESS[codec](body))
    head = struct.pack(">qiibI", 0, len(checked) + 9, -1, magic, crc32c(checked))
    return head + checked


def numbered(producer: Producer, first: int, count: int = 1) -> bytes:
    """Return a batch of an idempotent producer: records with these sequence numbers."""
    records = [Rec(str(first + index).encode()) for index in range(count)]
    return batch(*records, producer=producer, sequence=first)


def read(data: bytes) -> list[Read]:
    """Return the records of whole batches; a last one that is cut off is left out."""
    found: list[Read] = []
    batches = MemoryRecords(data)
    while batches.has_next():
        each = batches.next_batch()
        assert each is not None
        assert each.validate_crc()
        for record in each:
            assert record.timestamp is not None
            found.append(
                Read(
                    record.offset,
                    record.timestamp,
                    record.key,
                    record.value,
                    tuple(record.headers),
                )
            )
    return found


def attributes(data: bytes) -> list[int]:
    """Return the attributes of each whole batch."""
    found: list[int] = []
    at = 0
    while at + HEADER_BYTES <= len(data):
        (length,) = struct.unpack_from(">i", data, at + 8)
        if at + 12 + length > len(data):
            break
        found.append(struct.unpack_from(">h", data, at + 21)[0])
        at += 12 + length
    return found


def _record(record: Rec, index: int, time_delta: int) -> bytes:
    body = b"\0" + _varint(time_delta) + _varint(index) + _sized(record.key) + _sized(record.value)
    body += _varint(len(record.headers))
    for name, value in record.headers:
        body += _sized(name.encode()) + _sized(value)
    return _varint(len(body)) + body


def _sized(data: bytes | None) -> bytes:
    return _varint(-1) if data is None else _varint(len(data)) + data


def _varint(number: int) -> bytes:
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while number > 0x7F:
        out.append(0x80 | (number & 0x7F))
        number >>= 7
    out.append(number)
    return bytes(out)
