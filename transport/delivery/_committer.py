"""Committing what is finished, and knowing by it that this node still owns what it runs."""

import asyncio
from collections.abc import Callable, Collection, Mapping

from ...actors import PartitionLost, TransportError
from ._host import Host
from ._port import LogPort
from ._progress import Position
from ._records import TopicPartition
from ._shard import Shard


class Committer:
    """Commits positions, and keeps the lease.

    The group takes a commit from its present members only, and whatever a node
    runs is of its latest assignment. So one that was taken is proof that this
    node owned its partitions when it was asked, and
    nobody else can own them before a session time-out has passed from then. A
    process that was stopped and wakes up sees its lease run out, and asks
    before it writes anything. That is courtesy and not fencing: it may be
    stopped again between the answer and the write. Epochs make that harmless.

    Args:
        host: The node.
        port: The log.
        shards: The partitions of this node.
        on_lost: Called when the group has given them to others.
    """

    def __init__(
        self,
        host: Host,
        port: LogPort,
        shards: Callable[[], Mapping[TopicPartition, Shard]],
        on_lost: Callable[[], None],
    ) -> None:
        self._host = host
        self._port = port
        self._shards = shards
        self._on_lost = on_lost
        self._committed: dict[TopicPartition, Position] = {}
        self._proved = float("-inf")

    def begin(self, partition: TopicPartition, position: Position, proved: float) -> None:
        """Take note of what is committed for a partition that begins, and since when it is ours."""
        self._committed[partition] = position
        self._proved = max(self._proved, proved)

    def forget(self, partitions: Collection[TopicPartition]) -> None:
        """Forget partitions that have left."""
        for partition in partitions:
            self._committed.pop(partition, None)

    async def run(self) -> None:
        """Commit whenever there is something, and at least thrice in a lease, for ever."""
        while True:
            await asyncio.sleep(self._host.options.commit_interval)
            try:
                await self.commit(prove=self._age() > self._host.options.lease / 3)
            except PartitionLost as error:
                self._host.system.log.warning("partitions lost", error=str(error))
                self._on_lost()
            except TransportError as error:
                self._host.system.log.warning("a commit failed; trying again", error=str(error))

    async def commit(self, *, prove: bool = False, whole: bool = False) -> None:
        """Commit what has moved; if nothing has and `prove` is set, one position once more.

        Args:
            prove: The lease is to be renewed.
            whole: Nothing follows: with all that is finished ahead of the positions.

        Raises:
            PartitionLost: The group has given the partitions to others.
            TransportError: It is not known whether it was taken.
        """
        positions = self._moved(whole=whole)
        if not positions:
            if not (prove and self._committed):
                return
            partition = min(self._committed)
            positions = {partition: self._committed[partition]}
        asked = asyncio.get_running_loop().time()
        await self._port.commit(positions)
        self._proved = max(self._proved, asked)
        for partition, position in positions.items():
            if partition in self._committed:
                self._committed[partition] = position
                self._shards()[partition].was_committed(position)

    async def prove(self) -> None:
        """Make sure of the lease before something is written.

        Raises:
            TransportError: It is not known; nothing may be written yet.
        """
        if self._committed and self._age() > self._host.options.lease:
            try:
                await self.commit(prove=True)
            except PartitionLost as error:
                self._host.system.log.warning(
                    "partitions lost while this process stood still", error=str(error)
                )
                self._on_lost()

    def _age(self) -> float:
        return asyncio.get_running_loop().time() - self._proved

    def _moved(self, *, whole: bool) -> dict[TopicPartition, Position]:
        moved: dict[TopicPartition, Position] = {}
        for partition, shard in self._shards().items():
            if partition in self._committed:
                committed = self._committed[partition]
                if whole:
                    position = shard.tracker.committable()
                else:
                    position = shard.tracker.committable_since(committed)
                if position != committed:
                    moved[partition] = position
        return moved
