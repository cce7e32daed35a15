"""What a cluster has to allow: the table of docs/security.md, against an authorizer of Kafka's.

The embedded broker has no ACLs, so this is about Apache Kafka alone.
"""

import asyncio
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from google.protobuf.wrappers_pb2 import Int64Value
from support.consuming import make_topic, number, write
from support.guarded_kafka import Deed, GuardedKafka, Right, needed
from support.redis_server import RedisServer
from support.repository import ROOT
from support.secured_clients import Pems, make_pems
from support.server_required import started

from callboard import Actor, ActorSystem, Entity, RedisStreams, TransportError, handler
from callboard.supervision import Backoff, RetryPolicy
from callboard.transport import (
    Action,
    DeliveryOptions,
    Inspector,
    KafkaSecurity,
    Quarantine,
    Topics,
    _running_edges,
)
from callboard.transport.bridges import BridgeOptions, OutgoingMessage, _pump

pytestmark = pytest.mark.kafka

ROWS = {
    "node": ["node"],
    "exact": ["node", "node, exactly once"],
    "maker": ["node", "node that creates topics"],
    "sender": ["node that only sends"],
    "reached": ["node that only sends", "node that only sends, and whose actors others reach"],
    "edge": [
        "node that only sends",
        *("node with a singleton", "node with a consumer", "node with a publisher"),
        *("node with a bridge", "node with an outlet"),
    ],
    "inspector": ["`Inspector`"],
    "quarantine": ["`callboard quarantine`"],
    "topics": ["`callboard topics`"],
    "pruner": ["`callboard topics prune`"],
}
"""Users, and the rows of the table that say what they may do."""
PASSWORD = "a-secret"
RESOURCES = {"topic": "TOPIC", "group": "GROUP", "transactional id": "TRANSACTIONAL_ID"}
_ROW = re.compile(r"\| ([^|]+) \| ([^|]+) \| `([^|`]+)` \| ([^|]+) \| [^|]* \|")


class Account(Entity):
    """Adds, and tells its twin; refuses what is below zero until that is allowed."""

    partitions = 2
    policy = RetryPolicy(max_attempts=1, backoff=Backoff(0.01, 0.05))
    state: Int64Value
    lenient = False

    @handler
    async def add(self, message: Int64Value) -> Int64Value:
        """Add a number; what is below zero fails."""
        if message.value < 0 and not Account.lenient:
            raise ValueError("below zero")
        self.state.value += message.value
        if message.value == 7:
            self.context.entity(Account, "twin").tell(Int64Value(value=1))
        return Int64Value(value=self.state.value)


class Fragile(Actor):
    """Fails."""

    @handler
    def fail(self, message: Int64Value) -> None:
        """Fail."""
        raise ValueError(message.value)


class Clock(Actor):
    """Answers."""

    @handler
    def now(self, message: Int64Value) -> Int64Value:
        """Return what was asked."""
        return message


def documented(system: str, user: str) -> set[Right]:
    """Return what the table allows a user, with the name of a system in place of the example's."""
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    rights: set[Right] = set()
    for who, resource, name, operations in _ROW.findall(page):
        if who.strip() in ROWS[user] and resource.strip() in RESOURCES:
            prefix, star, _ = name.replace("bank", system, 1).partition("*")
            rights.update(
                Right(
                    each.strip().upper().replace(" ", "_"),
                    RESOURCES[resource.strip()],
                    prefix,
                    bool(star),
                )
                for each in operations.split(",")
            )
    assert rights, f"the table has nothing for {ROWS[user]}"
    return rights


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Pems:
    """Certificates of the test's own authority."""
    return make_pems(tmp_path_factory.mktemp("pems"))


@pytest.fixture(scope="module")
def kafka(pems: Pems) -> Iterator[GuardedKafka]:
    """Give one node of Apache Kafka with an authorizer, and users without any right."""
    kafka = GuardedKafka(dict.fromkeys([*ROWS, "nobody"], PASSWORD), pems)
    with started(kafka):
        yield kafka


class Office:
    """Does things in a user's name."""

    def __init__(self, kafka: GuardedKafka, pems: Pems, system: str) -> None:
        self.kafka = kafka
        self.system = system
        self.url = f"kafka://{kafka.at('SASL_SSL')}"
        self._authority = pems.authority

    def login(self, user: str) -> KafkaSecurity:
        """Return what a user comes in with."""
        return KafkaSecurity(tls=True, ca=self._authority, username=user, password=PASSWORD)

    async def allow(self, *users: str) -> None:
        """Give users what the table says, and not more."""
        for user in users:
            await asyncio.to_thread(self.kafka.allow, user, documented(self.system, user))

    def node(
        self, user: str, entities: list[type[Entity]], *, exactly_once: bool = False
    ) -> ActorSystem:
        """Return a node that is not started."""
        return ActorSystem(
            self.system,
            node=user,
            transport=self.url,
            entities=entities,
            security=self.login(user),
            delivery=DeliveryOptions(exactly_once=exactly_once),
        )


