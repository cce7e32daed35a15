"""Logins with clients nobody has changed, and what a client sees that gets it wrong."""

import asyncio
import logging
import struct
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError
from confluent_kafka import Consumer, KafkaError, Producer
from support.kafka_clients import SECONDS, consuming, producing, take, until
from support.scram_client import ScramClient
from support.secured_clients import (
    MECHANISMS,
    USERS,
    WAYS,
    Pems,
    aiokafka_options,
    librdkafka_options,
    security_of,
    trusting,
)
from support.wire import wired

from callboard.transport.broker import (
    Broker,
    Disconnect,
    DropAnswer,
    ErrorCode,
    RequestInfo,
    Security,
)

Start = Callable[..., Awaitable[Broker]]


@pytest.mark.parametrize(("protocol", "mechanism"), WAYS)
async def test_aiokafka_comes_in(
    start: Start, pems: Pems, protocol: str, mechanism: str | None
) -> None:
    """With the right options aiokafka produces, joins a group and consumes, as without any."""
    broker = await start(security_of(protocol, pems))
    options = aiokafka_options(protocol, mechanism, pems)
    async with producing(broker.bootstrap, **options) as producer:
        for number in range(100):
            await producer.send_and_wait("t", b"%d" % number, partition=0)
    async with consuming(broker.bootstrap, "t", group_id="g", **options) as consumer:
        taken = await take(consumer, 100)
    assert [record.value for record in taken] == [b"%d" % number for number in range(100)]


@pytest.mark.parametrize(("protocol", "mechanism"), WAYS)
async def test_librdkafka_comes_in(
    start: Start, pems: Pems, protocol: str, mechanism: str | None
) -> None:
    """With the right options confluent-kafka produces, joins a group and consumes."""
    broker = await start(security_of(protocol, pems))
    options = {
        "bootstrap.servers": broker.bootstrap,
        **librdkafka_options(protocol, mechanism, pems),
    }

    def both_ways() -> list[bytes | None]:
        producer = Producer(options)
        for number in range(100):
            producer.produce("t", b"%d" % number, partition=0)
        assert producer.flush(SECONDS) == 0
        consumer = Consumer({**options, "group.id": "g", "auto.offset.reset": "earliest"})
        consumer.subscribe(["t"])
        values, deadline = list[bytes | None](), time.monotonic() + SECONDS
        while len(values) < 100 and time.monotonic() < deadline:
            values += [message.value() for message in consumer.consume(100, 0.2)]
        consumer.close()
        return values

    assert await asyncio.to_thread(both_ways) == [b"%d" % number for number in range(100)]


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("login", [("bob", "bobs-typo"), ("mallory", "bobs-typo")])
async def test_aiokafka_with_a_wrong_login_is_told(
    start: Start,
    pems: Pems,
    log: list[Any],
    caplog: pytest.LogCaptureFixture,
    mechanism: str,
    login: tuple[str, str],
) -> None:
    """It does not start, and its log says why; the broker's log has the reason, not the password.

    At `DEBUG` aiokafka logs the tokens it sends, so that is not what is looked at here.
    """
    broker = await start(Security(users=USERS))
    given = {"username": login[0], "password": login[1]}
    producer = AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap,
        **aiokafka_options("SASL_PLAINTEXT", mechanism, pems, given),
    )
    with caplog.at_level(logging.INFO), pytest.raises(KafkaConnectionError):
        async with asyncio.timeout(SECONDS):
            await producer.start()
    await producer.stop()
    assert "SaslAuthenticationFailed" in caplog.text
    (line,) = log
    assert line["event"] == "refused a login"
    assert (line["client"], line["mechanism"]) == ("127.0.0.1", mechanism)
    assert ("no such user" if login[0] == "mallory" else "password") in line["reason"]
    for secret in (*USERS.values(), "bobs-typo"):
        assert secret not in str(log) + caplog.text


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_librdkafka_with_a_wrong_password_is_told(
    start: Start, pems: Pems, mechanism: str
) -> None:
    """Its error callback gets the authentication error, in the words of Kafka."""
    broker = await start(Security(users=USERS))
    errors = list[KafkaError]()
    login = {"username": "bob", "password": "bobs-typo"}
    producer = Producer(
        {
            "bootstrap.servers": broker.bootstrap,
            "error_cb": errors.append,
            **librdkafka_options("SASL_PLAINTEXT", mechanism, pems, login),
        }
    )

    def refused() -> bool:
        producer.poll(0)
        return any(each.code() == KafkaError._AUTHENTICATION for each in errors)

    await until(refused, "an authentication error")
    words = "Invalid username or password" if mechanism == "PLAIN" else "invalid credentials"
    assert any(words in str(each) for each in errors)


async def test_a_mechanism_that_is_not_enabled_is_refused(start: Start, pems: Pems) -> None:
    """The client is told which ones are, and gets no further."""
    broker = await start(Security(users=USERS, mechanisms=("SCRAM-SHA-512",)))
    producer = AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap, **aiokafka_options("SASL_PLAINTEXT", "PLAIN", pems)
    )
    with pytest.raises(KafkaConnectionError):
        await producer.start()
    await producer.stop()
    async with wired(broker.bootstrap) as wire:
        answer = await wire.ask("sasl_handshake", 1, mechanism="PLAIN")
        assert answer["error_code"] == ErrorCode.UNSUPPORTED_SASL_MECHANISM
        assert answer["mechanisms"] == ["SCRAM-SHA-512"]
        assert await wire.closed()


