"""Copying acknowledged states to this machine's disk, off the event loop."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from ...actors import TransportError
from ._host import Host
from ._local_store import Checkpoint
from ._shard import Shard
from ._state import StoredState


class Checkpoints:
    """Brings the local store up to date, every `checkpoint_interval` and when partitions leave.

    Only states that the log has acknowledged go to disk, with the offset below which the
    disk knows all: a crash at any moment leaves a store that is a former state of the log.
    Without a local store nothing happens.

    Args:
        host: The node.
        shards: The partitions of this node.
    """

    def __init__(self, host: Host, shards: Callable[[], Sequence[Shard]]) -> None:
        self._host = host
        self._shards = shards
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Save again and again, for ever."""
        while True:
            await asyncio.sleep(self._host.options.checkpoint_interval)
            for shard in self._shards():
                await self.save(shard)

    async def save_in_time(self, shards: Sequence[Shard]) -> None:
        """Save partitions that are about to leave; what takes too long is read from the log."""
        if self._host.store is None:
            return
        try:
            async with asyncio.timeout(self._host.options.drain_timeout):
                for shard in shards:
                    await self.save(shard)
        except TimeoutError:
            self._host.system.log.warning("the local store was not brought up to date in time")

    async def save(self, shard: Shard) -> None:
        """Save what of a partition's states is acknowledged and not saved yet."""
        async with self._turn:
            reach = shard.checkpoint() if shard.owned else None
            if reach is None or (states := shard.truths.take_unsaved(reach)) is None:
                return
            taken = False
            try:
                taken = await self._put(shard.source, states, reach)
            finally:
                if taken:
                    shard.truths.saved(states, reach)
                else:
                    shard.truths.not_saved(states)

    async def spill(
        self, source: str, states: Mapping[str, StoredState], reach: Checkpoint
    ) -> bool:
        """Save a part of a restore; tell whether the disk took it."""
        async with self._turn:
            return await self._put(source, states, reach)

    async def discard(self, source: str) -> None:
        """Forget what the disk has of a partition.

        Raises:
            TransportError: The disk does not take it; again is fine.
        """
        store = self._host.store
        assert store is not None, "a checkpoint was read from it"
        async with self._turn:
            try:
                await self._host.offload(partial(store.discard, source))
            except OSError as error:
                raise TransportError(
                    f"the local store does not let go of {source}: {error}"
                ) from error

    async def _put(self, source: str, states: Mapping[str, StoredState], reach: Checkpoint) -> bool:
        store = self._host.store
        assert store is not None, "else no partition has a checkpoint"
        try:
            await self._host.offload(partial(store.put, source, states, reach))
        except OSError as error:
            self._host.system.log.warning(
                "the local store does not take states; trying again later",
                partition=source,
                error=str(error),
            )
            return False
        return True
