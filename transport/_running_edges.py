"""What a running node does at its edges: publishers, consumers, relays."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from ..actors import ActorSystem, Entity, TransportError
from ._bridging import LogIntake, route_of
from ._edge_topics import edge_kinds, publisher_topic, source_topics
from ._edges import Edges
from ._handled import Handled
from ._kafka import Admin, BatchProducer, KafkaDriver, KafkaOptions
from ._layout import consumer_topics, queue_topic
from ._mailboxes import Mailboxes
from ._publishing import Publishing
from .bridges import BridgeKeeper
from .consumers import Clients, Consumer, RunningConsumer
from .delivery import TopicPartition, batch_time
from .nodes import Singletons
from .outbox import Outbox, Relay

TIDY_EVERY = 60.0
"""Seconds."""


class RunningEdges:
    """Carries out what `Edges` declare, as far as the transport has come.

    Args:
        system: The node.
        edges: What is declared; it may grow.
        run: This run of the node, as a source of messages.
        ready: Returns when the topics of all publishers are there.
        singletons: Runs each bridge on one node.
        mailboxes: Where the mail of entities goes.
    """

    def __init__(
        self,
        system: ActorSystem,
        edges: Edges,
        run: str,
        *,
        ready: Callable[[], Awaitable[None]],
        singletons: Singletons,
        mailboxes: Mailboxes,
    ) -> None:
        self._system = system
        self._singletons = singletons
        self._mailboxes = mailboxes
        self._edges = edges
        self._consumers: dict[str, RunningConsumer] = {}
        self._bridges: set[str] = set()
        self._relays: list[tuple[BatchProducer, asyncio.Task[None]]] = []
        self._tidying: list[tuple[Handled, asyncio.Task[None]]] = []
        self.publishing = Publishing(system, run, ready)
        """What publishers write through."""
        self.consuming = False
        """Whether consumers and relays are to run."""

    @property
    def owned(self) -> list[TopicPartition]:
        """The partitions that consumers have here."""
        return [each for one in self._consumers.values() for each in one.owned]

    @property
    def kinds(self) -> list[type[Entity]]:
        """The kinds of entities that consumers and bridges bring messages to."""
        return edge_kinds(self._edges) if self.consuming else []

    @property
    def is_prepared(self) -> bool:
        """Everything that is declared, and is to run, does."""
        edges = self._edges
        running = (len(self._consumers), len(self._relays))
        wanted = (len(edges.consumers), len(edges.outboxes))
        return all(map(self.publishing.is_open, edges.publishers)) and (
            not self.consuming or running == wanted
        )

    async def prepare(self, admin: Admin, driver: KafkaDriver, clients: Clients) -> None:
        """Make the topics of publishers, and begin the consumers and relays, that are new.

        Raises:
            TransportUnavailable: No broker answers.
            TransportError: Topics do not fit, or may not be created.
        """
        fresh = [
            publisher
            for topic, publisher in self._edges.publishers.items()
            if not self.publishing.is_open(topic)
        ]
        if fresh:
            await admin.ensure([publisher_topic(self._edges, each) for each in fresh])
            for publisher in fresh:
                self.publishing.opened(publisher.topic, driver)
        if not self.consuming:
            return
        await admin.ensure([queue_topic(each) for each in sorted(self._edges.queue_topics)])
        for name, bridge in list(self._edges.bridges.items()):
            if name not in self._bridges:
                route = route_of(self._system, bridge, clients.codec, self._mailboxes)
                make = partial(
                    LogIntake,
                    self._system,
                    bridge,
                    clients.options,
                    admin=admin,
                    reader=driver.reader,
                    mail=() if route is None else self._mailboxes.partitions(route.kind),
                )
                self._singletons.declare(BridgeKeeper, (bridge, make, route), {}, name)
                self._bridges.add(name)
        for name, consumer in list(self._edges.consumers.items()):
            if name not in self._consumers:
                await self._make_topics(admin, consumer)
                running = RunningConsumer(self._system, consumer, clients)
                await running.start()
                self._consumers[name] = running
                if consumer.topic in self._edges.carried:
                    self._tidying.append(self._start_tidying(consumer, clients.options, admin))
        for outbox in self._edges.outboxes[len(self._relays) :]:
            self._relays.append(self._start_relay(outbox, clients.options))

    async def stop_consuming(self) -> None:
        """Finish what the consumers have in hand and commit it; take nothing more."""
        self.consuming = False
        for _, task in self._relays:
            task.cancel()
        await asyncio.gather(
            *(each.drain() for each in self._consumers.values()),
            *(task for _, task in self._relays),
            return_exceptions=True,
        )

    async def aclose(self) -> None:
        """Leave the groups, and disconnect."""
        for consumer in self._consumers.values():
            await consumer.aclose()
        for producer, _ in self._relays:
            await producer.aclose()
        for handled, task in self._tidying:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await handled.aclose()
        for connected in self._edges.connected:
            await connected.aclose()

    def publish(
        self,
        topic: str,
        message: object,
        key: str | bytes | None,
        headers: Mapping[str, str | bytes] | None,
    ) -> None:
        """Publish for a consumer's context.

        Raises:
            LookupError: No publisher has been declared for the topic.
            SchemaError: The publisher does not take such a message.
        """
        publisher = self._edges.publishers.get(topic)
        if publisher is None:
            raise LookupError(
                f"no publisher writes to {topic!r}; declare one beside the consumer, as in "
                f"system.publisher({topic!r}, {type(message).__qualname__})"
            )
        publisher.tell(message, key=key, headers=headers)

    async def _make_topics(self, admin: Admin, consumer: Consumer) -> None:
        await admin.ensure(source_topics(self._edges, consumer))
        partitions = (await admin.matching(consumer.topic.__eq__))[consumer.topic]
        await admin.ensure(consumer_topics(self._system.name, consumer.name, partitions))

    def _start_relay(
        self, outbox: Outbox, options: KafkaOptions
    ) -> tuple[BatchProducer, asyncio.Task[None]]:
        system = self._system
        # Its own: a producer that has failed is replaced, and that would disturb all others.
        producer = BatchProducer(options.cluster, system.node, timeout=options.write_timeout)
        relay = Relay(outbox, producer, lambda: batch_time(system.wall_clock()), system.log)
        return producer, asyncio.create_task(relay.run(), name="callboard-relay")

    def _start_tidying(
        self, consumer: Consumer, options: KafkaOptions, admin: Admin
    ) -> tuple[Handled, asyncio.Task[None]]:
        """Remove now and then what was carried into a legacy queue."""
        place = TopicPartition(consumer.topic, 0)
        handled = Handled(self._system, [place], consumer.group, options, admin)

        async def tidy() -> None:
            while True:
                await asyncio.sleep(TIDY_EVERY)
                try:
                    await handled.tidy(place)
                except TransportError as error:
                    self._system.log.warning(
                        "no broker says what an outlet has carried; looking again later",
                        topic=consumer.topic,
                        error=str(error),
                    )

        return handled, asyncio.create_task(tidy(), name="callboard-tidy")