def unused(kafka: GuardedKafka, user: str, rights: set[Right]) -> set[Right]:
    """Return what a user was allowed and did not need."""
    return rights - needed(rights, kafka.deeds(user, allowed=True))


async def parked(office: Office, key: str) -> None:
    """Wait until a message of an entity is in quarantine, as the inspector sees it."""
    async with (
        Inspector(office.url, office.system, security=office.login("inspector")) as inspector,
        asyncio.timeout(30),
    ):
        # What a node does with its mail can only be asked for.
        while key not in {message.key for message in await inspector.quarantined(Account)}:
            await asyncio.sleep(0.05)


async def prepare(office: Office, redis: RedisServer) -> None:
    """Make the topics, and mend one that somebody has changed."""
    for topic in ("orders", "mails"):
        await make_topic(office.kafka.bootstrap, topic)
    topics = Topics(
        office.url,
        office.system,
        [Account],
        edges=Edges(office, redis).system.edges,
        security=office.login("topics"),
    )
    await topics.apply(await topics.plan())
    changed = {"retention.ms": "1000"}
    admin = AIOKafkaAdminClient(bootstrap_servers=office.kafka.bootstrap)
    await admin.start()
    try:
        await admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, f"{office.system}.failures", changed)]
        )
    finally:
        await admin.close()
    async with asyncio.timeout(20):
        # A broker knows of a change when it has read what the controller wrote.
        steps = await topics.plan()
        while Action.SET not in {step.action for step in steps}:
            await asyncio.sleep(0.05)
            steps = await topics.plan()
    await topics.apply(steps)


async def work(office: Office, user: str, *, exactly_once: bool) -> None:
    """Run a node, twice: messages, answers, a quarantine, and states found again."""
    async with office.node(user, [Account], exactly_once=exactly_once) as system:
        account = system.entity(Account, f"of-{user}")
        assert (await account.ask(Int64Value(value=7), timeout=20.0)).value == 7
        await system.entity(Account, f"bad-{user}").send(Int64Value(value=-1))
        await parked(office, f"bad-{user}")
    async with office.node(user, [Account], exactly_once=exactly_once) as system:
        account = system.entity(Account, f"of-{user}")
        assert (await account.ask(Int64Value(value=1), timeout=20.0)).value == 8


async def talk(office: Office, user: str) -> None:
    """Send and ask from a node that runs no entities, and have an actor of its own fail."""
    heard: list[str] = []
    async with (
        office.node("node", [Account]) as node,
        office.node(user, []) as sender,
        Inspector(office.url, office.system, security=office.login("inspector")) as inspector,
        asyncio.timeout(40),
    ):
        inspector.on_failure(lambda event: heard.append(event.node))
        account = sender.entity(Account, f"of-{user}")
        await account.send(Int64Value(value=1))
        assert (await account.ask(Int64Value(value=1), timeout=20.0)).value == 2
        sender.spawn(Fragile, name="fragile").tell(Int64Value(value=1))
        while user not in heard:
            await asyncio.sleep(0.05)
        if user == "reached":
            sender.spawn(Clock, name="clock")
            clock = node.ref(f"callboard://{office.system}/{user}/user/clock")
            assert (await clock.ask(Int64Value(value=3), timeout=20.0)).value == 3


class Edges:
    """A node with every kind of edge, and no entities of its own.

    Args:
        office: Where it works.
        redis: The legacy side.
    """

    def __init__(self, office: Office, redis: RedisServer) -> None:
        self.system = office.node("edge", [])
        self.orders: list[int] = []
        legacy = partial(RedisStreams, redis.url, field="body", idle=0.5, timeout=5.0)
        self.source, self.sink = legacy(stream="departing"), legacy(stream="arriving")
        self.mails = self.system.publisher("mails", Int64Value)
        self.arrivals = self.system.outlet(self.sink, Int64Value, name="arrivals")
        self.system.consumer("orders", retry=RetryPolicy(max_attempts=1))(self.on_order)
        self.system.bridge(
            self.source,
            to=Account,
            key=lambda _: "bridged",
            name="departures",
            options=BridgeOptions(remember=1),
        )(departure)

    def on_order(self, message: Int64Value) -> None:
        """Take an order; what is below zero fails."""
        if message.value < 0:
            raise ValueError("below zero")
        self.orders.append(message.value)


def departure(payload: bytes) -> Int64Value:
    """Make a command of what the legacy side says."""
    return Int64Value(value=int(payload))


