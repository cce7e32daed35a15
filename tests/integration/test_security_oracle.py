"""Logins on both brokers: what Apache Kafka answers, the embedded broker answers too.

Only logins over plain TCP: TLS is OpenSSL's here and Java's there.
"""

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from support.kafka_clients import SECONDS, consuming, producing, take
from support.scram_client import ScramClient
from support.secured_kafka import SecuredKafka
from support.server_required import started
from support.wire import Wire, fresh, understood, wired

from callboard.transport.broker import Broker, BrokerOptions, ErrorCode, Security
from callboard.transport.broker.wire import APIS

USERS = {"alice": "alice-secret", "bob": "bob-secret"}
MECHANISMS = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}
GOOD = b"\0alice\0alice-secret"
ILLEGAL = ErrorCode.ILLEGAL_SASL_STATE
FAILED = ErrorCode.SASL_AUTHENTICATION_FAILED


@pytest.fixture(scope="module")
def secured_kafka() -> Iterator[SecuredKafka]:
    """Give one node of Apache Kafka that asks for a login, to all tests here."""
    with started(SecuredKafka(USERS)) as kafka:
        yield kafka


@pytest.fixture(params=["embedded", pytest.param("apache", marks=pytest.mark.kafka)])
async def secured(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """Give the address at which a login is asked for: of the embedded broker, then of Kafka."""
    if request.param == "apache":
        kafka: SecuredKafka = request.getfixturevalue("secured_kafka")
        yield kafka.secured
        return
    async with Broker(BrokerOptions(security=Security(users=USERS))) as broker:
        yield broker.bootstrap


@pytest.fixture(params=["embedded", pytest.param("apache", marks=pytest.mark.kafka)])
async def unsecured(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """Give an address at which nobody asks for a login, likewise."""
    if request.param == "apache":
        kafka: SecuredKafka = request.getfixturevalue("secured_kafka")
        yield kafka.bootstrap
        return
    async with Broker() as broker:
        yield broker.bootstrap


async def raw(wire: Wire, token: bytes) -> bytes:
    """Send a token as a frame of its own, and return the answer's."""
    wire.send_bytes(struct.pack(">i", len(token)) + token)
    number, rest = await wire.answer()  # takes a frame's first four bytes for a number
    return struct.pack(">i", number) + rest


async def choose(wire: Wire, mechanism: str) -> None:
    """Shake hands for a mechanism."""
    answer = await wire.ask("sasl_handshake", 1, mechanism=mechanism)
    assert answer["error_code"] == ErrorCode.NONE
    assert set(answer["mechanisms"]) == MECHANISMS


async def log_in(wire: Wire) -> None:
    """Become alice."""
    await choose(wire, "PLAIN")
    answer = await wire.ask("sasl_authenticate", 1, token=GOOD)
    assert answer == {
        "error_code": 0, "error_message": "", "token": b"", "session_lifetime_ms": 0,
    }  # fmt: skip


async def served(wire: Wire) -> bool:
    """Tell whether the broker answers what only a user may ask."""
    return bool((await wire.ask("metadata", 1, topics=[]))["brokers"])


@pytest.mark.parametrize("mechanism", sorted(MECHANISMS))
async def test_a_user_comes_in_by_every_mechanism(secured: str, mechanism: str) -> None:
    """Aiokafka produces and consumes when it gives the right password."""
    options: dict[str, Any] = {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": mechanism,
        "sasl_plain_username": "bob",
        "sasl_plain_password": "bob-secret",
    }
    topic = fresh()
    async with wired(secured) as wire:
        await log_in(wire)
        await wire.topic(name=topic)
    async with producing(secured, **options) as producer:
        await producer.send_and_wait(topic, b"x")
    async with consuming(secured, topic, group_id=topic, **options) as consumer:
        assert [record.value for record in await take(consumer, 1)] == [b"x"]


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize(
    "options",
    [{}, {"header": "n,a=alice,"}, {"extensions": ",x=y"}, {"extensions": ",tokenauth=false"}],
)
async def test_scram_is_proved_both_ways(
    secured: str, mechanism: str, options: dict[str, str]
) -> None:
    """The server proves that it knows the user; naming oneself and unknown extensions are fine."""
    client = ScramClient(mechanism, "alice", "alice-secret", **options)
    async with wired(secured) as wire:
        await choose(wire, mechanism)
        first = await wire.ask("sasl_authenticate", 1, token=client.first())
        last = await wire.ask("sasl_authenticate", 1, token=client.final(first["token"]))
        assert first["error_code"] == last["error_code"] == ErrorCode.NONE
        assert client.believes(last["token"])
        assert await served(wire)


_WORDS = (
    "Authentication failed during authentication due to invalid credentials with SASL mechanism "
)
_ANOTHER = (
    "Authentication failed: Client requested an authorization id that is different from username"
)
_WRONG = "Authentication failed: Invalid username or password"
REFUSALS: list[tuple[str, bytes, str]] = [
    ("PLAIN", b"\0alice\0wrong", _WRONG),
    ("PLAIN", b"\0nobody\0wrong", _WRONG),
    ("PLAIN", b"\0\xff\0\xff", _WRONG),
    ("PLAIN", b"bob\0alice\0alice-secret", _ANOTHER),
    ("PLAIN", b"bob\0alice\0wrong", _WRONG),
    ("PLAIN", b"alice\0alice-secret", "Invalid SASL/PLAIN response: expected 3 tokens, got 2"),
    ("PLAIN", GOOD + b"\0", "Invalid SASL/PLAIN response: expected 3 tokens, got 4"),
    ("PLAIN", b"", "Invalid SASL/PLAIN response: expected 3 tokens, got 1"),
    ("PLAIN", b"\0\0x", "Authentication failed: username not specified"),
    ("PLAIN", b"\0alice\0", "Authentication failed: password not specified"),
    ("SCRAM-SHA-256", b"n,,n=nobody,r=abc", f"{_WORDS}SCRAM-SHA-256"),
    ("SCRAM-SHA-512", b"n,,n=nobody,r=abc", f"{_WORDS}SCRAM-SHA-512"),
    ("SCRAM-SHA-256", b"y,,n=alice,r=abc", f"{_WORDS}SCRAM-SHA-256"),
    ("SCRAM-SHA-256", b"p=tls-unique,,n=alice,r=abc", f"{_WORDS}SCRAM-SHA-256"),
    ("SCRAM-SHA-256", b"n,a=bob,n=alice,r=abc", _ANOTHER),
    ("SCRAM-SHA-256", b"n,,n=alice,r=abc,tokenauth=true", f"{_WORDS}SCRAM-SHA-256"),
    ("SCRAM-SHA-256", b"n,,n=a=lice,r=abc", f"{_WORDS}SCRAM-SHA-256"),
    ("SCRAM-SHA-256", "n,,n=älice,r=abc".encode(), f"{_WORDS}SCRAM-SHA-256"),
    ("SCRAM-SHA-256", b"n,,n=alice,r=a b", f"{_WORDS}SCRAM-SHA-256"),
    ("SCRAM-SHA-256", b"n,,n=alice,r=", f"{_WORDS}SCRAM-SHA-256"),
    ("SCRAM-SHA-256", b"hello", f"{_WORDS}SCRAM-SHA-256"),
    ("SCRAM-SHA-256", b"", f"{_WORDS}SCRAM-SHA-256"),
]


async def test_a_first_token_is_refused_in_the_same_words(secured: str) -> None:
    """Code 58 with a message, no sooner than after 100 ms, and then the connection is closed."""

    async def refused(mechanism: str, token: bytes) -> str:
        async with wired(secured) as wire:
            await choose(wire, mechanism)
            began = time.perf_counter()
            answer = await wire.ask("sasl_authenticate", 1, token=token)
            assert time.perf_counter() - began >= 0.099
            assert (answer["error_code"], answer["token"]) == (FAILED, b"")
            assert await wire.closed()
        return str(answer["error_message"])

    told = await asyncio.gather(*(refused(*case[:2]) for case in REFUSALS))
    assert list(zip(REFUSALS, told, strict=True)) == [(case, case[2]) for case in REFUSALS]


async def test_a_proof_is_refused_in_the_same_words(secured: str) -> None:
    """A wrong password, a foreign nonce, anything else: all are told the same."""

    async def refused(password: str, **wrong: Any) -> str:
        client = ScramClient("SCRAM-SHA-256", "alice", password)
        async with wired(secured) as wire:
            await choose(wire, "SCRAM-SHA-256")
            first = await wire.ask("sasl_authenticate", 0, token=client.first())
            token = wrong.pop("token", None) or client.final(first["token"], **wrong)
            answer = await wire.ask("sasl_authenticate", 0, token=token)
            assert answer["error_code"] == FAILED
            assert await wire.closed()
        return str(answer["error_message"])

    told = await asyncio.gather(
        refused("wrong"),
        refused("alice-secret", nonce="somebody-elses"),
        refused("alice-secret", channel="!!"),
        refused("alice-secret", token=b"hello"),
        refused("alice-secret", token=b"n,,n=alice,r=abc"),
    )
    assert set(told) == {f"{_WORDS}SCRAM-SHA-256"}


async def test_an_unknown_mechanism_is_told_the_known_ones(secured: str) -> None:
    """Code 33 with those enabled, and then the connection is closed."""
    async with wired(secured) as wire:
        answer = await wire.ask("sasl_handshake", 1, mechanism="GSSAPI")
        assert answer["error_code"] == ErrorCode.UNSUPPORTED_SASL_MECHANISM
        assert set(answer["mechanisms"]) == MECHANISMS
        assert await wire.closed()


@pytest.mark.parametrize(
    ("name", "version", "body"),
    [
        ("metadata", 1, {"topics": []}),
        ("sasl_authenticate", 1, {"token": GOOD}),
        ("find_coordinator", 0, {"key": "g"}),
    ],
)
async def test_nothing_is_answered_before_a_handshake(
    secured: str, name: str, version: int, body: dict[str, Any]
) -> None:
    """Only versions may be asked for; with anything else the connection is closed."""
    async with wired(secured) as wire:
        assert (await wire.ask("api_versions", 0))["apis"]
        wire.send(name, version, **body)
        assert await wire.closed()


@pytest.mark.parametrize(
    ("name", "version", "body"),
    [
        ("api_versions", 0, {}),
        ("sasl_handshake", 1, {"mechanism": "PLAIN"}),
        ("find_coordinator", 0, {"key": "g"}),
    ],
)
async def test_only_tokens_are_taken_after_a_handshake(
    secured: str, name: str, version: int, body: dict[str, Any]
) -> None:
    """Anything else is answered with code 34, and then the connection is closed."""
    async with wired(secured) as wire:
        await choose(wire, "PLAIN")
        assert (await wire.ask(name, version, **body))["error_code"] == ILLEGAL
        assert await wire.closed()


async def test_metadata_shows_nothing_after_a_handshake(secured: str) -> None:
    """Its answer has no place for the code: it is empty, and then the connection is closed."""
    async with wired(secured) as wire:
        await choose(wire, "PLAIN")
        answer = await wire.ask("metadata", 1, topics=[])
        assert (answer["brokers"], answer["controller_id"], answer["topics"]) == ([], -1, [])
        assert await wire.closed()


async def test_who_is_in_stays_in(secured: str) -> None:
    """A second login is answered with code 34, by whatever mechanism and as whoever."""
    async with wired(secured) as wire:
        await log_in(wire)
        for mechanism in ("PLAIN", "GSSAPI"):
            answer = await wire.ask("sasl_handshake", 1, mechanism=mechanism)
            assert answer == {"error_code": ILLEGAL, "mechanisms": []}
        answer = await wire.ask("sasl_authenticate", 1, token=b"\0bob\0wrong")
        assert answer["error_code"] == ILLEGAL
        assert (
            answer["error_message"]
            == "SaslAuthenticate request received after successful authentication"
        )
        assert await served(wire)


async def test_a_login_where_nobody_asks_is_answered(unsecured: str) -> None:
    """Without security a login gets code 34, and everything else goes on."""
    async with wired(unsecured) as wire:
        answer = await wire.ask("sasl_handshake", 1, mechanism="PLAIN")
        assert answer == {"error_code": ILLEGAL, "mechanisms": []}
        assert (await wire.ask("sasl_authenticate", 1, token=GOOD))["error_code"] == ILLEGAL
        assert await served(wire)


async def test_the_oldest_handshake_takes_bare_tokens(secured: str) -> None:
    """After version 0 a token is a frame of its own; a wrong one is closed without an answer."""
    async with wired(secured) as wire:
        answer = await wire.ask("sasl_handshake", 0, mechanism="PLAIN")
        assert answer["error_code"] == ErrorCode.NONE
        wire.send_bytes(struct.pack(">i", len(GOOD)) + GOOD)
        # Its answer is a frame without a byte, too short for `answer`.
        asked = wire.send("metadata", 1, topics=[])
        async with asyncio.timeout(SECONDS):
            assert await wire._reader.readexactly(4) == b"\0\0\0\0"
        correlation, data = await wire.answer()
        assert correlation == asked
        assert understood(APIS[3], 1, data)["brokers"]

    async with wired(secured) as wire:
        await wire.ask("sasl_handshake", 0, mechanism="SCRAM-SHA-512")
        client = ScramClient("SCRAM-SHA-512", "alice", "alice-secret")
        assert client.believes(await raw(wire, client.final(await raw(wire, client.first()))))
        assert await served(wire)

    async with wired(secured) as wire:
        await wire.ask("sasl_handshake", 0, mechanism="PLAIN")
        wire.send_bytes(struct.pack(">i", 6) + b"\0bob\0x")
        assert await wire.closed()


async def test_a_stranger_cannot_send_much(secured: str) -> None:
    """Before a login a request may have half a megabyte."""
    async with wired(secured) as wire:
        await choose(wire, "PLAIN")
        token = b"x" * 500_000
        assert (await wire.ask("sasl_authenticate", 1, token=token))["error_code"] == FAILED
    async with wired(secured) as wire:
        wire.send_bytes(struct.pack(">i", 600_000))
        assert await wire.closed()


# -- where they differ on purpose -----------------------------------------------------------


def _is_embedded(request: pytest.FixtureRequest) -> bool:
    return bool(request.node.callspec.params["secured"] == "embedded")


async def test_a_channel_that_was_not_agreed_on_is_refused_here(
    secured: str, request: pytest.FixtureRequest
) -> None:
    """RFC 5802 wants the `c=` of a final message checked; Kafka does not look at it."""
    client = ScramClient("SCRAM-SHA-256", "alice", "alice-secret")
    async with wired(secured) as wire:
        await choose(wire, "SCRAM-SHA-256")
        first = await wire.ask("sasl_authenticate", 1, token=client.first())
        token = client.final(first["token"], channel="eSws")
        answer = await wire.ask("sasl_authenticate", 1, token=token)
    assert answer["error_code"] == (FAILED if _is_embedded(request) else ErrorCode.NONE)


async def test_a_proof_of_the_wrong_length_is_answered_here(
    secured: str, request: pytest.FixtureRequest
) -> None:
    """Kafka stumbles over it and closes; here it is one more proof that is wrong."""
    client = ScramClient("SCRAM-SHA-256", "alice", "alice-secret")
    async with wired(secured) as wire:
        await choose(wire, "SCRAM-SHA-256")
        first = await wire.ask("sasl_authenticate", 1, token=client.first())
        token = client.final(first["token"], cut=3)
        if _is_embedded(request):
            answer = await wire.ask("sasl_authenticate", 1, token=token)
            assert answer["error_code"] == FAILED
        else:
            wire.send("sasl_authenticate", 1, token=token)
        assert await wire.closed()


async def test_versions_may_be_asked_for_again_here(
    secured: str, request: pytest.FixtureRequest
) -> None:
    """Kafka closes at the second question; no client asks it, and answering does no harm."""
    async with wired(secured) as wire:
        await wire.ask("api_versions", 0)
        if _is_embedded(request):
            assert (await wire.ask("api_versions", 0))["apis"]
        else:
            wire.send("api_versions", 0)
            assert await wire.closed()
