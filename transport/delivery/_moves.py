"""What it costs when partitions move: for how long this node's stand still."""

import asyncio
from collections.abc import Collection

from ._host import Host
from ._shard import Shard


class Moves:
    """Measures from the moment partitions are given back, or lost, until all deliver again.

    Counted in every heartbeat (`rebalances`, `standstill_ms`), and logged.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._since: float | None = None
        self._warm = 0

    def began(self) -> None:
        """Take note that partitions stand still from now on, if they do not already."""
        if self._since is None:
            self._since = asyncio.get_running_loop().time()
            self._warm = 0

    def kept_warm(self) -> None:
        """Take note of a partition that came back with nothing to restore."""
        self._warm += 1

    def look(self, shards: Collection[Shard]) -> None:
        """End the measurement if all partitions of the assignment deliver."""
        if self._since is None or not all(shard.running for shard in shards):
            return
        seconds = asyncio.get_running_loop().time() - self._since
        self._since = None
        counters = self._host.counters
        counters.rebalances += 1
        counters.standstill_ms += round(seconds * 1000)
        self._host.system.log.info(
            "partitions deliver", partitions=len(shards), warm=self._warm, seconds=round(seconds, 3)
        )
