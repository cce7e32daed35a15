"""A group's progress, seen from outside it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError

from ..delivery import TopicPartition
from ._errors import translate
from ._security import Cluster
from ._start import start

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
            await self._consumer.stop()

    async def written(self, partitions: Sequence[TopicPartition]) -> int:
        """Return the sum of the partitions' ends."""
        return sum((await self._ends(partitions)).values())

    async def committed(
        self, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int | None]:
        """Return the position the group has committed in each partition; None for none.

        Raises:
            TransportUnavailable: The broker does not answer.
        """
        assert self._consumer is not None, "start() comes first"
        try:
            async with asyncio.timeout(self._timeout):
                return {p: await self._consumer.committed(KafkaPartition(*p)) for p in partitions}
        except (KafkaError, TimeoutError) as error:
            raise translate(error, "ask what the group has committed") from error

    async def starts(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the first offset of each partition."""
        assert self._consumer is not None, "start() comes first"
        try:
            async with asyncio.timeout(self._timeout):
                found = await self._consumer.beginning_offsets(_theirs(partitions))
        except (KafkaError, TimeoutError) as error:
            raise translate(error, "ask for first offsets") from error
        return _ours(found)

    async def ends(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the next offset of each partition."""
        return _ours(await self._ends(partitions))

    async def since(
        self, partitions: Sequence[TopicPartition], at: float
    ) -> dict[TopicPartition, int | None]:
        """Return the first offset of each partition that is not older than a time.

        Args:
            partitions: Which.
            at: Seconds since the epoch.
        """
        assert self._consumer is not None, "start() comes first"
        milliseconds = max(0, int(at * 1000))
        try:
            async with asyncio.timeout(self._timeout):
                found: dict[KafkaPartition, Any] = await self._consumer.offsets_for_times(
                    dict.fromkeys(_theirs(partitions), milliseconds)
                )
        except (KafkaError, TimeoutError) as error:
            raise translate(error, "ask for offsets by time") from error
        return _ours({place: each.offset if each else None for place, each in found.items()})

    async def lag(self, partitions: Sequence[TopicPartition]) -> int:
        """Return how many records lie between what is committed and the ends."""
        assert self._consumer is not None, "start() comes first"
        # Committed first: an end read later can only make the lag look larger, never smaller.
        committed = await self.committed(partitions)
        ends = await self.ends(partitions)
        return sum(end - (committed[place] or 0) for place, end in ends.items())

    async def _ends(self, partitions: Sequence[TopicPartition]) -> dict[KafkaPartition, int]:
        assert self._consumer is not None, "start() comes first"
        try:
            async with asyncio.timeout(self._timeout):
                ends: dict[KafkaPartition, int] = await self._consumer.end_offsets(
                    _theirs(partitions)
                )
        except (KafkaError, TimeoutError) as error:
            raise translate(error, "ask for end offsets") from error
        return ends


def _theirs(partitions: Sequence[TopicPartition]) -> list[KafkaPartition]:
    return [KafkaPartition(*partition) for partition in partitions]


def _ours(found: Mapping[KafkaPartition, T]) -> dict[TopicPartition, T]:
    return {TopicPartition(place.topic, place.partition): each for place, each in found.items()}
