"""Record batches as bytes: their header, and the few fields a broker sets itself.

The layout is version 2 of Kafka's message format, the only one it still writes.
"""

import struct
from typing import NamedTuple

from crc32c import crc32c

from ..wire import ErrorCode

HEADER = struct.Struct(">qiibIhiqqqhii")
LENGTH_AT = 12
"""Bytes before what the length field counts."""

_CHECKED_FROM = 21
"""The checksum covers everything from the attributes on."""

_BASE_AND_EPOCH = struct.Struct(">qiibI")
_BASE = struct.Struct(">q")
_LEADER_EPOCH = struct.Struct(">i")
_MAX_TIMESTAMP_AT = 35
_MAGIC = 2
_CODEC_MASK, _LOG_APPEND, _TRANSACTIONAL, _CONTROL = 0x07, 0x08, 0x10, 0x20
_LAST_CODEC = 4
NO_PRODUCER = -1


class Batch(NamedTuple):
    """One record batch, its header read.

    Attributes:
        data: All of its bytes, header included.
        base_offset: The offset of its first record; what the producer put, until it is stored.
        attributes: Codec, kind of timestamp, transactional, control.
        last_delta: What its last record's offset is above the first.
        base_timestamp: Milliseconds since the epoch, of the first record.
        max_timestamp: The latest of its records.
        producer_id: Of an idempotent producer; -1 for none.
        producer_epoch: Which life of that producer.
        base_sequence: Number of its first record, as that producer counts.
        records: How many there are.
    """

    data: bytes
    base_offset: int
    attributes: int
    last_delta: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    records: int

    @property
    def last_offset(self) -> int:
        """The offset of its last record."""
        return self.base_offset + self.last_delta

    @property
    def codec(self) -> int:
        """How its records are compressed; 0 is not."""
        return self.attributes & _CODEC_MASK

    @property
    def transactional(self) -> bool:
        """Whether it is part of a transaction."""
        return bool(self.attributes & _TRANSACTIONAL)

    @property
    def control(self) -> bool:
        """Whether it is a marker that a broker wrote."""
        return bool(self.attributes & _CONTROL)

    @property
    def log_append_time(self) -> bool:
        """Whether its timestamps are the broker's."""
        return bool(self.attributes & _LOG_APPEND)


def read_header(data: bytes, at: int = 0) -> Batch | None:
    """Read the header at a place; `data` of the result is all of that batch.

    Returns:
        None when the bytes end before the batch does, or lengths make no sense.
    """
    if len(data) - at < HEADER.size:
        return None
    (base, length, _, _, _, attributes, delta, first, last, producer, epoch, sequence, count) = (
        HEADER.unpack_from(data, at)
    )
    end = at + LENGTH_AT + length
    if length < HEADER.size - LENGTH_AT or end > len(data):
        return None
    whole = data if at == 0 and end == len(data) else data[at:end]
    return Batch(
        whole, base, attributes, delta, first, last, producer, epoch, sequence, count
    )  # fmt: skip


def checksum_holds(data: bytes) -> bool:
    """Tell whether a batch's bytes are those its checksum was made of."""
    return bool(crc32c(data[_CHECKED_FROM:]) == int.from_bytes(data[17:21]))


def split(records: bytes) -> list[Batch] | ErrorCode:
    """Split what a produce request holds for a partition into batches, or say what is wrong.

    The records inside are not looked at: whether there are as many as the header says, and
    whether they can be decompressed, is for those who read them.
    """
    batches: list[Batch] = []
    at = 0
    while at < len(records):
        batch = _checked(records, at, behind=bool(batches))
        if isinstance(batch, ErrorCode):
            return batch
        batches.append(batch)
        at += len(batch.data)
    return batches or ErrorCode.INVALID_RECORD


def _checked(records: bytes, at: int, *, behind: bool) -> Batch | ErrorCode:
    if len(records) - at > _CHECKED_FROM and records[at + 16] != _MAGIC:
        old = records[at + 16] < _MAGIC and not behind
        return ErrorCode.INVALID_RECORD if old else ErrorCode.CORRUPT_MESSAGE
    batch = read_header(records, at)
    if batch is None:
        return ErrorCode.CORRUPT_MESSAGE if behind else ErrorCode.INVALID_RECORD
    if not checksum_holds(batch.data):
        return ErrorCode.CORRUPT_MESSAGE
    if not _makes_sense(batch):
        return ErrorCode.INVALID_RECORD
    if batch.codec > _LAST_CODEC:
        return ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
    return batch


def _makes_sense(batch: Batch) -> bool:
    numbered = batch.producer_id == NO_PRODUCER or batch.base_sequence >= 0 or batch.control
    return (
        batch.records >= 1
        and batch.last_delta == batch.records - 1
        and batch.base_offset == 0
        and numbered
    )


def placed(batch: Batch, base_offset: int, leader_epoch: int) -> Batch:
    """Return a batch with its place in the log; the checksum does not cover these fields."""
    data = (
        _BASE.pack(base_offset) + batch.data[8:12] + _LEADER_EPOCH.pack(leader_epoch)
        + batch.data[16:]
    )  # fmt: skip
    return batch._replace(data=data, base_offset=base_offset)


def stamped(batch: Batch, now_ms: int) -> Batch:
    """Return a batch whose records all bear the broker's time."""
    data = bytearray(batch.data)
    attributes = batch.attributes | _LOG_APPEND
    struct.pack_into(">h", data, _CHECKED_FROM, attributes)
    struct.pack_into(">q", data, _MAX_TIMESTAMP_AT, now_ms)
    struct.pack_into(">I", data, 17, crc32c(bytes(data[_CHECKED_FROM:])))
    return batch._replace(data=bytes(data), attributes=attributes, max_timestamp=now_ms)


def built(batch: Batch, records: bytes) -> Batch:
    """Return a batch with this header and these records in the place of `data`.

    Args:
        batch: All but `data`, which is ignored.
        records: What follows the header: compressed as `attributes` say.
    """
    checked = HEADER.pack(
        0, 0, 0, 0, 0, batch.attributes, batch.last_delta, batch.base_timestamp,
        batch.max_timestamp, batch.producer_id, batch.producer_epoch, batch.base_sequence,
        batch.records,
    )[_CHECKED_FROM:] + records  # fmt: skip
    length = _CHECKED_FROM - LENGTH_AT + len(checked)
    head = _BASE_AND_EPOCH.pack(batch.base_offset, length, 0, _MAGIC, crc32c(checked))
    return batch._replace(data=head + checked)


def marker(producer_id: int, producer_epoch: int, *, commit: bool, now_ms: int) -> Batch:
    """Return the control batch that ends a transaction in a partition."""
    key = struct.pack(">hh", 0, int(commit))
    value = struct.pack(">hi", 0, 0)  # version, coordinator epoch
    # Attributes, two deltas, two lengths and no headers; all small enough for one byte each.
    body = b"\0\0\0" + bytes([len(key) * 2]) + key + bytes([len(value) * 2]) + value + b"\0"
    attributes = _TRANSACTIONAL | _CONTROL
    bare = Batch(b"", 0, attributes, 0, now_ms, now_ms, producer_id, producer_epoch, -1, 1)
    return built(bare, bytes([len(body) * 2]) + body)
