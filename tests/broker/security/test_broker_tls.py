"""TLS with clients nobody has changed, and what becomes of those that do it wrong."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError
from confluent_kafka import Producer
from support.kafka_clients import SECONDS, consuming, producing, take, until
from support.secured_clients import (
    Pems,
    aiokafka_options,
    librdkafka_options,
    security_of,
    trusting,
)
from support.wire import wired

from callboard.transport.broker import Broker, BrokerOptions, Security, SecurityError

Start = Callable[..., Awaitable[Broker]]


async def test_a_client_without_tls_is_closed_and_hurts_nobody(
    start: Start, pems: Pems, log: list[Any]
) -> None:
    """Kafka's protocol and HTTP on a TLS port: one line in the log each, and the rest goes on."""
    broker = await start(Security(certificate=pems.broker))
    async with producing(broker.bootstrap, **aiokafka_options("SSL", None, pems)) as secured:
        async with wired(broker.bootstrap) as wire:
            wire.send("metadata", 1, topics=None)
            assert await wire.closed()
        async with wired(broker.bootstrap) as wire:
            wire.send_bytes(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await wire.closed()
        await secured.send_and_wait("t", b"x")
    assert [line["reason"] for line in log] == [
        "no TLS with this client: WRONG_VERSION_NUMBER",
        "no TLS with this client: HTTP_REQUEST",
    ]


async def test_a_client_that_does_not_trust_the_broker_stays_away(
    start: Start, pems: Pems, log: list[Any]
) -> None:
    """A client with other authorities ends the handshake, and the log has its alert."""
    broker = await start(Security(certificate=pems.broker))
    host, _, port = broker.bootstrap.partition(":")

    def shake_hands() -> None:
        # A socket of its own: asyncio's clients go without the alert.
        with socket.create_connection((host, int(port)), SECONDS) as plain:
            ssl.create_default_context().wrap_socket(plain, server_hostname=host)

    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.to_thread(shake_hands)
    await until(lambda: bool(log), "a line in the log")
    assert "UNKNOWN_CA" in log[0]["reason"]


@pytest.mark.parametrize("name", [None, "stranger"])
async def test_a_client_without_a_certificate_of_ours_is_refused(
    start: Start, pems: Pems, log: list[Any], name: str | None
) -> None:
    """With `client_ca`, none at all and one of another authority are equally wrong."""
    broker = await start(Security(certificate=pems.broker, client_ca=pems.authority))
    shown = None if name is None else pems.stranger
    producer = AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap,
        security_protocol="SSL",
        ssl_context=trusting(pems, shown),
        request_timeout_ms=3000,
    )
    with pytest.raises(KafkaConnectionError):
        await producer.start()
    await producer.stop()
    expected = "PEER_DID_NOT_RETURN_A_CERTIFICATE" if name is None else "CERTIFICATE_VERIFY_FAILED"
    assert expected in str(log)


async def test_clients_with_a_certificate_of_ours_come_in(start: Start, pems: Pems) -> None:
    """With `client_ca`, a certificate that it signed is enough for aiokafka and librdkafka."""
    broker = await start(Security(certificate=pems.broker, client_ca=pems.authority))
    async with producing(
        broker.bootstrap,
        security_protocol="SSL",
        ssl_context=trusting(pems, pems.client),
    ) as producer:
        await producer.send_and_wait("t", b"x", partition=0)
    other = Producer(
        {
            "bootstrap.servers": broker.bootstrap,
            **librdkafka_options("SSL", None, pems),
            "ssl.certificate.location": str(pems.client),
            "ssl.key.location": str(pems.client),
        }
    )
    other.produce("t", b"y", partition=0)
    assert await asyncio.to_thread(other.flush, SECONDS) == 0
    assert broker.end_offset("t", 0) == 2


async def test_large_records_come_through_tls(start: Start, pems: Pems) -> None:
    """Requests and answers of megabytes are cut into TLS records and put together again."""
    broker = await start(security_of("SASL_SSL", pems))
    options = aiokafka_options("SASL_SSL", "SCRAM-SHA-512", pems)
    value = bytes(range(256)) * 3500
    async with producing(broker.bootstrap, **options) as producer:
        for _ in range(8):
            await producer.send_and_wait("t", value, partition=0)
    async with consuming(broker.bootstrap, "t", **options) as consumer:
        assert [record.value for record in await take(consumer, 8)] == [value] * 8


async def test_a_client_that_never_shakes_hands_is_closed(
    start: Start, pems: Pems, log: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts as a connection while the broker waits, which it does not do forever."""
    monkeypatch.setattr("callboard.transport.broker._connection._HANDSHAKE", 0.3)
    broker = await start(Security(certificate=pems.broker))
    async with wired(broker.bootstrap) as wire:
        await until(lambda: broker.statistics().connections == 1, "a connection that is counted")
        wire.send_bytes(b"\x16\x03\x01")
        assert await wire.closed()
    assert "no TLS handshake within 0.3 s" in str(log)
    assert broker.statistics().connections == 0


async def test_a_broker_stops_with_a_handshake_under_way(start: Start, pems: Pems) -> None:
    """A client that connects and says nothing is closed like any other."""
    broker = await start(Security(certificate=pems.broker))
    async with wired(broker.bootstrap) as wire:
        await until(lambda: broker.statistics().connections == 1, "a connection that is counted")
        async with asyncio.timeout(SECONDS):
            await broker.aclose()
        assert await wire.closed()


async def test_a_broker_without_its_certificate_does_not_start(pems: Pems) -> None:
    """The file is looked for at the start, and the error names it."""
    missing = pems.broker.with_name("missing.pem")
    broker = Broker(BrokerOptions(security=Security(certificate=missing)))
    with pytest.raises(SecurityError, match=r"cannot read .*missing\.pem"):
        await broker.start()
    await broker.aclose()
