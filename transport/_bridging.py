"""The intake of a bridge in the log: one partition, one writer, transactions."""

from collections.abc import AsyncIterator, Sequence

from ..actors import ActorSystem
from ._handled import Handled
from ._kafka import Admin, KafkaOptions, Reader, Transactions
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
        self._reader = reader
        self._transactions = Transactions(
            options.cluster,
            system.node,
            group=f"{system.name}/bridges",
            timeout=options.write_timeout,
        )
        group = bridge.consumer.group
        self._handled = Handled(system, self.partition, group, options, admin)

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
        return await self._handled.backlog()

    async def tidy(self, keep: int) -> None:
        """See `Intake.tidy`. What is kept tells which ids are known."""
        await self._handled.tidy(2 * keep)

    async def aclose(self) -> None:
        """Disconnect."""
        await self._transactions.aclose()
        await self._handled.aclose()
