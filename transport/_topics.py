"""A system's topics, planned, prepared and pruned from outside: `callboard topics`."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from math import isinf

from ..actors import Entity
from ._cluster import cluster_of_system
from ._edge_topics import edge_kinds, edge_topics
from ._edges import Edges
from ._kafka import Admin, GroupOffsets, KafkaOptions, KafkaSecurity, TopicStep
from ._layout import kind_topics, system_topics
from ._pruning import Progress, Prunable, prunable
from .delivery import TopicPartition, mailbox_topic

_CLIENT = "callboard-topics"


class Topics:
    """The topics of a system on a cluster.

    Example:
        >>> async def prepare() -> None:
        ...     topics = Topics("kafka://127.0.0.1:9092", "bank", [Account])
        ...     await topics.apply(await topics.plan())

    Args:
        url: A `kafka://` URL.
        system: The system's name.
        kinds: The kinds of entities it has.
        edges: Its consumers, bridges, outlets and publishers; None for none.
        security: How to come in; None for what the URL and the environment say.

    Raises:
        InvalidTransportURL: Not a `kafka://` URL.
    """

    def __init__(
        self,
        url: str,
        system: str,
        kinds: Sequence[type[Entity]],
        *,
        edges: Edges | None = None,
        security: KafkaSecurity | None = None,
    ) -> None:
        instead = "makes its topics itself. Give the URL of a cluster, as in kafka://HOST:9092"
        cluster = cluster_of_system(url, system, security, instead)
        timeout = KafkaOptions(cluster=cluster).request_timeout
        if edges is not None:
            kinds = list({each.kind(): each for each in (*kinds, *edge_kinds(edges))}.values())
        self._system = system
        self._edges = edges
        self._specs = [*system_topics(system), *kind_topics(system, kinds)]
        self._mailboxes = {mailbox_topic(system, kind) for kind in kinds}
        self._admin = Admin(cluster, _CLIENT, timeout=timeout)
        self._group = partial(GroupOffsets, cluster, system, timeout=timeout)

    async def plan(self) -> list[TopicStep]:
        """Return what has to be done so that topics are as they must be; do nothing.

        Raises:
            TransportUnavailable: No broker answers.
        """
        specs = self._specs
        if self._edges is not None:
            specs = [*specs, *await edge_topics(self._system, self._edges, self._admin)]
        return await self._admin.plan(specs)

    async def apply(self, steps: Sequence[TopicStep]) -> None:
        """Create what is missing and change settings; delete nothing, move no key.

        What is refused in a plan is left alone.

        Raises:
            TransportUnavailable: No broker answers.
            TransportError: The broker refuses.
        """
        await self._admin.apply(steps)

    async def prunable(self, before: float) -> list[Prunable]:
        """Return what of the mailboxes may be removed: handled, and older than a time.

        Args:
            before: Seconds since the epoch. It is compared with what the senders' clocks
                said; infinity for everything that is handled.

        Raises:
            TransportUnavailable: No broker answers.
        """
        topics = await self._admin.matching(self._mailboxes.__contains__)
        places = [
            TopicPartition(topic, number)
            for topic, count in sorted(topics.items())
            for number in range(count)
        ]
        async with self._offsets() as group:
            # Committed first: an end read later is behind it, unless the log is another.
            committed = await group.committed(places)
            ends = await group.ends(places)
            starts = await group.starts(places)
            young = dict.fromkeys(places) if isinf(before) else await group.since(places, before)
        return prunable(Progress(*p, starts[p], ends[p], committed[p], young[p]) for p in places)

    async def prune(self, found: Sequence[Prunable]) -> None:
        """Remove records from mailboxes, for good, as `prunable` has found them.

        The group's positions are read again: if one was set back meanwhile, what is above
        it stays. States, quarantine and the positions themselves are left alone.

        Raises:
            TransportUnavailable: No broker answers; again is fine, what is gone is gone.
            TransportError: The broker refuses.
        """
        wanted = {TopicPartition(p.topic, p.partition): p.until for p in found if p.offsets}
        async with self._offsets() as group:
            committed = await group.committed(list(wanted))
        starts = {place: min(until, committed[place] or 0) for place, until in wanted.items()}
        if starts:
            await self._admin.trim(starts)

    @asynccontextmanager
    async def _offsets(self) -> AsyncGenerator[GroupOffsets]:
        group = self._group()
        await group.start()
        try:
            yield group
        finally:
            await group.aclose()
