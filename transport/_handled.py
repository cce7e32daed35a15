"""What of a topic between the log and a legacy queue is handled, and is removed."""

from ..actors import ActorSystem, TransportError
from ._kafka import Admin, GroupOffsets, KafkaOptions
from .delivery import TopicPartition


class Handled:
    """Looks at how far a consumer has come in the one partition of its topic.

    Args:
        system: The node.
        partition: The partition.
        group: The consumer's.
        options: Of the clients.
        admin: Removes records.
    """

    def __init__(
        self,
        system: ActorSystem,
        partition: TopicPartition,
        group: str,
        options: KafkaOptions,
        admin: Admin,
    ) -> None:
        self._system = system
        self._partition = partition
        self._admin = admin
        self._group = GroupOffsets(options.cluster, group, timeout=options.request_timeout)
        self._asking = False
        self._told_of_no_trim = False

    async def backlog(self) -> int:
        """Return how many records are not handled yet.

        Raises:
            TransportError: No broker answers.
        """
        return await (await self._offsets()).lag([self._partition])

    async def tidy(self, keep: int) -> None:
        """Remove what is handled, but for the last `keep` offsets.

        Raises:
            TransportError: No broker answers.
        """
        group, partition = await self._offsets(), self._partition
        committed = (await group.committed([partition]))[partition]
        end = (await group.ends([partition]))[partition]
        until = min(committed or 0, end - keep)
        if until <= (await group.starts([partition]))[partition]:
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
