"""What of a topic between the log and a legacy queue is handled, and is removed."""

from collections.abc import Sequence

from ..actors import ActorSystem, TransportError
from ._kafka import Admin, GroupOffsets, KafkaOptions
from .delivery import TopicPartition


class Handled:
    """Looks at how far a group has come in some partitions, and removes what is behind it.

    Args:
        system: The node.
        partitions: The partitions.
        group: The group.
        options: Of the clients.
        admin: Removes records.
    """

    def __init__(
        self,
        system: ActorSystem,
        partitions: Sequence[TopicPartition],
        group: str,
        options: KafkaOptions,
        admin: Admin,
    ) -> None:
        self._system = system
        self._partitions = partitions
        self._admin = admin
        self._group = GroupOffsets(options.cluster, group, timeout=options.request_timeout)
        self._asking = False
        self._told_of_no_trim = False

    async def backlog(self) -> int:
        """Return how many records are not handled yet.

        Raises:
            TransportError: No broker answers.
        """
        # The last record of a transaction is its own, and nobody handles it.
        own = len(self._partitions)
        return max(0, await (await self._offsets()).lag(self._partitions) - own)

    async def extent(self, partition: TopicPartition) -> tuple[int, int, int]:
        """Return where a partition starts and ends, and the first record that is not handled.

        Raises:
            TransportError: No broker answers.
        """
        group, asked = await self._offsets(), [partition]
        committed = (await group.committed(asked))[partition]
        start, end = (await group.starts(asked))[partition], (await group.ends(asked))[partition]
        return start, end, start if committed is None else committed

    async def tidy(self, partition: TopicPartition, needed_from: int | None = None) -> None:
        """Remove what is handled of a partition, up to a record that is still needed.

        Raises:
            TransportError: No broker answers.
        """
        start, _, position = await self.extent(partition)
        until = position if needed_from is None else min(position, needed_from)
        if until <= start:
            return
        try:
            await self._admin.trim({partition: until})
        except TransportError as error:
            if not self._told_of_no_trim:
                self._told_of_no_trim = True
                self._system.log.warning(
                    "what is handled is not removed; the right `delete` is missing, or the "
                    "broker cannot",
                    topic=partition.topic,
                    error=str(error),
                )

    async def aclose(self) -> None:
        """Disconnect."""
        if self._asking:
            await self._group.aclose()

    async def _offsets(self) -> GroupOffsets:
        if not self._asking:
            await self._group.start()
            self._asking = True
        return self._group
