"""Requests that are none, in versions that are none, and how each broker takes them."""

import struct

import pytest
from support.wire import API, Wire, fresh, understood, wired

from callboard.transport.broker import ErrorCode
from callboard.transport.broker.wire import Api

# What aiokafka 0.14 sends, which both brokers have to take: key, oldest, newest version it knows.
_AIOKAFKA = {
    "produce": (0, 8),
    "fetch": (1, 11),
    "list_offsets": (0, 3),
    "metadata": (0, 5),
    "offset_commit": (2, 3),
    "offset_fetch": (1, 3),
    "find_coordinator": (0, 1),
    "join_group": (0, 5),
    "heartbeat": (0, 1),
    "leave_group": (0, 1),
    "sync_group": (0, 3),
    "init_producer_id": (0, 0),
    "create_topics": (0, 3),
}


_NO_TOPICS = struct.pack(">ib", 0, 0)
"""Metadata of no topics, none of which are to be created."""


async def versions(wire: Wire, version: int = 2) -> dict[int, tuple[int, int]]:
    """Return what a broker says it answers: the oldest and newest version of each key."""
    answer = await wire.ask("api_versions", version)
    assert answer["error_code"] == ErrorCode.NONE
    return {each["key"]: (each["first"], each["last"]) for each in answer["apis"]}


@pytest.mark.parametrize("version", [0, 1, 2])
async def test_versions_are_told_in_each_version(wire: Wire, version: int) -> None:
    """ApiVersions itself is answered from version 0 on, and names itself."""
    told = await versions(wire, version)
    assert told[API["api_versions"].key][0] == 0


async def test_the_client_and_the_broker_share_a_version(wire: Wire) -> None:
    """For every kind of request aiokafka sends there is a version that both know."""
    told = await versions(wire)
    for name, (oldest, newest) in _AIOKAFKA.items():
        first, last = told[API[name].key]
        assert first <= newest, name
        assert last >= oldest, name


async def test_a_version_of_api_versions_that_is_not_known_is_answered_in_the_oldest(
    wire: Wire,
) -> None:
    """The answer is laid out as version 0, says UNSUPPORTED_VERSION and which would do."""
    sent = wire.send_frame(18, 99, b"\x00")
    correlation, data = await wire.answer()
    answer = understood(API["api_versions"], 0, data)

    assert correlation == sent
    assert answer["error_code"] == ErrorCode.UNSUPPORTED_VERSION
    assert any(each["key"] == 18 and each["first"] == 0 for each in answer["apis"])


async def test_after_an_unknown_version_of_api_versions_the_connection_goes_on(wire: Wire) -> None:
    """A client that asked too new asks again on the same connection."""
    wire.send_frame(18, 99, b"\x00")
    await wire.answer()
    assert await versions(wire)


@pytest.mark.parametrize(
    ("key", "version"),
    [(999, 0), (-1, 0), (3, 99), (3, -1), (0, 99), (1, 3), (2, 0)],
    ids=["kind", "negative kind", "metadata", "negative", "produce", "old fetch", "old offsets"],
)
async def test_what_is_not_known_closes_the_connection(wire: Wire, key: int, version: int) -> None:
    """A kind or version of request that was not told of has no layout to answer in."""
    wire.send_frame(key, version, b"\x00" * 64)
    assert await wire.closed()


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">i", 2**31 - 1) + b"\x00" * 100,
        struct.pack(">i", -5),
        struct.pack(">i", 101 * 1024 * 1024),
        b"GET / HTTP/1.1\r\nHost: kafka\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x7f" * 64,
    ],
    ids=["2 GB", "negative", "above 100 MB", "HTTP", "TLS"],
)
async def test_what_is_no_frame_closes_the_connection(wire: Wire, data: bytes) -> None:
    """A length that cannot be right is not waited for."""
    wire.send_bytes(data)
    assert await wire.closed()


@pytest.mark.parametrize("length", [0, 1, 7])
async def test_a_frame_without_room_for_a_header_closes_the_connection(
    wire: Wire, length: int
) -> None:
    """Kind, version and correlation id take eight bytes."""
    wire.send_bytes(struct.pack(">i", length) + b"\x00" * length)
    assert await wire.closed()


@pytest.mark.parametrize(
    ("api", "version", "body"),
    [
        (API["metadata"], 4, struct.pack(">i", 3) + b"\x00\x01a"),
        (API["metadata"], 4, struct.pack(">i", 2**31 - 1)),
        (API["metadata"], 4, struct.pack(">ih", 1, 30_000) + b"short"),
        (API["fetch"], 11, b"\xff\xff\xff\xff"),
        (API["create_topics"], 4, b""),
    ],
    ids=["array", "huge array", "string", "fields", "nothing"],
)
async def test_a_body_that_ends_too_early_closes_the_connection(
    wire: Wire, api: Api, version: int, body: bytes
) -> None:
    """What the body lacks is not taken for zero."""
    wire.send_frame(api.key, version, body)
    assert await wire.closed()


async def test_bytes_behind_a_body_are_not_looked_at(wire: Wire) -> None:
    """A frame that is longer than its request is answered."""
    sent = wire.send_frame(API["metadata"].key, 4, _NO_TOPICS + b"more")
    correlation, data = await wire.answer()
    assert correlation == sent
    assert understood(API["metadata"], 4, data)["topics"] == []


async def test_a_client_need_not_have_a_name(wire: Wire) -> None:
    """The client id in a header may be null."""
    frame = struct.pack(">hhih", 3, 4, 77, -1) + _NO_TOPICS
    wire.send_bytes(struct.pack(">i", len(frame)) + frame)
    correlation, _ = await wire.answer()
    assert correlation == 77


async def test_answers_come_in_the_order_of_their_requests(wire: Wire) -> None:
    """Requests may be sent ahead; a quick one waits behind a slow one of its connection."""
    topic = await wire.topic()
    part = {"index": 0, "offset": 0, "max_bytes": 1000}
    slow = wire.send(
        "fetch", 11, replica_id=-1, max_wait_ms=150, min_bytes=1, max_bytes=1000,
        isolation_level=0, topics=[{"name": topic, "partitions": [part]}], forgotten=(),
    )  # fmt: skip
    quick = [wire.send("metadata", 4, topics=[], allow_auto_create=False) for _ in range(3)]

    assert [(await wire.answer())[0] for _ in range(4)] == [slow, *quick]


async def test_a_request_may_arrive_in_pieces(wire: Wire) -> None:
    """Frames have nothing to do with the packets they come in."""
    frame = struct.pack(">hhih", 3, 4, 5, -1) + _NO_TOPICS
    for byte in struct.pack(">i", len(frame)) + frame:
        wire.send_bytes(bytes([byte]))
        await wire.drained()
    assert (await wire.answer())[0] == 5


async def test_a_closed_connection_takes_no_other_with_it(wire: Wire, broker_url: str) -> None:
    """Garbage on one connection is nothing to its neighbor."""
    async with wired(broker_url) as rude:
        rude.send_bytes(b"\xff" * 64)
        assert await rude.closed()
    topic = await wire.topic(name=fresh())
    assert await wire.write(topic, b"v") == 0


async def test_sasl_is_refused_where_it_is_not_asked_for(wire: Wire) -> None:
    """A handshake on a plain port is an ILLEGAL_SASL_STATE, and that can be heard."""
    wire.send_frame(17, 1, struct.pack(">h", 5) + b"PLAIN")
    _, data = await wire.answer()
    assert struct.unpack_from(">h", data)[0] == ErrorCode.ILLEGAL_SASL_STATE
