"""A partition: batches in order, kept as the bytes the producer made."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from ..wire import ErrorCode
from ._batch import NO_PRODUCER, Batch, marker, placed, read_header, split, stamped
from ._producers import Producers
from ._records import BrokenRecords, CodecMissing, records_of
from ._storage import MemoryStorage, Place, Storage, StorageFull
from ._transactions import Aborted, PartitionTransactions

_ANY_AGE = 2**63 - 1


class Appended(NamedTuple):
    """The outcome of an append.

    Attributes:
        error: NONE when it was written, or had been before.
        base_offset: The offset of the first record.
        log_append_time: The broker's time, where it goes by that; -1 elsewhere.
        message: What was wrong, for people.
        indexes: Which records of the batch it was wrong with, if it was not the whole.
    """

    error: ErrorCode
    base_offset: int = -1
    log_append_time: int = -1
    message: str | None = None
    indexes: Sequence[int] = ()


class Rules(NamedTuple):
    """What a topic asks of batches.

    Attributes:
        max_bytes: The largest batch.
        compacted: Whether each record needs a key.
        log_append_time: Whether records get the broker's time.
        before_ms: How far back a record's time may lie.
        after_ms: How far ahead.
    """

    max_bytes: int
    compacted: bool = False
    log_append_time: bool = False
    before_ms: int = _ANY_AGE
    after_ms: int = 2**63 - 1


class Entry(NamedTuple):
    """One batch in the log."""

    last_offset: int
    max_timestamp: int
    size: int
    place: Place


class Slice(NamedTuple):
    """What a read hands out.

    Attributes:
        batches: Whole batches.
        size: Their bytes.
        aborted: Transactions whose records among them are to be skipped.
    """

    batches: list[bytes]
    size: int = 0
    aborted: list[Aborted] = []  # noqa: RUF012 a default that nobody changes


def _untimely(batch: Batch, rules: Rules, now_ms: int) -> Appended | None:
    """Refuse a batch with records too far from the broker's time."""
    earliest, latest = now_ms - rules.before_ms, now_ms + rules.after_ms
    # Where records may be as old as they like, the latest of them is in the header.
    if rules.before_ms == _ANY_AGE and batch.max_timestamp <= latest:
        return None
    wrong = [
        number
        for number, record in enumerate(records_of(batch))
        if record.timestamp >= 0 and not earliest <= record.timestamp <= latest
    ]
    if not wrong:
        return None
    why = "a record's time is too far from the broker's"
    return Appended(ErrorCode.INVALID_TIMESTAMP, message=why, indexes=wrong)


