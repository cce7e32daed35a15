"""A group's progress, seen from outside it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError

from ..delivery import TopicPartition
from ._errors import translate
from ._lifecycle import close_whole, start
from ._security import Cluster

T = TypeVar("T")


class GroupOffsets:
    """Reads what a group has committed, without joining it."""

    def __init__(self, cluster: Cluster, group: str, *, timeout: float) -> None:
        self._cluster = cluster
        self._group = group
        self._timeout = timeout
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Connect.

        Raises:
            TransportUnavailable: No broker answers.
        """
        consumer = AIOKafkaConsumer(
            **self._cluster.settings(),
            group_id=self._group,  # for OffsetFetch alone: without a subscription nobody joins
            enable_auto_commit=False,
            client_id="callboard-inspector",
            request_timeout_ms=int(self._timeout * 1000),
        )
        await start(consumer, consumer.stop, self._cluster, self._timeout)
        self._consumer = consumer

    async def aclose(self) -> None:
        """Disconnect."""
        if self._consumer is not None:
            await close_whole(self._consumer.stop())

    async def written(self, partitions: Sequence[TopicPartition]) -> int:
        """Return the sum of the partitions' ends."""
        return sum((await self.ends(partitions)).values())

    async def committed(
        self, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int | None]:
        """Return the position the group has committed in each partition; None for none.

        Raises:
            TransportUnavailable: The broker does not answer.
        """
        async with self._asked("ask what the group has committed") as consumer:
            return {p: await consumer.committed(KafkaPartition(*p)) for p in partitions}

    async def starts(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the first offset of each partition."""
        async with self._asked("ask for first offsets") as consumer:
            return _ours(await consumer.beginning_offsets(_theirs(partitions)))

    async def ends(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the next offset of each partition."""
        async with self._asked("ask for end offsets") as consumer:
            return _ours(await consumer.end_offsets(_theirs(partitions)))

    async def since(
        self, partitions: Sequence[TopicPartition], at: float
    ) -> dict[TopicPartition, int | None]:
        """Return the first offset of each partition that is not older than a time.

        Args:
            partitions: Which.
            at: Seconds since the epoch.
        """
        times = dict.fromkeys(_theirs(partitions), max(0, int(at * 1000)))
        async with self._asked("ask for offsets by time") as consumer:
            found: dict[KafkaPartition, Any] = await consumer.offsets_for_times(times)
        return _ours({place: each.offset if each else None for place, each in found.items()})

    async def lag(self, partitions: Sequence[TopicPartition]) -> int:
        """Return how many records lie between what is committed and the ends."""
        # Committed first: an end read later can only make the lag look larger, never smaller.
        committed = await self.committed(partitions)
        ends = await self.ends(partitions)
        return sum(end - (committed[place] or 0) for place, end in ends.items())

    @asynccontextmanager
    async def _asked(self, what: str) -> AsyncGenerator[AIOKafkaConsumer]:
        """Give the client for one question, which has a deadline."""
        assert self._consumer is not None, "start() comes first"
        try:
            async with asyncio.timeout(self._timeout):
                yield self._consumer
        except (KafkaError, TimeoutError) as error:
            raise translate(error, what) from error


def _theirs(partitions: Sequence[TopicPartition]) -> list[KafkaPartition]:
    return [KafkaPartition(*partition) for partition in partitions]


def _ours(found: Mapping[KafkaPartition, T]) -> dict[TopicPartition, T]:
    return {TopicPartition(place.topic, place.partition): each for place, each in found.items()}
