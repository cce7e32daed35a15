"""Taking a partition over: read its state, mark the new epoch, read what came between."""

import asyncio

from ._port import LogPort
from ._progress import Position
from ._records import TopicPartition
from ._shard import Shard
from ._state import Changelog, StoredState, marker_record

_TELL_EVERY = 2.0


async def take_over(port: LogPort, shard: Shard, node: str) -> Position:
    """Restore a shard's entities, become its owner, and return where to deliver from.

    Order of events: in exactly-once mode, fence the owner before; read the state
    partition to its end; write a marker with the next epoch; read on up to the
    marker; commit the committed position once more. What a former owner writes
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
    changelog = Changelog()
    position = await port.end(partition)
    await _read(port, changelog, shard, 0, position)
    while True:
        epoch = changelog.highest_epoch + 1
        marker = marker_record(partition, epoch, node)
        if transactional:
            await port.transact(shard.partition, [marker], None)
            break  # nobody else can have written since
        (written,) = await port.produce([marker])
        await _read(port, changelog, shard, position, written + 1)
        position = written + 1
        first = next(offset for offset, marked in changelog.markers if marked == epoch)
        if first == written:
            shard.written = written
            break
    shard.epoch = epoch
    shard.states = changelog.states
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
    shard.states = {**former.states, **_truths(former)}


def _truths(former: Shard) -> dict[str, StoredState]:
    return {key: lane.stored() for key, lane in former.lanes.items()}


async def _read(
    port: LogPort,
    changelog: Changelog,
    shard: Shard,
    start: int,
    end: int,
) -> None:
    """Fold a stretch of the state partition; one that takes long says how far it has come."""
    loop = asyncio.get_running_loop()
    told = loop.time()
    if start < end:
        async for records in port.read(_states_of(shard), start, end):
            changelog.fold(records)
            if records and loop.time() - told > _TELL_EVERY:
                told = loop.time()
                shard.host.system.log.info(
                    "restoring",
                    partition=shard.source,
                    percent=round(100 * (records[-1].offset - start) / (end - start)),
                    entities=len(changelog.states),
                )


def _states_of(shard: Shard) -> TopicPartition:
    return shard.kind.state_partition(shard.partition.partition)
