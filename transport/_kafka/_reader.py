"""Reading a stretch of a partition, and tailing one, outside any group."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError

from ...actors import TransportUnavailable
from ..delivery import Inbound, TopicPartition
from ._errors import translate
from ._lifecycle import close_whole
from ._lifecycle import start as start_client
from ._security import Cluster


class Reader:
    """Reads partitions it is told to, without a group and without committing."""

    def __init__(self, cluster: Cluster, client_id: str, *, timeout: float) -> None:
        self._cluster = cluster
        self._client_id = client_id
        self._timeout = timeout
        self._at_once = asyncio.Semaphore(4)

    async def read(
        self, partition: TopicPartition, start: int, end: int
    ) -> AsyncIterator[Sequence[Inbound]]:
        """Yield the records from `start` up to, not including, `end`.

        Raises:
            TransportUnavailable: Nothing came for the time-out.
        """
        at = KafkaPartition(*partition)
        async with self._at_once:
            consumer = await self._open([partition])
            loop = asyncio.get_running_loop()
            try:
                first = (await consumer.beginning_offsets([at]))[at]
                position = max(start, first)
                consumer.seek(at, position)
                last = loop.time()
                while position < end:
                    fetched = await consumer.getmany(at, timeout_ms=500)
                    records = fetched.get(at, [])
                    position = await consumer.position(at)
                    if records:
                        last = loop.time()
                        yield [r for r in records if r.offset < end]
                    elif loop.time() - last > self._timeout:
                        raise TransportUnavailable(
                            f"{partition.topic}/{partition.partition} gave nothing between "
                            f"offset {position} and {end} for {self._timeout:g} s"
                        )
            except KafkaError as error:
                raise translate(error, f"read {partition.topic}/{partition.partition}") from error
            finally:
                await close_whole(consumer.stop())

    async def tail(
        self,
        partitions: Sequence[TopicPartition],
        *,
        from_start: bool,
        since: float | None = None,
    ) -> "Tail":
        """Start following partitions from their start, from a time, or from what comes next."""
        consumer = await self._open(partitions)
        places = [KafkaPartition(*p) for p in partitions]
        try:
            if from_start:
                await consumer.seek_to_beginning(*places)
            else:
                # Fixed now, and not by the first fetch: what is written in between counts.
                starts = await consumer.end_offsets(places)
                if since is not None:
                    times = dict.fromkeys(places, int(since * 1000))
                    found = await consumer.offsets_for_times(times)
                    starts.update({p: each.offset for p, each in found.items() if each})
                for place, offset in starts.items():
                    consumer.seek(place, offset)
        except BaseException as error:
            await close_whole(consumer.stop())
            if isinstance(error, KafkaError):
                raise translate(error, "follow partitions") from error
            raise
        return Tail(consumer)

    async def ends(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the next offset of each partition."""
        consumer = await self._open(partitions)
        try:
            ends = await consumer.end_offsets([KafkaPartition(*p) for p in partitions])
            return {TopicPartition(p.topic, p.partition): end for p, end in ends.items()}
        except KafkaError as error:
            raise translate(error, "ask for end offsets") from error
        finally:
            await close_whole(consumer.stop())

    async def _open(self, partitions: Sequence[TopicPartition]) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            **self._cluster.settings(),
            client_id=self._client_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            request_timeout_ms=int(self._timeout * 1000),
        )
        await start_client(consumer, consumer.stop, self._cluster, self._timeout)
        consumer.assign([KafkaPartition(*p) for p in partitions])
        return consumer


class Tail:
    """Partitions being followed."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def next(self, timeout: float) -> Mapping[TopicPartition, Sequence[Inbound]]:  # noqa: ASYNC109 the client's own time-out; cancelling getmany leaks in it
        """Return what has come, waiting up to `timeout` seconds for something.

        Raises:
            TransportUnavailable: The broker does not answer; calling again is fine.
        """
        try:
            fetched = await self._consumer.getmany(timeout_ms=int(timeout * 1000))
        except KafkaError as error:
            raise translate(error, "follow partitions") from error
        return {TopicPartition(p.topic, p.partition): records for p, records in fetched.items()}

    async def reached(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Tell whether everything below these offsets has been returned."""
        for partition, end in ends.items():
            if await self._consumer.position(KafkaPartition(*partition)) < end:
                return False
        return True

    async def aclose(self) -> None:
        """Stop following."""
        await close_whole(self._consumer.stop())
