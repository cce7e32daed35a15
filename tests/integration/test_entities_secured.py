"""Entities on secured clusters: TLS, logins and both, on the embedded broker and Apache Kafka."""

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
from google.protobuf.wrappers_pb2 import Int64Value
from support.secured_clients import LOGIN, USERS, Pems, make_pems, security_of
from support.server_required import started
from support.tls_kafka import TlsKafka

from callboard import ActorSystem, Entity, TransportError, TransportUnavailable, handler
from callboard.transport import DeliveryOptions, Inspector, KafkaSecurity
from callboard.transport.broker import Broker, BrokerOptions

BROKERS = ["embedded", pytest.param("apache", marks=pytest.mark.kafka)]


class Tally(Entity):
    """Counts."""

    partitions = 2
    state: Int64Value

    @handler
    def add(self, message: Int64Value) -> Int64Value:
        """Add a number, and tell the sum."""
        self.state.value += message.value
        return Int64Value(value=self.state.value)


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Pems:
    """Certificates of the test's own authority."""
    return make_pems(tmp_path_factory.mktemp("pems"))


@pytest.fixture(scope="module")
def tls_kafka(pems: Pems) -> Iterator[TlsKafka]:
    """Give one node of Apache Kafka with TLS and logins, to all tests here."""
    with started(TlsKafka(USERS, pems)) as kafka:
        yield kafka


@pytest.fixture(params=BROKERS)
async def with_login(request: pytest.FixtureRequest, pems: Pems) -> AsyncIterator[str]:
    """Give the address of a broker with TLS and logins both on."""
    if request.param == "apache":
        yield request.getfixturevalue("tls_kafka").at("SASL_SSL")
        return
    async with Broker(BrokerOptions(security=security_of("SASL_SSL", pems))) as broker:
        yield f"localhost:{broker.bootstrap.rpartition(':')[2]}"


@pytest.fixture(params=BROKERS)
async def with_certificates(request: pytest.FixtureRequest, pems: Pems) -> AsyncIterator[str]:
    """Give the address of a broker that wants certificates of its clients."""
    if request.param == "apache":
        yield request.getfixturevalue("tls_kafka").at("SSL")
        return
    security = security_of("SSL", pems, client_ca=pems.authority)
    async with Broker(BrokerOptions(security=security)) as broker:
        yield f"localhost:{broker.bootstrap.rpartition(':')[2]}"


def unique() -> str:
    """Return a system name of a test's own."""
    return f"tally-{uuid.uuid4().hex[:8]}"


@pytest.mark.parametrize("exactly_once", [False, True], ids=["ids", "transactions"])
@pytest.mark.parametrize("mechanism", ["plain", "scram-sha-256", "scram-sha-512"])
async def test_a_system_lives_behind_tls_and_a_login(
    with_login: str,
    pems: Pems,
    mechanism: str,
    exactly_once: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every client a node has comes in: group, writer, reader, admin, transactions, inspector."""
    monkeypatch.setenv("CALLBOARD_KAFKA_USERNAME", LOGIN["username"])
    monkeypatch.setenv("CALLBOARD_KAFKA_PASSWORD", LOGIN["password"])
    name = unique()
    url = f"kafka://{with_login}?security=sasl_ssl&sasl={mechanism}&ca={pems.authority}"
    options = DeliveryOptions(exactly_once=exactly_once)
    async with (
        ActorSystem(name, transport=url, entities=[Tally], delivery=options) as system,
        Inspector(url, name) as inspector,
    ):
        tally = system.entity(Tally, "a")
        await tally.ask(Int64Value(value=2), timeout=20.0)
        assert (await tally.ask(Int64Value(value=3), timeout=20.0)).value == 5
        assert set(await inspector.states(Tally)) == {"a"}


async def test_a_certificate_lets_a_system_in(with_certificates: str, pems: Pems) -> None:
    """Mutual TLS, said in code."""
    security = KafkaSecurity(tls=True, ca=pems.authority, certificate=pems.client)
    url = f"kafka://{with_certificates}"
    async with ActorSystem(unique(), transport=url, entities=[Tally], security=security) as system:
        answer = await system.entity(Tally, "a").ask(Int64Value(value=7), timeout=20.0)
        assert answer.value == 7


async def refused(url: str, security: KafkaSecurity | None, kind: type[TransportError]) -> str:
    """Return what a system that is not let in says."""
    with pytest.raises(kind) as told:
        async with ActorSystem(unique(), transport=url, entities=[Tally], security=security):
            pass
    assert LOGIN["password"] not in str(told.value)
    return str(told.value)


async def test_who_is_not_let_in_is_told_why(with_login: str, pems: Pems) -> None:
    """A wrong password, an authority that is not trusted, and no TLS at all."""
    url = f"kafka://{with_login}"
    wrong = KafkaSecurity(tls=True, ca=pems.authority, username="bob", password="wrong")
    said = await refused(url, wrong, TransportError)
    assert "refused user 'bob' with SCRAM-SHA-512" in said
    said = await refused(
        url, KafkaSecurity(tls=True, username="bob", password=LOGIN["password"]), TransportError
    )
    assert "is not trusted" in said
    assert "ca=" in said
    said = await refused(
        url, KafkaSecurity(username="bob", password=LOGIN["password"]), TransportUnavailable
    )
    assert "Does the port expect TLS" in said


async def test_tls_to_a_plain_port_is_told(broker_url: str) -> None:
    """The other way round."""
    said = await refused(f"kafka://{broker_url}", KafkaSecurity(tls=True), TransportUnavailable)
    assert "Does the port expect TLS" in said
