"""A group's progress, seen from outside it."""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError

from ..delivery import TopicPartition
from ._errors import translate
from ._security import Cluster
from ._start import start


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

    async def lag(self, partitions: Sequence[TopicPartition]) -> int:
        """Return how many records lie between what is committed and the ends."""
        assert self._consumer is not None, "start() comes first"
        # Committed first: an end read later can only make the lag look larger, never smaller.
        committed: dict[KafkaPartition, int] = {}
        try:
            async with asyncio.timeout(self._timeout):
                for place in [KafkaPartition(*p) for p in partitions]:
                    committed[place] = await self._consumer.committed(place) or 0
        except (KafkaError, TimeoutError) as error:
            raise translate(error, "ask what the group has committed") from error
        ends = await self._ends(partitions)
        return sum(end - committed[place] for place, end in ends.items())

    async def _ends(self, partitions: Sequence[TopicPartition]) -> dict[KafkaPartition, int]:
        assert self._consumer is not None, "start() comes first"
        try:
            async with asyncio.timeout(self._timeout):
                ends: dict[KafkaPartition, int] = await self._consumer.end_offsets(
                    [KafkaPartition(*p) for p in partitions]
                )
        except (KafkaError, TimeoutError) as error:
            raise translate(error, "ask for end offsets") from error
        return ends
