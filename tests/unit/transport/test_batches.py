"""Records become bytes, and others have their turn meanwhile."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any, cast

from callboard.transport._kafka._producer import Batches
from callboard.transport.delivery import Outbound, TopicPartition

TO = TopicPartition("flights", 0)


class Producer:
    """Gives batches that take all records."""

    def create_batch(self) -> "Producer":
        """Return a batch."""
        return self

    def append(self, **_: object) -> bool:
        """Take a record."""
        return True


async def test_records_that_are_slow_to_make_hold_up_nobody() -> None:
    """An adapter may take as long as a session lasts; the heartbeats are sent in between."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def slow() -> Iterator[Outbound]:
        for number in range(20):
            time.sleep(0.006)
            yield Outbound(TO, b"k", b"%d" % number, [])

    beside = asyncio.create_task(others())
    await Batches(cast("Any", Producer())).fill(slow())
    beside.cancel()
    assert turns >= 9
