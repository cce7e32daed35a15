"""The transport of one node: everything between its references and a log."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..actors import (
    SINGLETONS,
    Actor,
    ActorRef,
    ActorSystem,
    Address,
    CallboardError,
    Entity,
    EntityRef,
    MessagePolicy,
    TransportClosed,
)
from ..schemas import TypeRegistry
from ._cluster import cluster_of
from ._edges import Edges
from ._elections import GroupElections
from ._entities import EntityVerbs
from ._kafka import (
    SESSION_TIMEOUT,
    Admin,
    Cluster,
    KafkaDriver,
    KafkaOptions,
    KafkaSecurity,
)
from ._layout import kind_topics, system_topics
from ._mailboxes import Mailboxes
from ._outbound import ClientSender
from ._running_edges import RunningEdges
from ._url import TransportURL
from .consumers import Clients
from .delivery import (
    Codec,
    Counters,
    DeliveryCore,
    DeliveryOptions,
    Host,
    Kind,
    LocalStore,
    TopicPartition,
    batch_time,
    check_system_name,
)
from .nodes import Nodes, Singletons
from .publishers import PublisherPort

if TYPE_CHECKING:
    from .broker import Broker

_DRAIN = 5.0


class KafkaTransport:
    """Implements `Transport` over Kafka, or over the embedded broker for `memory://`.

    Order of events on start: the broker of `memory://`, topics, the sender,
    then the group, if the node hosts anything. On close: the partitions are
    drained and the group is left, what was told is written, and last the
    broker stops.

    Args:
        system: The node.
        url: Where the log is.
        hosts: Kinds this node runs; None for every kind it refers to.
        policy: For kinds that have none of their own.
        options: How the delivery core works.
        security: How to come in; None for what the URL and the environment say.
        edges: The consumers and publishers of the system.
    """

    def __init__(
        self,
        system: ActorSystem,
        url: TransportURL,
        *,
        hosts: list[type[Entity]] | None,
        policy: MessagePolicy,
        options: DeliveryOptions,
        security: KafkaSecurity | None = None,
        edges: Edges,
    ) -> None:
        check_system_name(system.name)
        self._system = system
        self._url = url
        self._cluster = cluster_of(url, security)
        self._hosts_everything = hosts is None
        self._mailboxes = Mailboxes(system.name)
        self._policy = policy
        self._options = options
        self._hosted: set[str] = {kind.kind() for kind in hosts or ()}
        self._prepared: set[str] = set()
        self._table: dict[str, Kind] = {}  # by mailbox topic; shared with the core
        self._codec = Codec(TypeRegistry())
        self._counters = Counters()
        self._changing = asyncio.Lock()
        self._closed = False
        self._starting: asyncio.Task[None] | None = None
        self._broker: Broker | None = None
        self._admin: Admin | None = None
        self._client_options: KafkaOptions | None = None
        self._driver: KafkaDriver | None = None
        self._core: DeliveryCore | None = None
        self._store: LocalStore | None = None
        run = f"{system.node}~{system.random.getrandbits(32):08x}"
        self._sender = ClientSender(run, lambda: batch_time(system.wall_clock()))
        timeout = url.session_timeout or SESSION_TIMEOUT
        self._nodes = Nodes(
            system,
            self._codec,
            self._sender,
            run=run,
            timeout=timeout,
            owned=self._owned,
            counters=self._counters.as_dict,
            ready=self.start,
            reach=system.ref,
        )
        self._singletons = Singletons(system, self._nodes, timeout=timeout)
        self._edges = RunningEdges(
            system,
            edges,
            run,
            ready=self.start,
            singletons=self._singletons,
            mailboxes=self._mailboxes,
        )
        self._elections: GroupElections | None = None
        self._verbs = EntityVerbs(
            system,
            self._codec,
            self._sender,
            self._nodes.replies,
            mailboxes=self._mailboxes,
            ready=self.start,
        )
        for kind in hosts or ():
            self._mailboxes.know(kind)

    # -- Transport ----------------------------------------------------------------

    async def start(self) -> None:
        """Start, and make ready what was referred to since; safe to call often.

        Raises:
            TransportUnavailable: No broker answers.
            TransportError: Topics do not fit, or may not be created.
        """
        for kind in self._edges.kinds:
            self._refer_to(kind)
        known = len(self._prepared) == len(self._mailboxes.kinds) and self._edges.is_prepared
        if self._driver is not None and known and self._singletons.is_prepared:
            return
        if self._closed:  # also while closing, which holds the lock
            raise TransportClosed("the transport is closed; the system has stopped")
        async with self._changing:
            driver = self._driver or await self._open()
            await self._prepare(driver)
            assert self._admin is not None, "_open sets it"
            await self._edges.prepare(self._admin, driver, self._clients())
            assert self._elections is not None, "_open sets it"
            await self._singletons.prepare(self._elections)

    async def consume(self) -> None:
        """Begin to feed the consumers; those declared later begin at once.

        Raises:
            TransportUnavailable: No broker answers.
            TransportError: Topics do not fit, or may not be created.
        """
        self._edges.consuming = True
        await self.start()

    async def leave(self) -> None:
        """Begin to stop, while the actors are there.

        The others are told; what the consumers have in hand is finished and committed, and the
        singletons that run here are stopped, so that another node may run them.
        """
        self._nodes.announcer.leave()
        async with self._changing:
            await self._edges.stop_consuming()
            await self._singletons.aclose()

    def consume_soon(self) -> None:
        """Feed the consumers that were declared since, in the background."""
        self._edges.consuming = True
        self.start_soon()

    def start_soon(self) -> None:
        """Start what was declared since, in the background."""
        self._starting = asyncio.create_task(self._start_soon(), name="callboard-start")

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that are there, this one included, in the order of their names."""
        return self._nodes.membership.up

    @property
    def publishing(self) -> PublisherPort:
        """What publishers write through."""
        return self._edges.publishing

    def entity(self, kind: type[Entity], id: str) -> EntityRef[Any]:  # noqa: A002 the field's word
        """Return the reference of an entity, which need not exist yet.

        Raises:
            ValueError: Another class has the same kind name.
        """
        name = kind.kind()
        if id.startswith("\x00"):
            raise ValueError(f"{id!r} cannot be an entity's id: it starts with a NUL character")
        if self._refer_to(kind):
            self.start_soon()  # a tell does not wait for anything, so nobody else may ever do it
        return EntityRef(self._system.name, name, id, self._verbs)

    def ref(self, address: Address) -> ActorRef[Any] | EntityRef[Any]:
        """Return the reference of what lives elsewhere, or may live anywhere.

        Raises:
            LookupError: It is of a kind that this node does not know.
        """
        if not address.kind:
            self._start_if_need_be()
            return self._nodes.actor(address)
        if address.kind == SINGLETONS:
            self._start_if_need_be()
            return self._singletons.ref(address.names[0])
        kind = self._mailboxes.kinds.get(address.kind)
        if kind is None:
            known = ", ".join(self._mailboxes.kinds) or "none"
            raise LookupError(
                f"{address.path} is an entity of the kind {address.kind!r}, and this node knows "
                f"{known}. Name its class in ActorSystem(..., entities=[...]), or reach one "
                f"with system.entity(...) before"
            )
        return self.entity(kind, address.names[0])

    def singleton(
        self, actor: type[Actor], args: tuple[Any, ...], kwargs: dict[str, Any], name: str
    ) -> ActorRef[Any]:
        """Let this node be one of those that may run a singleton; return its reference.

        Raises:
            ValueError: It was declared with another class.
        """
        ref = self._singletons.declare(actor, args, kwargs, name)
        if not self._singletons.is_prepared:
            self.start_soon()
        return ref

    async def aclose(self) -> None:
        """Drain, leave the group, write what is owed; every part has a deadline."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        self._closed = True
        await self.leave()
        async with self._changing:
            if self._core is not None:
                await self._core.aclose()
            if self._store is not None:
                self._store.close()
            await self._nodes.announcer.aclose()
            if self._driver is not None:
                publishing = self._edges.publishing
                await asyncio.gather(self._sender.drain(_DRAIN), publishing.drain(_DRAIN))
            await self._edges.publishing.aclose()
            await self._nodes.aclose()
            self._verbs.drop_held()
            await self._sender.aclose()
            await self._edges.aclose()
            if self._driver is not None:
                await self._driver.aclose()
            if self._broker is not None:
                await self._broker.aclose()

    # -- inside ---------------------------------------------------------------------

    async def _start_soon(self) -> None:
        try:
            await self.start()
        except CallboardError as error:
            # send and ask raise it to their callers; a tell has nobody else to tell
            self._system.log.error("the transport did not start", error=str(error))

    def _refer_to(self, kind: type[Entity]) -> bool:
        """Learn of a kind that is referred to; tell whether it was not known."""
        name = kind.kind()
        if self._mailboxes.kinds.get(name) is kind:
            return False
        self._mailboxes.know(kind)
        if self._hosts_everything:
            self._hosted.add(name)
        return True

    def _start_if_need_be(self) -> None:
        if self._driver is None:
            self.start_soon()

    def _owned(self) -> list[TopicPartition]:
        owned = self._core.owned if self._core is not None else []
        return [*owned, *self._edges.owned]

    def _reference(self, kind: str, id: str) -> EntityRef[Any]:  # noqa: A002 the field's word
        return EntityRef(self._system.name, kind, id, self._verbs)

    async def _open(self) -> KafkaDriver:
        cluster = self._cluster
        if cluster is None:
            from .broker import Broker  # noqa: PLC0415 a node of a cluster loads no broker

            self._broker = Broker()
            await self._broker.start()
            cluster = Cluster(self._broker.bootstrap)
        defaults = KafkaOptions(cluster=cluster)
        options = KafkaOptions(
            cluster=cluster,
            session_timeout=self._url.session_timeout or defaults.session_timeout,
        )
        self._client_options = options
        admin = Admin(cluster, self._system.node, timeout=options.request_timeout)
        driver = KafkaDriver(options, group=self._system.name, node=self._system.node)
        try:
            await admin.ensure(system_topics(self._system.name))
            tail = await driver.reader.tail(self._nodes.followed, from_start=False)
        except BaseException:
            if self._broker is not None:
                await self._broker.aclose()
                self._broker = None
            raise
        self._admin = admin
        # A proof of ownership must not be older than a silence that makes others owners.
        lease = min(self._options.lease, 0.7 * options.session_timeout)
        self._options = replace(self._options, lease=lease)
        self._sender.start(driver)
        self._nodes.start(tail)
        self._elections = GroupElections(
            options, self._system.name, self._system.node, driver.reader, self._nodes
        )
        self._driver = driver
        return driver

    async def _prepare(self, driver: KafkaDriver) -> None:
        fresh = {
            name: kind for name, kind in self._mailboxes.kinds.items() if name not in self._prepared
        }
        if not fresh:
            return
        assert self._admin is not None
        await self._admin.ensure(kind_topics(self._system.name, fresh.values()))
        hosted = [
            Kind(self._system.name, kind, self._policy)
            for name, kind in fresh.items()
            if name in self._hosted
        ]
        if hosted:
            self._table.update({kind.mailbox: kind for kind in hosted})
            await driver.host(self._core or self._start_core(driver), list(self._table))
        self._prepared.update(fresh)
        for name in fresh:
            self._verbs.reached(name)

    def _clients(self) -> Clients:
        assert self._client_options is not None, "_open sets it"
        return Clients(
            options=self._client_options,
            delivery=self._options,
            codec=self._codec,
            policy=self._policy,
            publish=self._edges.publish,
            counters=self._counters,
            reference=self._reference,
            reply=self._sender.post_record,
            reach=self.start,
        )

    def _start_core(self, driver: KafkaDriver) -> DeliveryCore:
        if self._options.state_dir is not None:
            self._store = LocalStore(Path(self._options.state_dir))
        host = Host(
            system=self._system,
            dispatcher=self._system.dispatcher,
            codec=self._codec,
            options=self._options,
            reference=self._reference,
            reply=self._sender.post_record,
            reach=self.start,
            store=self._store,
            counters=self._counters,
        )
        self._core = DeliveryCore(host, driver, self._table)
        self._core.start()
        return self._core
