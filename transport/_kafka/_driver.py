"""The driver: one group consumer, one producer, and the port the core speaks to."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import IllegalStateError, KafkaError

from ..delivery import DeliveryCore, Inbound, Outbound, Position, TopicPartition
from ._errors import kept_out, translate
from ._lifecycle import close_whole, start
from ._options import KafkaOptions
from ._placement import Declaration, sticky
from ._producer import BatchProducer
from ._reader import Reader
from ._transactions import Transactions

_POLL = 0.2
_POLL_WHILE_FULL = 0.02
_PAUSE_AFTER = 0.5

_log = structlog.get_logger("callboard.kafka")


class KafkaDriver:
    """Implements `LogPort` on aiokafka, and drives a `DeliveryCore` with a group.

    Facts about the client that decide how (each has a test):

    - The end of `on_partitions_assigned` gates nothing, so records may come
      earlier; the core drops them, and `seek` sets the position when a
      partition is ready.
    - Every rebalance sets positions of kept partitions back to what was
      committed; the core opens each anew and skips what it has applied.
    - A cancelled `getmany` leaks inside the client: it is only ever left by
      its own time-out.
    - Records of a *paused* partition that are already fetched are thrown away,
      so a full partition is first left out of `getmany`, and paused only when
      it stays full, because undrained records slow its neighbors' fetches.
    """

    def __init__(
        self,
        options: KafkaOptions,
        *,
        group: str,
        node: str,
        declaration: Declaration | None = None,
    ) -> None:
        self._options = options
        self._declaration = declaration
        self._differed: Mapping[str, Mapping[str, str]] = {}
        self._group = group
        self._node = node
        self._producer = BatchProducer(options.cluster, node, timeout=options.write_timeout)
        self._reader = Reader(options.cluster, node, timeout=options.request_timeout)
        self._transactions = Transactions(
            options.cluster, node, group=group, timeout=options.write_timeout
        )
        self._consumer: AIOKafkaConsumer | None = None
        self._core: DeliveryCore | None = None
        self._polling: asyncio.Task[None] | None = None
        self._stopping = False
        self._topics: set[str] = set()
        self._full_since: dict[KafkaPartition, float] = {}
        self._paused: set[KafkaPartition] = set()

    # -- life -----------------------------------------------------------------

    async def host(self, core: DeliveryCore, topics: Sequence[str]) -> None:
        """Join the group and run the partitions of these topics.

        Called again with more topics, it subscribes to those too.
        """
        self._core = core
        self._topics.update(topics)
        if self._consumer is None:
            self._consumer = await self._start_consumer(core)
        self._consumer.subscribe(
            topics=sorted(self._topics), listener=_Listener(core, self._changed)
        )
        if self._polling is None:
            self._polling = asyncio.create_task(self._poll_for_ever(), name="callboard-poll")

    async def aclose(self) -> None:
        """Leave the group. The core is drained by its owner before this."""
        self._stopping = True
        if self._polling is not None:
            await asyncio.wait([self._polling], timeout=self._options.request_timeout)
        if self._consumer is not None:
            try:
                async with asyncio.timeout(self._options.request_timeout):
                    await close_whole(self._consumer.stop())
            except (KafkaError, TimeoutError) as error:
                _log.warning("left the group without saying so", error=str(error))
        await self._transactions.aclose()
        await self._producer.aclose()

    # -- LogPort ----------------------------------------------------------------

    async def produce(self, records: Iterable[Outbound]) -> list[int]:
        """See `LogPort.produce`."""
        return await self._producer.produce(records)

    async def commit(self, positions: Mapping[TopicPartition, Position]) -> None:
        """See `LogPort.commit`."""
        consumer = self._joined()
        try:
            async with asyncio.timeout(self._options.request_timeout):
                offsets = {KafkaPartition(*p): tuple(at) for p, at in positions.items()}
                await consumer.commit(offsets)
        except (KafkaError, TimeoutError) as error:
            raise translate(error, f"commit {len(positions)} partitions") from error

    async def fence(self, partition: TopicPartition) -> None:
        """See `LogPort.fence`."""
        await self._transactions.fence(partition)

    async def transact(
        self, partition: TopicPartition, records: Sequence[Outbound], position: Position | None
    ) -> list[int]:
        """See `LogPort.transact`."""
        return await self._transactions.write(partition, records, position)

    async def committed(self, partition: TopicPartition) -> Position:
        """See `LogPort.committed`."""
        consumer, at = self._joined(), KafkaPartition(*partition)
        try:
            async with asyncio.timeout(self._options.request_timeout):
                # consumer.committed() asks the same and leaves the metadata out.
                coordinator: Any = consumer._coordinator  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001 said above
                found = (await coordinator.fetch_committed_offsets([at])).get(at)
                if found is not None and found.offset >= 0:
                    return Position(int(found.offset), found.metadata or "")
                if self._options.begin_at_end:
                    return Position(int((await consumer.end_offsets([at]))[at]))
                return Position(int((await consumer.beginning_offsets([at]))[at]))
        except (KafkaError, TimeoutError) as error:
            raise translate(error, f"ask where {partition.topic} continues") from error

    async def end(self, partition: TopicPartition) -> int:
        """See `LogPort.end`."""
        consumer, at = self._joined(), KafkaPartition(*partition)
        try:
            async with asyncio.timeout(self._options.request_timeout):
                return int((await consumer.end_offsets([at]))[at])
        except (KafkaError, TimeoutError) as error:
            raise translate(error, f"ask for the end of {partition.topic}") from error

    def read(
        self, partition: TopicPartition, start: int, end: int
    ) -> AsyncIterator[Sequence[Inbound]]:
        """See `LogPort.read`."""
        return self._reader.read(partition, start, end)

    def seek(self, partition: TopicPartition, position: int) -> None:
        """See `LogPort.seek`. A partition that has just left is passed over."""
        try:
            self._joined().seek(KafkaPartition(*partition), position)
        except IllegalStateError:
            _log.debug("a partition left before it was ready", partition=str(partition))

    @property
    def reader(self) -> Reader:
        """Reads outside the group, with this driver's options."""
        return self._reader

    # -- inside -------------------------------------------------------------------

    def _joined(self) -> AIOKafkaConsumer:
        assert self._consumer is not None, "host() comes first"
        return self._consumer

    async def _start_consumer(self, core: DeliveryCore) -> AIOKafkaConsumer:
        options = self._options
        consumer = AIOKafkaConsumer(
            **options.cluster.settings(),
            **options.of_a_member(),
            client_id=self._node,
            group_id=self._group,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            # Exactly one: with two the client sends a JoinGroup for each.
            partition_assignment_strategy=(
                sticky(lambda: core.warm, self._declaration, self._differ),
            ),
        )
        await start(consumer, consumer.stop, options.cluster, options.request_timeout)
        return consumer

    def _differ(self, found: Mapping[str, Mapping[str, str]]) -> None:
        """Warn, once for each way: it is usual while a new version is rolled out, and no other."""
        if found != self._differed:
            self._differed = found
            _log.warning(
                "nodes declare one consumer differently; each handles its partitions in its own "
                "way until they are the same",
                group=self._group,
                differences=found,
            )

    async def _poll_for_ever(self) -> None:
        while not self._stopping:
            try:
                await self._poll()
            except KafkaError as error:
                if (reason := kept_out(error, self._group)) is not None:
                    assert self._core is not None, "it polls for a core"
                    self._core.give_up(reason, f"group {self._group}")
                    return
                _log.warning("a fetch failed; trying again", error=str(error) or repr(error))
                await asyncio.sleep(_POLL)

    async def _poll(self) -> None:
        consumer, core = self._joined(), self._core
        assert core is not None
        owned = set(consumer.assignment())
        ready = [p for p in owned if core.accepts(TopicPartition(p.topic, p.partition))]
        self._regulate(consumer, owned, ready)
        if not ready:
            # What ended the client's membership is told to those who fetch, and nobody does.
            coordinator: Any = consumer._coordinator  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001 said above
            coordinator.check_errors()
            # Without names getmany would ask for all partitions, ready or not.
            await asyncio.sleep(_POLL_WHILE_FULL)
            return
        wait = _POLL if len(ready) == len(owned) else _POLL_WHILE_FULL
        fetched = await consumer.getmany(
            *ready, timeout_ms=int(wait * 1000), max_records=self._options.max_records
        )
        for partition, records in fetched.items():
            core.deliver(TopicPartition(partition.topic, partition.partition), records)
        await core.catch_up()

    def _regulate(
        self,
        consumer: AIOKafkaConsumer,
        owned: set[KafkaPartition],
        ready: Sequence[KafkaPartition],
    ) -> None:
        """Pause partitions that stay full; resume those that have room again."""
        now = asyncio.get_running_loop().time()
        for partition in ready:
            self._full_since.pop(partition, None)
            if partition in self._paused:
                self._paused.discard(partition)
                consumer.resume(partition)
        for partition in owned.difference(ready):
            since = self._full_since.setdefault(partition, now)
            if partition not in self._paused and now - since > _PAUSE_AFTER:
                self._paused.add(partition)
                consumer.pause(partition)

    def _changed(self, assigned: Collection[TopicPartition]) -> None:
        self._transactions.keep_only(assigned)
        # The client forgets pauses with every rebalance.
        self._full_since.clear()
        self._paused.clear()


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Tells the core what the group does. The client swallows what this raises."""

    def __init__(
        self, core: DeliveryCore, on_change: Callable[[Collection[TopicPartition]], None]
    ) -> None:
        self._core = core
        self._on_change = on_change

    # The client awaits what these return, and declares them plain.
    async def on_partitions_revoked(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, revoked: frozenset[KafkaPartition]
    ) -> None:
        """Drain and commit; the group waits for it, up to the rebalance time-out."""
        try:
            await self._core.revoked([TopicPartition(p.topic, p.partition) for p in revoked])
        except Exception:  # noqa: BLE001 the client would swallow it without a word
            _log.exception("giving partitions back failed")
            self._core.lost()

    async def on_partitions_assigned(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, assigned: frozenset[KafkaPartition]
    ) -> None:
        """Start restoring; returns at once, so that the group is not held up."""
        given = [TopicPartition(p.topic, p.partition) for p in assigned]
        self._on_change(given)
        self._core.assigned(given)
