"""Compaction: of each key, the last record stays."""

from collections.abc import Iterator
from typing import NamedTuple

from ._batch import Batch
from ._partition import PartitionLog
from ._records import BrokenRecords, Record, records_of, without_some


class CompactionRules(NamedTuple):
    """What a topic asks of its compaction; times in milliseconds.

    Attributes:
        lag_ms: Records younger than this are left alone.
        delete_retention_ms: How long a tombstone stays after it was compacted first.
        dirty_ratio: The share of bytes not compacted yet that makes it worth while.
    """

    lag_ms: int = 0
    delete_retention_ms: int = 86_400_000
    dirty_ratio: float = 0.5


class Compactor:
    """Compacts one partition, and remembers when it first met each tombstone.

    Left alone are the last batch, whatever is younger than the lag, and whatever
    lies above the last stable offset. Kafka leaves alone the whole segment that
    is being written; here that would be everything, for most topics are small.
    """

    def __init__(self, log: PartitionLog) -> None:
        self._log = log
        self._met: dict[int, int] = {}  # offset of a tombstone or marker: when it was met

    def run(self, now_ms: int, rules: CompactionRules) -> bool:
        """Compact if it is worth while; return whether anything was done.

        Raises:
            CodecMissing: Records are compressed with something not installed here.
        """
        log = self._log
        limit = self._limit(now_ms, rules.lag_ms)
        # What waits for its time to go makes a pass worth while as new records do.
        ripe = any(now_ms >= met + rules.delete_retention_ms for met in self._met.values())
        if not ripe and self._dirty_share(limit) < max(rules.dirty_ratio, 1e-9):
            return False
        latest: dict[bytes, int] = {}
        for entry, batch in log.batches():
            if entry.last_offset >= limit:
                break
            if not batch.control and not log.transactions.discards(batch):
                latest.update((r.key or b"", r.offset) for r in self._records(batch))
        met, self._met = self._met, {}

        def cleaned() -> Iterator[Batch]:
            for entry, batch in log.batches():
                less: Batch | None = batch
                if entry.last_offset < limit:
                    less = self._cleaned(batch, latest, met, now_ms, rules)
                if less is not None:
                    yield less

        return log.replace(cleaned(), limit)

    def _limit(self, now_ms: int, lag_ms: int) -> int:
        entries = self._log.entries()
        limit = self._log.start
        for entry in entries[:-1]:
            if entry.last_offset >= self._log.stable or entry.max_timestamp > now_ms - lag_ms:
                break
            limit = entry.last_offset + 1
        return limit

    def _dirty_share(self, limit: int) -> float:
        total = dirty = 0
        for entry in self._log.entries():
            if entry.last_offset >= limit:
                break
            total += entry.size
            dirty += entry.size if entry.last_offset >= self._log.clean_to else 0
        return dirty / total if total else 0.0

    def _cleaned(
        self,
        batch: Batch,
        latest: dict[bytes, int],
        met: dict[int, int],
        now_ms: int,
        rules: CompactionRules,
    ) -> Batch | None:
        """Return what stays of a batch; None when nothing does."""

        def stays_for_now(offset: int) -> bool:
            first = self._met[offset] = met.get(offset, now_ms)
            if now_ms < first + rules.delete_retention_ms:
                return True
            del self._met[offset]
            return False

        if batch.control:
            return batch if stays_for_now(batch.base_offset) else None
        if self._log.transactions.discards(batch):
            kept: list[Record] = []
        else:
            kept = [
                record
                for record in self._records(batch)
                if latest[record.key or b""] == record.offset
                and (not record.tombstone or stays_for_now(record.offset))
            ]
        if len(kept) == batch.records:
            return batch
        # A producer that goes on must find its last number here, also after a restart.
        if kept or self._log.producers.holds(batch):
            return without_some(batch, kept)
        return None

    @staticmethod
    def _records(batch: Batch) -> list[Record]:
        try:
            return list(records_of(batch))
        except BrokenRecords:
            return []
