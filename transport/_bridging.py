"""The intake of a bridge in the log: one partition, one writer, transactions."""

from collections.abc import AsyncIterator, Sequence

from ..actors import ActorSystem, TransportError
from ._kafka import Admin, GroupOffsets, KafkaOptions, Reader, Transactions
from .bridges import Bridge
from .delivery import Inbound, Outbound, TopicPartition


class LogIntake:
    """Implements `Intake`.

    Its transactional id names the intake, so whoever fences it last is the only one who writes: a
    bridge that slept through its end wakes up to a refusal, and what it had begun is undone.

    Args:
        system: The node.
        bridge: Whose intake it is.
        options: Of the clients.
        admin: Removes what is handled.
        reader: Reads what stands there.
    """

    def __init__(
        self,
        system: ActorSystem,
        bridge: Bridge,
        options: KafkaOptions,
        *,
        admin: Admin,
        reader: Reader,
    ) -> None:
        self.partition = TopicPartition(bridge.consumer.topic, 0)
        self._system = system
        self._admin = admin
        self._reader = reader
        self._transactions = Transactions(
            options.cluster,
            system.node,
            group=f"{system.name}/bridges",
            timeout=options.write_timeout,
        )
        self._group = GroupOffsets(
            options.cluster, bridge.consumer.group, timeout=options.request_timeout
        )
        self._asking = False
        self._told_of_no_trim = False

    async def fence(self) -> None:
        """See `Intake.fence`."""
        await self._transactions.fence(self.partition)

    async def write(self, records: Sequence[Outbound]) -> None:
        """See `Intake.write`."""
        await self._transactions.write(self.partition, records, None)

    async def newest(self, count: int) -> AsyncIterator[Sequence[Inbound]]:
        """See `Intake.newest`. Each transaction takes an offset of its own, so ask for twice."""
        end = (await self._reader.ends([self.partition]))[self.partition]
        if end:
            async for records in self._reader.read(self.partition, max(0, end - 2 * count), end):
                yield records

    async def backlog(self) -> int:
        """See `Intake.backlog`."""
        return await (await self._offsets()).lag([self.partition])

    async def tidy(self, keep: int) -> None:
        """See `Intake.tidy`. What is kept tells which ids are known."""
        group = await self._offsets()
        committed = (await group.committed([self.partition]))[self.partition]
        end = (await group.ends([self.partition]))[self.partition]
        until = min(committed or 0, end - 2 * keep)
        if until <= (await group.starts([self.partition]))[self.partition]:
            return
        try:
            await self._admin.trim({self.partition: until})
        except TransportError as error:
            if not self._told_of_no_trim:
                self._told_of_no_trim = True
                self._system.log.warning(
                    "what a bridge has handled is not removed; the right `delete` is missing, "
                    "or the broker cannot",
                    topic=self.partition.topic,
                    error=str(error),
                )

    async def aclose(self) -> None:
        """Disconnect."""
        await self._transactions.aclose()
        if self._asking:
            await self._group.aclose()

    async def _offsets(self) -> GroupOffsets:
        if not self._asking:
            await self._group.start()
            self._asking = True
        return self._group
