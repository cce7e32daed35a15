"""Watching over state partitions: what a late former owner overwrote is written again."""

import asyncio
from collections.abc import Callable, Sequence

from ...actors import TransportError
from ._flusher import Flusher
from ._host import Host
from ._port import LogPort
from ._shard import Shard
from ._state import Changelog


class Guard:
    """Finds records in a state partition that its owner did not write, and undoes their harm.

    A process that slept through the loss of its partitions may write states
    after its successor. Restoring takes the highest epoch, so nothing is lost
    as long as the successor's record is there; but compaction keeps the *last*
    record of a key and will remove it one day. So the owner looks into every
    gap between its own writes, and from time to time behind its last one, and
    writes the states of those keys again.

    Args:
        host: The node.
        port: The log.
        flusher: Writes the states.
        shards: The partitions of this node.
    """

    def __init__(
        self, host: Host, port: LogPort, flusher: Flusher, shards: Callable[[], Sequence[Shard]]
    ) -> None:
        self._host = host
        self._port = port
        self._flusher = flusher
        self._shards = shards

    async def run(self) -> None:
        """Look again and again, for ever."""
        while True:
            await asyncio.sleep(self._host.options.guard_interval)
            for shard in self._shards():
                if shard.running:
                    try:
                        await self.look(shard)
                    except TransportError as error:
                        self._host.system.log.warning(
                            "cannot look after a state partition; trying again later",
                            partition=shard.source,
                            error=str(error),
                        )

    async def look(self, shard: Shard) -> None:
        """Read what others wrote into a shard's state partition, and have it put right.

        Raises:
            TransportError: It could not be read; what was not is read next time.
        """
        partition = shard.kind.state_partition(shard.partition.partition)
        async with self._flusher.quiet():
            shard.wrote_until(await self._port.end(partition))
        while shard.gaps and shard.owned:
            start, end = shard.gaps[0]
            found = Changelog()
            async for records in self._port.read(partition, start, end):
                found.fold(records)
            # Whoever marked a higher epoch owns the partition, or did: this node sleeps no more.
            shard.superseded |= found.highest_epoch > shard.epoch
            shard.gaps.pop(0)
            late = [key for key, state in found.states.items() if state.epoch < shard.epoch]
            if late:
                self._host.system.log.warning(
                    "a former owner wrote states late; they are written again",
                    partition=shard.source,
                    entities=len(late),
                )
                shard.write_again(late)
