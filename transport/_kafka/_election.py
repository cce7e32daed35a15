"""Which of several nodes it is to be: a group whose members share one partition."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError

from ..delivery import TopicPartition
from ._errors import kept_out
from ._lifecycle import close_whole, start
from ._options import KafkaOptions
from ._placement import sticky

_LOOK = 0.2

_log = structlog.get_logger("callboard.kafka")


class Election:
    """A candidate: the member of the group that has the partition is the elected one.

    Nothing is read from the partition, and nothing is committed.

    Args:
        options: Of the client.
        group: The group, which is only for this.
        node: The name of this node.
        partition: Any partition that is there; the topic should have no other.
        elected: Called with whether it is this node, each time that is decided.
        moving: Awaited before it is decided anew.
    """

    def __init__(
        self,
        options: KafkaOptions,
        *,
        group: str,
        node: str,
        partition: TopicPartition,
        elected: Callable[[bool], None],
        moving: Callable[[], Awaitable[None]],
    ) -> None:
        self._options = options
        self._group = group
        self._node = node
        self._partition = partition
        self._elected = elected
        self._moving = moving
        self._here = False
        self._consumer: AIOKafkaConsumer | None = None
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Join the group.

        Raises:
            TransportUnavailable: No broker answers.
        """
        options = self._options
        consumer = AIOKafkaConsumer(
            **options.cluster.settings(),
            **options.of_a_member(),
            client_id=self._node,
            group_id=self._group,
            auto_offset_reset="latest",
            partition_assignment_strategy=(sticky(self._warm),),
        )
        await start(consumer, consumer.stop, options.cluster, options.request_timeout)
        self._consumer = consumer
        consumer.subscribe(topics=[self._partition.topic], listener=_Listener(self))
        self._looking = asyncio.create_task(self._look(), name="callboard-election")

    async def aclose(self) -> None:
        """Leave the group, so that another is elected."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        if self._consumer is not None:
            try:
                async with asyncio.timeout(self._options.request_timeout):
                    await close_whole(self._consumer.stop())
            except (KafkaError, TimeoutError) as error:
                _log.warning("left the group without saying so", error=str(error))

    async def revoked(self) -> None:
        """The group is deciding anew."""
        await self._moving()

    def assigned(self, partitions: frozenset[KafkaPartition]) -> None:
        """The group has decided."""
        consumer = self._consumer
        if consumer is not None and partitions:
            consumer.pause(*partitions)
        self._here = KafkaPartition(*self._partition) in partitions
        self._elected(self._here)

    def _warm(self) -> dict[TopicPartition, int]:
        """Return what this node would like to keep."""
        return {self._partition: 1} if self._here else {}

    async def _look(self) -> None:
        """Notice what ends the client's membership: it is told to those who fetch."""
        assert self._consumer is not None, "start() sets it"
        coordinator: Any = self._consumer._coordinator  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001 said above
        while True:
            try:
                coordinator.check_errors()
            except KafkaError as error:
                reason = kept_out(error, self._group) or error
                _log.error("this node can run no singletons", group=self._group, error=str(reason))
                self._elected(False)  # noqa: FBT003 what the group says
                return
            await asyncio.sleep(_LOOK)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Tells the candidate what the group does. The client swallows what this raises."""

    def __init__(self, election: Election) -> None:
        self._election = election

    # The client awaits what these return, and declares them plain.
    async def on_partitions_revoked(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, revoked: frozenset[KafkaPartition]
    ) -> None:
        """Have others know what runs here."""
        del revoked
        try:
            await self._election.revoked()
        except Exception:  # noqa: BLE001 the client would swallow it without a word
            _log.exception("deciding anew who runs a singleton failed")

    async def on_partitions_assigned(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, assigned: frozenset[KafkaPartition]
    ) -> None:
        """Take the decision."""
        self._election.assigned(assigned)
