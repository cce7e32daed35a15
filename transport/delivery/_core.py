"""The delivery core: owned partitions from assignment to commit."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

from ...actors import PartitionLost, TransportError
from ._checkpoints import Checkpoints
from ._committer import Committer
from ._flusher import Flusher
from ._guard import Guard
from ._host import Host
from ._local_store import LocalStoreError
from ._moves import Moves
from ._passivation import Passivation
from ._port import LogPort
from ._receiver import Receiver
from ._records import Inbound, TopicPartition
from ._shard import Shard
from ._takeover import is_unchanged, keep_warm, take_over

# Records in flight with which more are taken in at once.
_FEW = 500
# Seconds that what is in flight may have before; and turns of the loop, of a millisecond each,
# should its clock stand still.
_A_MOMENT = 0.05
_TURNS = 50


class DeliveryCore:
    """Runs the entities of the partitions a node owns.

    A driver calls `assigned`, `revoked` and `deliver` as its group and log
    move, asks `accepts` before it fetches, and implements `LogPort`.

    Order of events for a partition: assigned; state restored and takeover
    marked (nothing is delivered before); records delivered from the committed
    position; outcomes flushed; positions committed; on revocation messages in
    hand finished, flushed and committed, all within `drain_timeout`.

    What is promised: a position is committed only when every record before it
    has its outputs, then its state, acknowledged. What is not: that a record is
    handled only once. It may be handled again after a crash, and then finds its
    offset in the restored state, or sends again what receivers drop.
    """

    def __init__(self, host: Host, port: LogPort, kinds: Mapping[str, Receiver]) -> None:
        self._host = host
        self._port = port
        self._kinds = kinds
        self._shards: dict[TopicPartition, Shard] = {}
        self._former: dict[TopicPartition, Shard] = {}
        self._assignment = object()  # another one after each rebalance
        self._tasks: set[asyncio.Task[None]] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._closed = False
        self._committer = Committer(host, port, lambda: self._shards, self.lost)
        self._flusher = Flusher(host, port, self._all, self._committer.prove, self._fenced)
        self._guard = Guard(host, port, self._flusher, self._all)
        self._checkpoints = Checkpoints(host, self._all)
        self._moves = Moves(host)

    # -- life -----------------------------------------------------------------

    def start(self) -> None:
        """Start flushing, committing and passivating in the background."""
        jobs = [("flush", self._flusher.run), ("passivate", Passivation(self._host, self._all).run)]
        if not self._host.options.exactly_once:  # else transactions commit, and the log fences
            jobs += [("commit", self._committer.run), ("guard", self._guard.run)]
        if self._host.store is not None:
            jobs.append(("checkpoint", self._checkpoints.run))
        for name, run in jobs:
            task = asyncio.create_task(run(), name=f"callboard-{name}")
            task.add_done_callback(self._report_end)
            self._tasks.add(task)

    async def aclose(self) -> None:
        """Drain, flush and commit what is owned, within `stop_timeout`; then stop.

        From then on no partition is taken: the group may still give some to this
        node until it has left.
        """
        self._closed = True
        try:
            async with asyncio.timeout(self._host.options.stop_timeout):
                await self.revoked(list(self._shards))
        except TimeoutError:
            self._host.system.log.warning(
                "stopped before everything was written; it is delivered again elsewhere"
            )
        for task in [*self._tasks, *self._opening]:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._opening, return_exceptions=True)
        self._drop(list(self._shards))

    @property
    def shards(self) -> list[Shard]:
        """All partitions this node was given."""
        return self._all()

    async def flush(self) -> None:
        """Make durable what is done at this moment."""
        await self._flusher.flush()

    @property
    def owned(self) -> list[TopicPartition]:
        """The partitions this node runs, restored ones only."""
        return sorted(partition for partition, shard in self._shards.items() if shard.running)

    @property
    def warm(self) -> dict[TopicPartition, int]:
        """The partitions this node has given back and still knows, and the epoch it had them in."""
        return {partition: shard.epoch for partition, shard in self._former.items()}

    # -- what the driver calls --------------------------------------------------

    def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """Take over the partitions of a new assignment, which are all that this node has.

        Returns at once; delivery starts as each is ready.
        """
        if self._closed:
            return
        self._assignment = object()
        self._moves.began()
        self._drop(list(self._shards))
        self._take(partitions)
        self._former.clear()
        self._moves.look(self._all())

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Give partitions back: finish what is in hand, flush, commit, let go.

        Partitions that were wholly flushed stay warm, in case they come back.
        """
        self._assignment = object()
        self._moves.began()
        shards = [self._shards[p] for p in partitions if p in self._shards]
        for shard in shards:
            shard.pause()
        try:
            async with asyncio.timeout(self._host.options.drain_timeout):
                await self._quiet(shards)
                await self._flusher.flush()
                await self._settle(shards)
                await self._quiet(shards)  # what waited for its position to be committed
                for shard in shards:
                    await shard.let_go()
        except (TimeoutError, TransportError) as error:
            self._host.system.log.warning(
                "partitions left before everything was written; what is missing is delivered again",
                partitions=len(shards),
                error=str(error) or type(error).__name__,
            )
        else:
            # One that was lost on the way was not flushed: it knows more than the log does.
            self._former = {
                shard.partition: shard for shard in shards if shard.epoch and shard.owned
            }
        await self._checkpoints.save_in_time(shards)
        self._drop(partitions)

    def lost(self) -> None:
        """Forget every partition at once: the group has given them to others."""
        self._moves.began()
        self._drop(list(self._shards))

    def give_up(self, error: BaseException, where: str) -> None:
        """Stop the node: it will never be given anything to do."""
        self._escalate(error, where)

    def deliver(self, partition: TopicPartition, records: Sequence[Inbound]) -> None:
        """Take records of a partition. Those of one that is not ready are dropped.

        A driver may hand out records between an assignment and its readiness;
        `seek` then puts the log back to where delivery starts.
        """
        shard = self._shards.get(partition)
        if shard is not None and shard.running:
            shard.deliver(records)

    async def catch_up(self) -> None:
        """Let what was delivered have its turns before more is taken in; for 50 ms at most.

        What waits in memory costs more than what waits in the log: each pass of the garbage
        collector looks at it again, and nothing of it is in the processor's cache any more.
        """
        load, queue, loop = self._host.load, self._host.dispatcher.queue, asyncio.get_running_loop()
        until = loop.time() + _A_MOMENT
        for _ in range(_TURNS):
            await asyncio.sleep(0)
            # A plain function may take long, and other partitions' records wait behind this.
            if load.records < _FEW or not queue or loop.time() > until:
                return

    def accepts(self, partition: TopicPartition) -> bool:
        """Tell whether a partition is ready and has room for more records."""
        shard = self._shards.get(partition)
        return shard is not None and shard.accepts

    # -- inside -------------------------------------------------------------------

    def _take(self, partitions: Collection[TopicPartition]) -> None:
        for partition in partitions:
            shard = Shard(
                self._host,
                self._kinds[partition.topic],
                partition,
                on_work=self._flusher.wake,
                on_escalate=self._escalate,
            )
            self._shards[partition] = shard
            former = self._former.pop(partition, None)
            task = asyncio.create_task(self._open(shard, former), name=f"open-{shard.source}")
            self._opening.add(task)
            task.add_done_callback(self._opened)

    async def _open(self, shard: Shard, former: Shard | None) -> None:
        delay = self._host.options.retry_initial
        loop = asyncio.get_running_loop()
        while shard.owned:
            asked = loop.time()
            try:
                if former is not None and await is_unchanged(self._port, shard, former):
                    keep_warm(shard, former)
                    self._moves.kept_warm()
                    asked = float("-inf")  # nothing was asked of the group: prove before writing
                    position = await self._port.committed(shard.partition)
                else:
                    node = self._host.system.node
                    position = await take_over(self._port, shard, node, self._checkpoints)
            except LocalStoreError:
                raise  # trying again would find the same; the next start begins anew
            except PartitionLost as error:
                self._host.system.log.info(
                    "a partition left before it was restored",
                    partition=shard.source,
                    reason=str(error),
                )
                if self._shards.get(shard.partition) is shard:
                    self._drop([shard.partition])
                return
            except TransportError as error:
                self._host.system.log.warning(
                    "cannot restore a partition; trying again",
                    partition=shard.source,
                    error=str(error),
                    delay=delay,
                )
                await asyncio.sleep(delay)
                delay = min(delay * 2, self._host.options.retry_maximum)
                continue
            if shard.owned:
                self._committer.begin(shard.partition, position, asked)
                shard.begin(position)
                self._port.seek(shard.partition, position.offset)
                self._moves.look(self._all())
            return

    async def _settle(self, shards: Sequence[Shard]) -> None:
        """Commit what is left; in exactly-once mode that is done, and only the ends are asked."""
        if not self._host.options.exactly_once:
            await self._committer.commit(whole=True)
            return
        for shard in shards:
            if shard.epoch:
                partition = shard.kind.state_partition(shard.partition.partition)
                shard.settled_at(await self._port.end(partition))

    def _fenced(self, partition: TopicPartition) -> None:
        """Let a partition go that another node has fenced, and take it over again.

        That node may have slept between being given the partition and fencing it; then this one
        is the owner, and goes on. Or this one slept; then a rebalance is on its way. So it is
        tried within the same assignment only: the group takes commits from any member, also for
        partitions that are another's, and would not refuse it afterwards.
        """
        self._drop([partition])
        assignment = self._assignment

        def again() -> None:
            if self._assignment is assignment and not self._closed:
                self._take([partition])

        self._host.later(self._host.options.retry_initial, again)

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        self._report_end(task)

    def _report_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._escalate(error, task.get_name())

    def _all(self) -> list[Shard]:
        return list(self._shards.values())

    def _drop(self, partitions: Collection[TopicPartition]) -> None:
        self._committer.forget(partitions)
        for partition in partitions:
            shard = self._shards.pop(partition, None)
            if shard is not None:
                shard.disown()

    async def _quiet(self, shards: Sequence[Shard]) -> None:
        # Handlers that really wait are rare and end by their own deadlines; looking
        # every few milliseconds is simpler than an event per lane, and costs nothing
        # while no partition moves.
        while any(shard.busy for shard in shards):  # noqa: ASYNC110 said above
            await asyncio.sleep(0.005)

    def _escalate(self, error: BaseException, where: str) -> None:
        self._host.system.log.error(
            "a failure has no supervisor left; the node stops",
            where=where,
            error=f"{type(error).__qualname__}: {error}",
        )
        self._host.system.terminate(70)
