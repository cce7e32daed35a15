"""The intake of a bridge in the log: one partition, one writer, transactions."""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence

from ..actors import ActorSystem
from ._handled import Handled
from ._kafka import Admin, KafkaOptions, Reader, Transactions
from ._mailboxes import Mailboxes
from .bridges import Bridge, DirectRoute, Extent
from .consumers import RouteTarget, target_of
from .delivery import SOURCE, Changelog, Codec, Inbound, Outbound, TopicPartition, state_of

_WRITE_TIMEOUT = 5.0
"""Seconds. For twice as long, what a bridge had begun when it died holds up readers of mailboxes,
unless its successor has fenced it before."""


def route_of(
    system: ActorSystem, bridge: Bridge, codec: Codec, mailboxes: Mailboxes
) -> DirectRoute | None:
    """Return how a bridge's messages go straight to their entities; None if they cannot.

    They cannot where somebody has to be waited for, or nothing may be tried again.
    """
    kind = bridge.consumer.to
    target = target_of(bridge.consumer, codec)
    if kind is None or not isinstance(target, RouteTarget) or not target.early:
        return None
    if bridge.consumer.options.at_most_once:
        return None
    return DirectRoute(
        bridge,
        target,
        codec,
        kind=kind.kind(),
        sender=(SOURCE, bridge.consumer.path(system.name).encode()),
        place=mailboxes.place,
        run=f"{system.node}-{system.random.getrandbits(64):016x}",
    )


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
        mail: The mailboxes that it writes itself.
    """

    def __init__(
        self,
        system: ActorSystem,
        bridge: Bridge,
        options: KafkaOptions,
        *,
        admin: Admin,
        reader: Reader,
        mail: Sequence[TopicPartition],
    ) -> None:
        self.partition = TopicPartition(bridge.consumer.topic, 0)
        self._states = TopicPartition(state_of(f"{system.name}.{bridge.name}"), 0)
        self._reader = reader
        self._transactions = Transactions(
            options.cluster,
            system.node,
            group=f"{system.name}/bridges",
            timeout=min(options.write_timeout, _WRITE_TIMEOUT),
        )
        group = bridge.consumer.group
        self._handled = Handled(system, [self.partition], group, options, admin)
        self._mail = Handled(system, mail, system.name, options, admin) if mail else None

    async def fence(self) -> None:
        """See `Intake.fence`."""
        await self._transactions.fence(self.partition)

    async def write(self, records: Iterable[Outbound]) -> Sequence[int]:
        """See `Intake.write`."""
        return await self._transactions.write(self.partition, records, None)

    async def extent(self) -> Extent:
        """See `Intake.extent`."""
        return Extent(*await self._handled.extent(self.partition))

    def read(self, start: int, end: int) -> AsyncIterator[Sequence[Inbound]]:
        """See `Intake.read`."""
        return self._reader.read(self.partition, start, end)

    async def parked(self) -> Collection[str]:
        """See `Intake.parked`."""
        changelog = Changelog()
        end = (await self._reader.ends([self._states]))[self._states]
        if end:
            async for records in self._reader.read(self._states, 0, end):
                changelog.fold(records)
        return [key for key, state in changelog.states.items() if state.parked]

    async def backlog(self) -> int:
        """See `Intake.backlog`."""
        own = await self._handled.backlog()
        return own if self._mail is None else max(own, await self._mail.backlog())

    async def tidy(self, needed_from: int | None) -> None:
        """See `Intake.tidy`."""
        await self._handled.tidy(self.partition, needed_from)

    async def aclose(self) -> None:
        """Disconnect."""
        await self._transactions.aclose()
        await self._handled.aclose()
        if self._mail is not None:
            await self._mail.aclose()
