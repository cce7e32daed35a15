"""Looking at a system from outside: lag, states, quarantine, members, failures."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ..actors import Entity, FailureEvent, TransportError
from ..schemas import FailureEvent as FailureMessage
from ..schemas import Heartbeat, ProtobufDecodeError
from ._cluster import cluster_of_system
from ._kafka import Admin, GroupOffsets, KafkaOptions, KafkaSecurity, Reader, Tail
from ._layout import kind_topics, system_topics
from .delivery import (
    Changelog,
    Inbound,
    QuarantinedMessage,
    Shelf,
    StoredState,
    TopicPartition,
    failures_topic,
    mailbox_topic,
    members_topic,
    quarantine_topic,
    state_topic,
)
from .nodes import failure_from

_POLL = 0.2


@dataclass(frozen=True, slots=True)
class Member:
    """What a node last said of itself.

    Attributes:
        node: Its id.
        at: When, in seconds since the epoch, by its own clock.
        owned: The partitions it runs, as (topic, partition).
        counters: Counts since it started.
        leaving: It has stopped in good order.
    """

    node: str
    at: float
    owned: tuple[tuple[str, int], ...]
    counters: dict[str, int]
    leaving: bool


class Inspector:
    """A client of a system's topics that is no node of it, and changes nothing.

    Example:
        >>> async def backlog() -> int:
        ...     async with Inspector("kafka://127.0.0.1:9092", "bank") as inspector:
        ...         return await inspector.lag(Account)

    Args:
        url: A `kafka://` URL; a `memory://` broker cannot be looked at from outside.
        system: The system's name.
        security: How to come in; None for what the URL and the environment say.

    Raises:
        InvalidTransportURL: Not a `kafka://` URL.
    """

    def __init__(self, url: str, system: str, *, security: KafkaSecurity | None = None) -> None:
        instead = "lives inside one process. Start one for several with: callboard broker"
        cluster = cluster_of_system(url, system, security, instead)
        options = KafkaOptions(cluster=cluster)
        self._system = system
        self._admin = Admin(cluster, "callboard-inspector", timeout=options.request_timeout)
        self._reader = Reader(cluster, "callboard-inspector", timeout=options.request_timeout)
        self._group = GroupOffsets(cluster, system, timeout=options.request_timeout)
        self._there: set[str] = set()
        self._members: dict[str, Member] = {}
        self._callbacks: list[Callable[[FailureEvent], None]] = []
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Make the system's own topics if need be, and start following them."""
        await self._admin.ensure(system_topics(self._system))
        tail = await self._reader.tail(
            [
                TopicPartition(members_topic(self._system), 0),
                TopicPartition(failures_topic(self._system), 0),
            ],
            from_start=True,
        )
        await self._group.start()
        self._task = asyncio.create_task(self._follow(tail), name="callboard-inspector")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping = True
        if self._task is not None:
            await asyncio.wait([self._task], timeout=5.0)
        await self._group.aclose()

    async def lag(self, kind: type[Entity]) -> int:
        """Return how many records of a kind's mailboxes are not committed yet."""
        mailbox = mailbox_topic(self._system, kind)
        if not await self._is_there(mailbox):
            return 0
        return await self._group.lag(self._partitions(mailbox, kind))

    async def written(self, kind: type[Entity]) -> int:
        """Return how many records were ever written to a kind's mailboxes."""
        mailbox = mailbox_topic(self._system, kind)
        if not await self._is_there(mailbox):
            return 0
        return await self._group.written(self._partitions(mailbox, kind))

    async def states(self, kind: type[Entity]) -> dict[str, StoredState]:
        """Return the durable truth of every entity of a kind, by id."""
        states: dict[str, StoredState] = {}
        for records in await self._read_all(state_topic(self._system, kind), kind):
            changelog = Changelog()
            changelog.fold(records)
            states.update(changelog.states)
        return states

    async def quarantined(self, kind: type[Entity]) -> list[QuarantinedMessage]:
        """Return what waits in a kind's quarantine, in the order of each key.

        A message that a crash put there twice is returned once; one that was redriven or
        dropped is not there any more.
        """
        shelf = Shelf()
        for records in await self._read_all(quarantine_topic(self._system, kind), kind):
            shelf.fold(records)
        return shelf.messages()

    def members(self) -> dict[str, Member]:
        """Return the last heartbeat of every node, dead ones included."""
        return dict(self._members)

    def on_failure(self, callback: Callable[[FailureEvent], None]) -> None:
        """Call `callback` with every failure event, from the first the topic keeps."""
        self._callbacks.append(callback)

    async def delete_topics(self, kinds: Sequence[type[Entity]] = ()) -> None:
        """Delete the system's topics and those of these kinds, with all they hold."""
        specs = [*system_topics(self._system), *kind_topics(self._system, kinds)]
        await self._admin.delete([spec.name for spec in specs])
        self._there.clear()

    async def _is_there(self, topic: str) -> bool:
        """Tell whether a topic exists.

        Whoever merely asks for its end has most brokers make it, with another number of
        partitions than its kind's; then no node could begin with it.
        """
        if topic not in self._there and await self._admin.matching(topic.__eq__):
            self._there.add(topic)
        return topic in self._there

    def _partitions(self, topic: str, kind: type[Entity]) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for number in range(kind.partitions)]

    async def _read_all(self, topic: str, kind: type[Entity]) -> list[list[Inbound]]:
        if not await self._is_there(topic):
            return []
        partitions = self._partitions(topic, kind)
        ends = await self._reader.ends(partitions)
        read: list[list[Inbound]] = []
        for partition in partitions:
            records: list[Inbound] = []
            if ends[partition]:
                async for chunk in self._reader.read(partition, 0, ends[partition]):
                    records.extend(chunk)
            read.append(records)
        return read

    async def _follow(self, tail: Tail) -> None:
        try:
            while not self._stopping:
                try:
                    fetched = await tail.next(_POLL)
                except TransportError:
                    await asyncio.sleep(_POLL)  # it may come back; callers see it themselves
                    continue
                for partition, records in fetched.items():
                    for record in records:
                        with contextlib.suppress(ProtobufDecodeError):
                            self._heard(partition.topic, record)
        finally:
            await tail.aclose()

    def _heard(self, topic: str, record: Inbound) -> None:
        if topic == members_topic(self._system):
            beat = Heartbeat.FromString(record.value or b"")
            self._members[beat.node] = Member(
                beat.node,
                beat.at,
                tuple((owned.topic, owned.partition) for owned in beat.owned),
                dict(beat.counters),
                beat.leaving,
            )
            return
        event = failure_from(FailureMessage.FromString(record.value or b""))
        for callback in self._callbacks:
            callback(event)
