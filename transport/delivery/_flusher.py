"""The flush: outputs, then states, then finished. The order everything rests on."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from ...actors import PartitionLost, TransportError
from ._host import Host
from ._port import LogPort
from ._progress import Position
from ._records import Outbound, TopicPartition
from ._shard import Shard
from ._work import Work

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

    In exactly-once mode outputs, states and the position of a partition are one
    transaction, and a former owner is fenced by the log itself.
    """

    def __init__(
        self,
        host: Host,
        port: LogPort,
        shards: Callable[[], Sequence[Shard]],
        prove: Callable[[], Awaitable[None]],
        on_fenced: Callable[[TopicPartition], None],
    ) -> None:
        self._host = host
        self._port = port
        self._shards = shards
        self._prove = prove
        self._on_fenced = on_fenced
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
            try:
                if self._host.options.exactly_once:
                    await self._write_transactions(works)
                else:
                    await self._write(works)
            except BaseException:
                # What was taken and not written is lost to this node: were it to go on, its
                # next states would speak of messages whose outputs never left.
                for work in works:
                    work.shard.disown()
                raise

    async def _write(self, works: list[Work]) -> None:
        if not works:
            return
        # Courtesy, not fencing: what has left is not written to any more. A process that
        # sleeps right here does write; its epoch makes that harmless.
        await self._insist(works, self._prove)
        owned = [work for work in works if work.shard.owned]
        await self._write_outputs(owned)
        await self._write_states(owned)
        self._settle(owned)

    async def _write_transactions(self, works: list[Work]) -> None:
        if works:
            await self._insist(works, self._host.reach)
            await asyncio.gather(*(self._transact(work) for work in works))

    def quiet(self) -> asyncio.Lock:
        """Return the lock that is held while something is being written."""
        return self._turn

    async def _write_outputs(self, works: list[Work]) -> None:
        records = self._outputs(works)
        if records:
            # A handler may have spoken to a kind this node had not heard of before.
            await self._insist(works, self._host.reach)
            await self._insist(works, lambda: self._port.produce(records))

    async def _write_states(self, works: list[Work]) -> None:
        owned = [work for work in works if work.shard.owned]
        if not any(work.states for work in owned):
            return
        offsets = await self._insist(
            owned,
            lambda: self._port.produce(record for work in owned for record in work.state_records()),
        )
        if offsets is None:
            return
        at = 0
        for work in owned:
            written = offsets[at : at + len(work.states)]
            at += len(work.states)
            work.shard.wrote(work.states, written)

    def _outputs(self, works: list[Work]) -> list[Outbound]:
        time = batch_time(self._host.system.wall_clock())
        return [record for work in works for record in work.output_records(time)]

    async def _transact(self, work: Work) -> None:
        """Write everything of one partition at once, with the position it leads to."""
        shard = work.shard
        states = list(work.state_records())
        records = [*self._outputs([work]), *states]
        shard.settled(work)
        position = shard.tracker.committable_since(shard.committed)
        delay = self._host.options.retry_initial
        tried = False
        while shard.owned:
            try:
                if tried and await self._was_taken(shard, position):
                    break
                tried = True
                offsets = await self._port.transact(shard.partition, records, position)
                if states:
                    shard.settled_at(offsets[-1] + 1)
                break
            except PartitionLost as error:
                self._host.system.log.warning(
                    "fenced by another node", partition=shard.source, error=str(error)
                )
                self._on_fenced(shard.partition)
            except TransportError as error:
                self._host.system.log.warning(
                    "a transaction failed; trying again", error=str(error), delay=delay
                )
                await asyncio.sleep(delay)
                delay = min(delay * 2, self._host.options.retry_maximum)
        if shard.owned:
            shard.committed = position
            shard.truths.acknowledged(work.states)
            self._answer(work)

    async def _was_taken(self, shard: Shard, position: Position) -> bool:
        """Tell, after a lost answer, whether a transaction was taken; only then may it be repeated.

        Raises:
            PartitionLost: Another node has gone on from there.
        """
        await self._port.fence(shard.partition)
        committed = await self._port.committed(shard.partition)
        if committed not in {position, shard.committed}:
            raise PartitionLost(
                f"{shard.source} is at {committed.offset}, and was at {shard.committed.offset}"
            )
        return committed == position

    def _settle(self, works: list[Work]) -> None:
        for work in works:
            if not work.shard.owned:
                continue
            work.shard.settled(work)
            self._answer(work)

    def _answer(self, work: Work) -> None:
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