async def do_edges(office: Office, redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Consume, publish, bridge into an entity, send out again, run a singleton; all of it twice."""
    monkeypatch.setattr(_running_edges, "TIDY_EVERY", 0.1)
    monkeypatch.setattr(_pump, "_TIDY_EVERY", 0.1)
    for turn in (1, 2):
        edges = Edges(office, redis)
        async with office.node("node", [Account]) as accounts, edges.system as system:
            await write(office.kafka.bootstrap, "orders", [("a", number(-1)), ("b", number(5))])
            clock = system.singleton(Clock, name="clock")
            assert (await clock.ask(Int64Value(value=3), timeout=20.0)).value == 3
            await edges.mails.send(Int64Value(value=1))
            await edges.arrivals.send(Int64Value(value=turn))
            bridged = accounts.entity(Account, "bridged")
            async with asyncio.timeout(40), edges.source.sending() as sending:
                # A bridge tidies up between what it takes: it is given something all the time.
                while (await bridged.ask(Int64Value(), timeout=20.0)).value < 5 * turn or (
                    _deleted(office) < 2
                ):
                    await sending.send([OutgoingMessage("", b"1")])
                    await asyncio.sleep(0.05)
                async with edges.sink.session() as session:
                    await session.acknowledge(await session.take(1))
                while 5 not in edges.orders:
                    await asyncio.sleep(0.05)


def _deleted(office: Office) -> int:
    """Return of how many topics the edges have removed what is handled."""
    deeds = office.kafka.deeds("edge", allowed=True)
    return sum(deed.operation == "DELETE" for deed in deeds)


async def look(office: Office) -> None:
    """Look at everything there is to look at."""
    async with Inspector(
        office.url, office.system, security=office.login("inspector")
    ) as inspector:
        assert {"of-node", "of-exact", "twin"} <= set(await inspector.states(Account))
        waiting = {message.key for message in await inspector.quarantined(Account)}
        assert waiting == {"bad-node", "bad-exact"}
        assert await inspector.written(Account) > await inspector.lag(Account)
        async with asyncio.timeout(20):
            while "exact" not in inspector.members():
                await asyncio.sleep(0.05)


async def clear(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bring one message back, drop another."""
    monkeypatch.setattr(Account, "lenient", True)
    async with (
        office.node("node", [Account]),
        Quarantine(office.url, office.system, security=office.login("quarantine")) as quarantine,
    ):
        (done,) = await quarantine.redrive("Account", ["bad-node"], timeout=30.0)
        assert (done.handled, done.left) == (1, 0)
        assert await quarantine.drop("Account", "bad-exact") == 1


async def prune(office: Office) -> None:
    """Remove what is handled."""
    topics = Topics(office.url, office.system, [Account], security=office.login("pruner"))
    found = await topics.prunable(math.inf)
    assert sum(each.offsets for each in found) > 0
    await topics.prune(found)
    assert sum(each.offsets for each in await topics.prunable(math.inf)) == 0


async def test_the_documented_rights_are_enough_and_none_too_many(
    kafka: GuardedKafka, pems: Pems, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every role does all it is for: nothing is denied to it, and no right goes unused."""
    office = Office(kafka, pems, "bank")
    nodes = ["node", "exact", "sender", "reached", "edge"]
    roles = ["topics", *nodes, "inspector", "quarantine", "pruner"]
    await office.allow(*roles)
    await prepare(office, redis)
    await work(office, "node", exactly_once=False)
    await work(office, "exact", exactly_once=True)
    await talk(office, "sender")
    await talk(office, "reached")
    await do_edges(office, redis, monkeypatch)
    await look(office)
    await clear(office, monkeypatch)
    await prune(office)
    for user in roles:
        assert (user, kafka.deeds(user, allowed=False)) == (user, set())
        assert (user, unused(kafka, user, documented("bank", user))) == (user, set())


async def test_a_node_may_make_its_topics_if_it_is_let(kafka: GuardedKafka, pems: Pems) -> None:
    """One more right, and nobody has to run `callboard topics apply`."""
    office = Office(kafka, pems, "bank-2")
    await office.allow("maker")
    async with office.node("maker", [Account]) as system:
        account = system.entity(Account, "a")
        assert (await account.ask(Int64Value(value=1), timeout=20.0)).value == 1
    denied = kafka.deeds("maker", allowed=False)
    assert denied == set()
    created = {
        each.name for each in kafka.deeds("maker", allowed=True) if each.operation == "CREATE"
    }
    assert f"{office.system}.Account" in created


async def test_rights_on_one_system_are_none_on_another(kafka: GuardedKafka, pems: Pems) -> None:
    """Not even if its name begins the other's; the error says what may be the matter."""
    await asyncio.to_thread(kafka.allow, "nobody", documented("bank", "node"))
    office = Office(kafka, pems, "bank-2")
    with pytest.raises(TransportError, match=r"bank-2\.\w+: .*may not create it.*may not see it"):
        async with office.node("nobody", [Account]):
            pass


async def test_the_check_notices_a_right_too_many_and_one_too_few() -> None:
    """Describing is part of reading; what nobody did needs no right."""
    reading = Right("READ", "TOPIC", "bank.", prefixed=True)
    looking = replace(reading, operation="DESCRIBE")
    did = {Deed("READ", "TOPIC", "bank.x"), Deed("DESCRIBE", "TOPIC", "bank.x")}
    assert needed({reading, looking}, did) == {reading}
    assert needed({looking}, {Deed("DESCRIBE", "TOPIC", "bank.x")}) == {looking}
    assert needed({reading}, {Deed("READ", "TOPIC", "bank-2.x")}) == set()
