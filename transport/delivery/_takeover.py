"""Taking a partition over: read its state, mark the new epoch, read what came between."""

import asyncio

from ._checkpoints import Checkpoints
from ._local_store import Checkpoint
from ._port import LogPort
from ._progress import Position
from ._records import TopicPartition
from ._shard import Shard
from ._state import MARK, Changelog, Mark, marker_record

_TELL_EVERY = 2.0
_SPILL = 250_000


async def take_over(port: LogPort, shard: Shard, node: str, checkpoints: Checkpoints) -> Position:
    """Restore a shard's entities, become its owner, and return where to deliver from.

    Order of events: in exactly-once mode, fence the owner before; read the state
    partition to its end, from the local store's checkpoint on if there is one;
    write a marker with the next epoch; read on up to the marker; commit the
    committed position once more. What a former owner writes
    after the marker carries an older epoch and loses wherever it is read. Two
    nodes that take over at once write the same epoch: the later marker in the log
    sees the earlier one, and its node marks again.

    The commit changes nothing and proves much: the group refuses it from a node
    that was given the partition, slept, and wakes up after others have been.
    Such a node would mark a *higher* epoch than the rightful owner's and its
    states would win. A node whose commit was taken marked while it owned the
    partition, so every later owner has read its marker and stands above it.

    Raises:
        PartitionLost: The partition is another node's by now.
        TransportError: The log did not answer; nothing was changed here, and
            taking over again from the start is safe.
    """
    partition = _states_of(shard)
    transactional = shard.host.options.exactly_once
    if transactional:
        await port.fence(shard.partition)
    position = await port.end(partition)
    restore = await _begin(port, shard, checkpoints, position)
    changelog = restore.changelog
    await restore.read_to(position)
    while True:
        epoch = changelog.highest_epoch + 1
        marker = marker_record(partition, epoch, node)
        if transactional:
            (written,) = await port.transact(shard.partition, [marker], None)
            break  # nobody else can have written since
        (written,) = await port.produce([marker])
        await restore.read_to(written + 1)
        first = next(offset for offset, marked in changelog.markers if marked == epoch)
        if first == written:
            break
    shard.epoch, shard.written = epoch, written
    shard.mark = Mark(written, dict(marker.headers)[MARK])
    shard.truths.restored(changelog.states)
    shard.host.counters.restored += len(changelog.states)
    committed = await port.committed(shard.partition)
    await port.commit({shard.partition: committed})
    return committed


async def is_unchanged(port: LogPort, shard: Shard, former: Shard) -> bool:
    """Tell whether nobody wrote to a state partition after this node's last record."""
    partition = _states_of(shard)
    return not former.gaps and await port.end(partition) == former.written + 1


def keep_warm(shard: Shard, former: Shard) -> None:
    """Go on with the entities of the assignment before: nobody wrote in between.

    Only their truth moves over. Records that were waiting come again from the
    committed position, and those applied already are skipped by their offset.
    """
    shard.epoch = former.epoch
    shard.written = former.written
    shard.mark = former.mark
    shard.truths = former.truths
    shard.truths.keep_all(former.known())


async def _begin(port: LogPort, shard: Shard, checkpoints: Checkpoints, end: int) -> "_Restore":
    """Begin behind what the local store knows, if the log is the one it was read from."""
    store = shard.host.store
    known = None if store is None else store.checkpoint(shard.source)
    if known is None:
        return _Restore(port, shard, checkpoints, Changelog(), 0)
    if known.until <= end and await _stands(port, _states_of(shard), known.mark):
        changelog = Changelog(shard.truths.stored)
        changelog.highest_epoch, changelog.mark = known.epoch, known.mark
        return _Restore(port, shard, checkpoints, changelog, known.until)
    shard.host.system.log.info(
        "the local store is of another log, or too old; restoring everything",
        partition=shard.source,
    )
    await checkpoints.discard(shard.source)
    return _Restore(port, shard, checkpoints, Changelog(), 0)


async def _stands(port: LogPort, partition: TopicPartition, mark: Mark) -> bool:
    """Tell whether a marker still stands where it stood."""
    found = Changelog()
    async for records in port.read(partition, mark.offset, mark.offset + 1):
        found.fold(records)
    return found.mark == mark


class _Restore:
    """Reading a state partition, stretch by stretch."""

    def __init__(
        self,
        port: LogPort,
        shard: Shard,
        checkpoints: Checkpoints,
        changelog: Changelog,
        position: int,
    ) -> None:
        self.changelog = changelog
        self._port = port
        self._shard = shard
        self._checkpoints = checkpoints
        self._position = position

    async def read_to(self, end: int) -> None:
        """Fold everything up to an offset; what takes long says how far it has come."""
        loop = asyncio.get_running_loop()
        told, start = loop.time(), self._position
        if start >= end:
            return
        async for records in self._port.read(_states_of(self._shard), start, end):
            self.changelog.fold(records)
            if records:
                await self._make_room(records[-1].offset + 1)
            if records and loop.time() - told > _TELL_EVERY:
                told = loop.time()
                self._shard.host.system.log.info(
                    "restoring",
                    partition=self._shard.source,
                    percent=round(100 * (records[-1].offset - start) / (end - start)),
                    entities=len(self.changelog.states),
                )
        self._position = end

    async def _make_room(self, until: int) -> None:
        """Move what was read to disk when it is much, if there is a disk to move it to."""
        changelog, shard = self.changelog, self._shard
        if shard.host.store is None or changelog.mark is None or len(changelog.states) < _SPILL:
            return
        reach = Checkpoint(until, changelog.highest_epoch, changelog.mark)
        if await self._checkpoints.spill(shard.source, changelog.states, reach):
            shard.host.counters.restored += len(changelog.states)
            changelog.states.clear()
            changelog.before = shard.truths.stored


def _states_of(shard: Shard) -> TopicPartition:
    return shard.kind.state_partition(shard.partition.partition)
