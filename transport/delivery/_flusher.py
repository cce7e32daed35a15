"""The flush: outputs, then states, then finished. The order everything rests on."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from ...actors import TransportError
from ._codec import with_batch_headers
from ._host import Host
from ._port import LogPort
from ._records import Outbound
from ._shard import Shard, Work
from ._state import state_record

T = TypeVar("T")


def batch_time(seconds: float) -> bytes:
    """Return a moment as CloudEvents writes it: RFC 3339, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").encode()


class Flusher:
    """Makes durable what handled records left, for all partitions of a node at once.

    Order of events in one flush: every output is acknowledged; then every
    state record is acknowledged; then replies leave and the records count as
    finished, so that their offsets may be committed. A crash between any two of
    these repeats work, and loses and doubles none: outputs that went out carry
    the same ids next time, and a state that was written skips its message.

    While one flush waits for the log, handlers go on and fill the next.
    """

    def __init__(
        self,
        host: Host,
        port: LogPort,
        shards: Callable[[], Sequence[Shard]],
        prove: Callable[[], Awaitable[None]],
    ) -> None:
        self._host = host
        self._port = port
        self._shards = shards
        self._prove = prove
        self._work = asyncio.Event()
        self._turn = asyncio.Lock()

    def wake(self) -> None:
        """There is something to flush."""
        self._work.set()

    async def run(self) -> None:
        """Flush whenever there is something, for ever."""
        while True:
            await self._work.wait()
            self._work.clear()
            await self.flush()

    async def flush(self) -> None:
        """Make everything durable that is done at this moment."""
        async with self._turn:
            works = [work for shard in self._shards() if (work := shard.take()) is not None]
            if works:
                # Courtesy, not fencing: what has left is not written to any more. A process
                # that sleeps right here does write; its epoch makes that harmless.
                await self._insist(works, self._prove)
                works = [work for work in works if work.shard.owned]
                await self._write_outputs(works)
                await self._write_states(works)
                self._settle(works)

    def quiet(self) -> asyncio.Lock:
        """Return the lock that is held while something is being written."""
        return self._turn

    async def _write_outputs(self, works: list[Work]) -> None:
        time = batch_time(self._host.system.wall_clock())
        records = [
            Outbound(
                output.to,
                output.key,
                output.value,
                with_batch_headers(output.headers, time=time, floor=work.floor),
            )
            for work in works
            for outcome in work.outcomes
            for output in outcome.outputs
        ]
        records.extend(
            outcome.filed for work in works for outcome in work.outcomes if outcome.filed
        )
        if records:
            # A handler may have spoken to a kind this node had not heard of before.
            await self._insist(works, self._host.reach)
            await self._insist(works, lambda: self._port.produce(records))

    async def _write_states(self, works: list[Work]) -> None:
        owned = [work for work in works if work.shard.owned]
        records = [
            state_record(
                work.shard.kind.state_partition(work.shard.partition.partition),
                key.encode(),
                state,
            )
            for work in owned
            for key, state in work.states.items()
        ]
        if not records:
            return
        offsets = await self._insist(owned, lambda: self._port.produce(records))
        if offsets is None:
            return
        at = 0
        for work in owned:
            written = offsets[at : at + len(work.states)]
            at += len(work.states)
            work.shard.wrote(written)

    def _settle(self, works: list[Work]) -> None:
        for work in works:
            if not work.shard.owned:
                continue
            work.shard.settled(work)
            for outcome in work.outcomes:
                if outcome.reply is not None:
                    self._host.reply(outcome.reply)

    async def _insist(self, works: list[Work], write: Callable[[], Awaitable[T]]) -> T | None:
        """Write until it is acknowledged, or until nobody here owns the work any more."""
        delay = self._host.options.retry_initial
        while True:
            try:
                return await write()
            except TransportError as error:
                if not any(work.shard.owned for work in works):
                    return None
                self._host.system.log.warning(
                    "the log did not take a write; trying again", error=str(error), delay=delay
                )
            await asyncio.sleep(delay)
            delay = min(delay * 2, self._host.options.retry_maximum)
