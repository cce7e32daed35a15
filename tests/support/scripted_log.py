"""A scripted double of the log port: a log in memory that fails where it is told to."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Literal

from callboard import PartitionLost, TransportUnavailable
from callboard.transport.delivery import Inbound, Outbound, Position, Record, TopicPartition

Mode = Literal["before", "partly", "after", "lost", "refused", "asleep"]
"""What happens at a step.

before:  the process dies, nothing was written
partly:  the process dies, the first half was written
after:   the process dies, all was written, the answer not read
lost:    all is written, the answer is lost, the process lives
refused: the broker says no (for a commit: the partition is lost), the process lives
asleep:  the process is paused there and wakes up when told to
"""


class Log:
    """Partitions and committed offsets; what survives every process."""

    def __init__(self) -> None:
        self.partitions: dict[TopicPartition, list[Inbound]] = defaultdict(list)
        self.committed: dict[TopicPartition, Position] = {}
        self.owner: object = None
        """The port the group has given all partitions to; it refuses others' commits."""
        self.writers: dict[TopicPartition, object] = {}
        """The port whose transactions are taken, by mailbox partition."""

    def append(self, record: Outbound) -> int:
        """Append a record; return its offset."""
        partition = self.partitions[record.to]
        offset = len(partition)
        partition.append(Record(offset, record.key, record.value, list(record.headers)))
        return offset


class ScriptedPort:
    """One process's port to a `Log`. Writes are numbered steps; one of them may fail."""

    def __init__(self, log: Log, step: int | None = None, mode: Mode = "after") -> None:
        self.log = log
        self.steps = 0
        self.dead = asyncio.Event()
        self.asleep = asyncio.Event()
        self.awake = asyncio.Event()
        self.positions: dict[TopicPartition, int] = {}
        self._step = step
        self._mode: Mode = mode

    async def produce(self, records: Iterable[Outbound]) -> list[int]:
        """Append records, or fail as scripted."""
        records = list(records)
        await asyncio.sleep(0.001)
        failing = await self._before(records)
        offsets = [self.log.append(record) for record in records]
        await self._after(failing)
        return offsets

    async def commit(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Commit positions, or fail as scripted."""
        await asyncio.sleep(0.001)
        failing = await self._before(())
        if failing == "refused" or self.log.owner is not self:
            raise PartitionLost("scripted: the commit was refused")
        self.log.committed.update(positions)
        await self._after(failing)

    async def fence(self, partition: TopicPartition) -> None:
        """Become the writer of a partition."""
        await self._alive()
        self.log.writers[partition] = self

    async def transact(
        self, partition: TopicPartition, records: Sequence[Outbound], position: Position | None
    ) -> list[int]:
        """Append records and commit, or fail as scripted; half a transaction is none."""
        await asyncio.sleep(0.001)
        failing = await self._before(records[:0])
        if failing == "refused":
            raise TransportUnavailable("scripted: the transaction was refused")
        if self.log.writers.get(partition) is not self:
            raise PartitionLost("scripted: fenced")
        offsets = [self.log.append(record) for record in records]
        if position is not None:
            self.log.committed[partition] = position
        await self._after(failing)
        return offsets

    async def committed(self, partition: TopicPartition) -> Position:
        """Return the committed position, or the start."""
        await self._alive()
        return self.log.committed.get(partition, Position(0))

    async def end(self, partition: TopicPartition) -> int:
        """Return the partition's end."""
        await self._alive()
        return len(self.log.partitions[partition])

    async def read(
        self, partition: TopicPartition, start: int, end: int
    ) -> AsyncIterator[Sequence[Inbound]]:
        """Yield a stretch in chunks of three."""
        for at in range(start, end, 3):
            yield self.log.partitions[partition][at : min(at + 3, end)]

    def seek(self, partition: TopicPartition, position: int) -> None:
        """Deliver from this position on."""
        self.positions[partition] = position

    async def _alive(self) -> None:
        """A dead process gets no further; one that is asleep gets no further yet."""
        if self.dead.is_set():
            await asyncio.Event().wait()
        if self.asleep.is_set():
            await self.awake.wait()

    async def _before(self, records: Sequence[Outbound]) -> Mode | None:
        await self._alive()
        step, self.steps = self.steps, self.steps + 1
        if step != self._step:
            return None
        if self._mode == "partly":
            for record in records[: len(records) // 2]:
                self.log.append(record)
        if self._mode in {"before", "partly"}:
            self.dead.set()
            await asyncio.Event().wait()
        if self._mode == "asleep":
            self.asleep.set()
            await self.awake.wait()
        if self._mode == "refused" and records:
            raise TransportUnavailable("scripted: the write was refused")
        return self._mode

    async def _after(self, failing: Mode | None) -> None:
        if failing == "after":
            self.dead.set()
            await asyncio.Event().wait()
        if failing == "lost":
            raise TransportUnavailable("scripted: the answer was lost")