class PartitionLog:
    """An append-only list of batches.

    Batches are opaque: only the base offset, which the checksum leaves out, is
    set on append. So compression and the records inside cost nothing, unless a
    topic's rules are about records.

    Args:
        storage: Keeps the bytes; memory by default. What it holds already is
            read, and so is all that follows from it.
    """

    def __init__(self, storage: Storage | None = None) -> None:
        self.storage: Storage = storage or MemoryStorage()
        self.start = 0
        """The first offset that may be read."""
        self.end = 0
        """The offset the next record gets."""
        self.size = 0
        """Bytes of all batches."""
        self.clean_to = 0
        """Up to here compaction has been."""
        self.epochs: list[tuple[int, int]] = [(0, 0)]
        """Each leader epoch with its first offset."""
        self.producers = Producers()
        self.transactions = PartitionTransactions()
        self._bases: list[int] = []
        self._entries: list[Entry] = []
        self._waiting: dict[Callable[[], None], None] = {}  # ordered, so that runs repeat
        for batch, place in self.storage.load():
            self._store(batch, place, batch.max_timestamp)
        self.trim(self.storage.start())

    # -- writing ------------------------------------------------------------------

    def append(self, records: bytes, rules: Rules, now_ms: int) -> Appended:
        """Append what one produce request holds for this partition.

        A duplicate of an idempotent batch is not appended; its offset is
        returned as if it were.
        """
        batches = split(records)
        if isinstance(batches, ErrorCode):
            return Appended(batches)
        if len(batches) > 1 or batches[0].control:
            return Appended(
                ErrorCode.INVALID_RECORD, message="a request holds one batch of records"
            )
        batch = batches[0]
        refused = self._refuse(batch, rules, now_ms)
        if refused is not None:
            return refused
        if batch.producer_id != NO_PRODUCER:
            verdict = self.producers.check(batch)
            if isinstance(verdict, ErrorCode):
                return Appended(verdict)
            if verdict is not None:
                at = verdict.timestamp if rules.log_append_time else -1
                return Appended(ErrorCode.NONE, verdict.base_offset, at)
        if rules.log_append_time:
            batch = stamped(batch, now_ms)
        error = self._write(batch, now_ms)
        at = now_ms if rules.log_append_time else -1
        return Appended(error) if error else Appended(error, self._bases[-1], at)

    def mark(self, producer_id: int, epoch: int, *, commit: bool, now_ms: int) -> ErrorCode:
        """Append the marker that ends a producer's transaction here."""
        return self._write(marker(producer_id, epoch, commit=commit, now_ms=now_ms), now_ms)

    def lead(self, epoch: int) -> None:
        """Begin a leader's term: batches from now on bear its number."""
        self.epochs.append((epoch, self.end))

    def _write(self, batch: Batch, now_ms: int) -> ErrorCode:
        batch = placed(batch, self.end, self.epochs[-1][0])
        try:
            place = self.storage.append(batch)
        except StorageFull:
            return ErrorCode.KAFKA_STORAGE_ERROR
        self._store(batch, place, now_ms)
        self.wake()
        return ErrorCode.NONE

    def _store(self, batch: Batch, place: Place, now_ms: int) -> None:
        self._bases.append(batch.base_offset)
        self._entries.append(Entry(batch.last_offset, batch.max_timestamp, len(batch.data), place))
        self.end = batch.last_offset + 1
        self.size += len(batch.data)
        if batch.producer_id == NO_PRODUCER:
            return
        if batch.control:
            self.producers.ended(batch, now_ms)
        else:
            self.producers.written(batch, now_ms)
        if batch.transactional:
            self.transactions.written(batch)

    def _refuse(self, batch: Batch, rules: Rules, now_ms: int) -> Appended | None:
        if len(batch.data) > rules.max_bytes:
            return Appended(ErrorCode.MESSAGE_TOO_LARGE)
        if batch.producer_id in self.transactions.open and not batch.transactional:
            return Appended(ErrorCode.INVALID_TXN_STATE, message="its transaction is open")
        try:
            if rules.compacted:
                keyless = [n for n, r in enumerate(records_of(batch)) if r.key is None]
                if keyless:
                    why = "a compacted topic takes records with keys only"
                    return Appended(ErrorCode.INVALID_RECORD, message=why, indexes=keyless)
            return None if rules.log_append_time else _untimely(batch, rules, now_ms)
        except (BrokenRecords, CodecMissing) as error:
            return Appended(ErrorCode.CORRUPT_MESSAGE, message=str(error))

    # -- reading --------------------------------------------------------------------

    @property
    def stable(self) -> int:
        """The last stable offset: below it every transaction has ended."""
        return self.transactions.stable(self.end)

    def read(self, offset: int, max_bytes: int, *, committed: bool = False) -> Slice:
        """Return whole batches from the one that holds `offset` on.

        At least one if there is one, however large, else a small limit would
        stop a consumer for ever.

        Args:
            offset: Where to begin.
            max_bytes: How much to return.
            committed: Only what lies below the last stable offset.
        """
        limit = self.stable if committed else self.end
        if offset >= limit:
            return Slice([])
        found: list[bytes] = []
        room = max_bytes
        end = offset
        for at in range(max(0, bisect_right(self._bases, offset) - 1), len(self._entries)):
            entry = self._entries[at]
            if entry.last_offset < offset:
                continue
            if self._bases[at] >= limit or (room < entry.size and found):
                break
            room -= entry.size
            found.append(self.storage.read(entry.place))
            end = entry.last_offset + 1
        aborted = self.transactions.aborted(offset, end) if committed else []
        return Slice(found, max_bytes - room, aborted)

    def offset_at(self, timestamp: int) -> tuple[int, int]:
        """Return (timestamp, offset) of the first record not older; (-1, -1) if none is.

        Accurate to a batch where its records cannot be read.
        """
        for base, entry in zip(self._bases, self._entries, strict=True):
            if entry.max_timestamp < timestamp or entry.last_offset < self.start:
                continue
            batch = self._batch(entry)
            if batch.control:
                continue
            try:
                for record in records_of(batch):
                    if record.timestamp >= timestamp and record.offset >= self.start:
                        return record.timestamp, record.offset
            except (BrokenRecords, CodecMissing):
                return entry.max_timestamp, base
        return -1, -1

    def batches(self) -> Iterable[tuple[Entry, Batch]]:
        """Return all batches, each read when it is its turn."""
        return ((entry, self._batch(entry)) for entry in self._entries)

    def entries(self) -> list[Entry]:
        """Return what is known of all batches without reading them."""
        return self._entries

    def _batch(self, entry: Entry) -> Batch:
        batch = read_header(self.storage.read(entry.place))
        assert batch is not None, "it was whole when it was written"
        return batch

    # -- making room ------------------------------------------------------------------

    def trim(self, offset: int) -> None:
        """Let the log begin at an offset; batches wholly below are dropped."""
        if offset <= self.start:
            return
        self.start = offset
        self.end = max(self.end, offset)
        keep = 0
        while keep < len(self._entries) and self._entries[keep].last_offset < offset:
            self.size -= self._entries[keep].size
            keep += 1
        del self._bases[:keep], self._entries[:keep]
        self.transactions.trim(offset)
        self.storage.trim(offset)

    def expire(self, now_ms: int, *, retention_ms: int, retention_bytes: int) -> None:
        """Drop from the front what is too old, or too much; -1 keeps everything.

        Kafka drops whole segments, and so keeps some more.
        """
        offset, size = self.start, self.size
        for entry in self._entries:
            old = 0 <= retention_ms < now_ms - entry.max_timestamp
            much = 0 <= retention_bytes <= size - entry.size
            if not (old or much) or entry.last_offset >= self.stable:
                break
            offset, size = entry.last_offset + 1, size - entry.size
        self.trim(offset)

    def replace(self, batches: Iterable[Batch], clean_to: int) -> bool:
        """Put other batches, which compaction made, in the place of all; False if there is no room.

        Start, end, producers and transactions stay: what is gone was there.
        """
        bases: list[int] = []
        sketches: list[Entry] = []

        def noted() -> Iterable[Batch]:  # one at a time: a partition may be larger than memory
            for batch in batches:
                bases.append(batch.base_offset)
                sketches.append(
                    Entry(batch.last_offset, batch.max_timestamp, len(batch.data), None)
                )
                yield batch

        try:
            places = self.storage.rewrite(noted())
        except StorageFull:
            return False
        self._bases = bases
        self._entries = [
            sketch._replace(place=place) for sketch, place in zip(sketches, places, strict=True)
        ]
        self.size = sum(entry.size for entry in self._entries)
        self.clean_to = clean_to
        return True

    # -- waiting --------------------------------------------------------------------

    def wait(self, call: Callable[[], None]) -> None:
        """Have `call` called when something is appended."""
        self._waiting[call] = None

    def forget(self, call: Callable[[], None]) -> None:
        """Have it called no more."""
        self._waiting.pop(call, None)

    def wake(self) -> None:
        """Call whoever waits: something changed."""
        for call in tuple(self._waiting):
            call()