async def test_a_failed_login_is_answered_late_and_hurts_nobody(start: Start, pems: Pems) -> None:
    """Its answer is held back, then its connection ends; others are served meanwhile."""
    broker = await start(Security(users=USERS, failure_delay=1.0))
    options = aiokafka_options("SASL_PLAINTEXT", "PLAIN", pems)
    async with producing(broker.bootstrap, **options) as producer, wired(broker.bootstrap) as wire:
        await producer.send_and_wait("t", b"before")
        await wire.ask("sasl_handshake", 1, mechanism="PLAIN")
        began = time.perf_counter()
        wire.send("sasl_authenticate", 1, token=b"\0alice\0wrong")
        # What stands behind it is not even looked at.
        wire.send("metadata", 1, topics=None)
        await producer.send_and_wait("t", b"meanwhile")
        assert time.perf_counter() - began < 1.0
        _, answer = await wire.answer()
        assert time.perf_counter() - began >= 1.0
        assert struct.unpack_from(">h", answer) == (ErrorCode.SASL_AUTHENTICATION_FAILED,)
        assert await wire.closed()
        await producer.send_and_wait("t", b"after")


async def test_a_client_that_logs_in_nowhere_is_closed(
    start: Start, pems: Pems, log: list[Any]
) -> None:
    """Whoever asks for anything before a login gets no answer, and the log says why."""
    broker = await start(Security(users=USERS))
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, request_timeout_ms=2000)
    with pytest.raises(KafkaConnectionError):
        await producer.start()
    await producer.stop()
    assert "metadata came before the client had said who it is" in str(log)
    async with producing(
        broker.bootstrap, **aiokafka_options("SASL_PLAINTEXT", "PLAIN", pems)
    ) as other:
        await other.send_and_wait("t", b"x")


async def test_a_stranger_cannot_make_the_broker_hold_much(start: Start, log: list[Any]) -> None:
    """Before a login a request may have half a megabyte, and not a hundred."""
    broker = await start(Security(users=USERS))
    async with wired(broker.bootstrap) as wire:
        wire.send_bytes(struct.pack(">i", 600_000))
        assert await wire.closed()
    assert "a frame of 600000 bytes" in str(log)


async def test_every_broker_id_asks_for_a_login(start: Start, pems: Pems) -> None:
    """Several ids have one door each, and all doors are shut."""
    broker = await start(security_of("SASL_SSL", pems), brokers=3, default_partitions=3)
    async with producing(
        broker.bootstrap, **aiokafka_options("SASL_SSL", "SCRAM-SHA-256", pems)
    ) as producer:
        for partition in range(3):
            await producer.send_and_wait("t", b"x", partition=partition)
        await broker.stop_broker(2)
        await broker.start_broker(2)
        for partition in range(3):
            await producer.send_and_wait("t", b"x", partition=partition)
    for address in broker.bootstrap.split(","):
        producer = AIOKafkaProducer(
            bootstrap_servers=address, security_protocol="SSL", ssl_context=trusting(pems)
        )
        with pytest.raises(KafkaConnectionError):
            await producer.start()
        await producer.stop()


@pytest.mark.parametrize("action", [Disconnect(), DropAnswer()])
@pytest.mark.parametrize("api", ["sasl_handshake", "sasl_authenticate"])
async def test_a_login_that_is_disturbed_is_tried_again(
    start: Start, pems: Pems, api: str, action: Any
) -> None:
    """Control points act on logins too; the client gets over it."""
    broker = await start(Security(users=USERS))
    left = [action]

    def disturb(_: RequestInfo) -> Any:
        return left.pop() if left else None

    options = aiokafka_options("SASL_PLAINTEXT", "SCRAM-SHA-256", pems)
    async with producing(broker.bootstrap, request_timeout_ms=1000, **options) as producer:
        broker.control(api, disturb)
        broker.disconnect_clients()
        await producer.send_and_wait("t", b"x")
    assert not left


@pytest.mark.parametrize("version", [0, 1])
async def test_everything_may_be_sent_at_once(start: Start, version: int) -> None:
    """A client that knows what it will be answered need not wait for it."""
    broker = await start(Security(users=USERS))
    async with wired(broker.bootstrap) as wire:
        wire.send("api_versions", 0)
        wire.send("sasl_handshake", 1, mechanism="PLAIN")
        wire.send("sasl_authenticate", version, token=b"\0alice\0alice-secret")
        asked = wire.send("metadata", 1, topics=[])
        for _ in range(3):
            await wire.answer()
        assert (await wire.answer())[0] == asked


async def test_scram_goes_over_bare_frames_too(start: Start) -> None:
    """After a handshake of version 0 tokens have a length and nothing else."""
    broker = await start(Security(users=USERS))
    client = ScramClient("SCRAM-SHA-512", "alice", "alice-secret")
    async with wired(broker.bootstrap) as wire:
        await wire.ask("sasl_handshake", 0, mechanism="SCRAM-SHA-512")
        wire.send_bytes(struct.pack(">i", len(client.first())) + client.first())
        # `answer` takes the first four bytes of a frame for a number.
        number, rest = await wire.answer()
        final = client.final(struct.pack(">i", number) + rest)
        wire.send_bytes(struct.pack(">i", len(final)) + final)
        number, rest = await wire.answer()
        assert client.believes(struct.pack(">i", number) + rest)
        assert (await wire.ask("metadata", 1, topics=[]))["brokers"]
