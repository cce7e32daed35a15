"""Letting entities go that have nothing to do: by idleness, and by number."""

import asyncio
from collections.abc import Callable, Sequence

from ._host import Host
from ._shard import Shard

_LOOK = 1.0
_LEAVE = 0.9


class Passivation:
    """Forgets the instances of idle entities; what they know stays, as bytes.

    An entity goes when it has had no mail for `idle_timeout`, or earlier when a
    node has more than `max_entities` of them: then those idle longest, until a
    tenth is free again. One with mail, or with a handler running, stays.

    Args:
        host: The node.
        shards: The partitions of this node.
    """

    def __init__(self, host: Host, shards: Callable[[], Sequence[Shard]]) -> None:
        self._host = host
        self._shards = shards

    async def run(self) -> None:
        """Look again and again, for ever."""
        loop = asyncio.get_running_loop()
        idle = self._host.options.idle_timeout
        look = min(_LOOK, idle / 4)
        due = loop.time() + idle / 4
        while True:
            await asyncio.sleep(look)
            now = loop.time()
            if now >= due:
                due = now + idle / 4
                for shard in self._shards():
                    if shard.running:
                        await shard.passivate(now - idle, now)
            await self._make_room()

    async def _make_room(self) -> None:
        most = self._host.options.max_entities
        shards = [shard for shard in self._shards() if shard.running]
        living = sum(len(shard.lanes) for shard in shards)
        if living <= most:
            return
        idle = [
            (lane.last_used, shard, key)
            for shard in shards
            for key, lane in shard.lanes.items()
            if lane.idle
        ]
        idle.sort(key=lambda each: each[0])
        for _, shard, key in idle[: living - int(most * _LEAVE)]:
            await shard.passivate_one(key)
