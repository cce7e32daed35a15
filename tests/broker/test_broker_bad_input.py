"""Clients that misbehave: each costs a line in the log and its own connection, nothing else."""

import asyncio
import contextlib
import resource
import struct
from collections.abc import AsyncIterator, Iterable, MutableMapping
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from structlog.testing import capture_logs
from support.kafka_clients import until

from callboard.transport.broker import Broker, BrokerOptions

_HEARTBEAT = struct.pack(">hhih", 12, 0, 1, -1)


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    """A broker that looks after its connections ten times a second."""
    options = BrokerOptions(housekeeping=0.1, stall_timeout=0.3, idle_timeout=30.0)
    async with Broker(options) as started:
        yield started


async def dial(broker: Broker) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection."""
    host, _, port = broker.bootstrap.partition(":")
    return await asyncio.open_connection(host, int(port), limit=2**16)


async def hung_up(reader: asyncio.StreamReader) -> bool:
    """Wait until the broker has closed; an answer before that is a failure."""
    with contextlib.suppress(ConnectionResetError):
        async with asyncio.timeout(20):
            rest = await reader.read()
            assert rest == b""
    return True


async def still_serves(broker: Broker) -> bool:
    """Write and read as ever."""
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
        sent = await producer.send_and_wait("t", b"x", partition=0)
    return bool(broker.end_offset("t", 0) == sent.offset + 1)


def reasons(logs: list[MutableMapping[str, Any]]) -> list[str]:
    """Return why connections were closed, by the log."""
    return [entry["reason"] for entry in logs if entry["event"] == "closed a connection"]


def told(logs: list[MutableMapping[str, Any]]) -> list[int]:
    """Return how many connections each line that begins stands for, by the count behind it."""
    refused: list[int] = []
    for entry in logs:
        if entry["event"] == "refused a connection: there are too many":
            refused.append(1)
        elif entry["event"] == "refused connections: there were too many":
            refused[-1] = entry["refused"]
    return refused


def frame(body: bytes) -> bytes:
    """Return a body with its length."""
    return struct.pack(">i", len(body)) + body


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "frame of 1195725856 bytes"),
        (struct.pack(">i", 2**31 - 1), "frame of 2147483647 bytes"),
        (struct.pack(">i", -1), "frame of -1 bytes"),
        (frame(b""), "frame of 0 bytes"),
        (frame(b"\x00\x03"), "2 bytes expected at 2"),
        (frame(struct.pack(">hhih", 999, 0, 1, -1)), "request kind 999"),
        (frame(struct.pack(">hhih", 1, 99, 1, -1)), "fetch in version 99; this broker answers"),
        (frame(struct.pack(">hhih", 0, 7, 1, -1) + b"\xff"), "bytes expected"),
        (frame(struct.pack(">hhihi", 3, 1, 1, -1, 2**30)), "array of 1073741824 elements"),
        (frame(struct.pack(">hhihh", 3, 1, 1, 2, 0) + b"\xff\xfe"), "bytes expected"),
        (frame(struct.pack(">hhih", 12, 0, 1, 2) + b"\xff\xfe"), "not UTF-8"),
    ],
)
async def test_bytes_that_are_no_request(broker: Broker, sent: bytes, reason: str) -> None:
    """Another protocol, absurd lengths, unknown requests: one line says what came."""
    with capture_logs() as logs:
        reader, writer = await dial(broker)
        writer.write(sent)
        assert await hung_up(reader)
        writer.close()
    assert len(reasons(logs)) == 1
    assert reason in reasons(logs)[0]
    assert await still_serves(broker)


async def test_half_a_request_is_waited_for_and_hurts_nobody(broker: Broker) -> None:
    """The rest may come later, byte by byte; a client that goes away in the middle is forgotten."""
    reader, writer = await dial(broker)
    body = frame(_HEARTBEAT + struct.pack(">h", 1) + b"g" + struct.pack(">ih", 1, 0))
    for byte in body[:-1]:
        writer.write(bytes([byte]))
        await writer.drain()
    assert await still_serves(broker)
    writer.write(body[-1:])
    async with asyncio.timeout(20):
        assert len(await reader.readexactly(10)) == 10
    writer.write(body[:7])
    writer.close()
    assert await still_serves(broker)
    assert broker.statistics().connections <= 1


def _forget_to_pause(self: Any, parts: Iterable[bytes]) -> None:
    """Fill the buffer and tell nobody, as `writelines` of some releases of Python does."""
    self._maybe_pause_protocol = lambda: None
    try:
        self.write(b"".join(parts))
    finally:
        del self._maybe_pause_protocol


@pytest.mark.parametrize("forgetful", [False, True])
async def test_a_client_that_does_not_read_is_cut_off(
    broker: Broker, forgetful: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks for megabytes again and again; the broker keeps one answer for it, not all."""
    if forgetful:
        transport: Any = asyncio.selector_events._SelectorSocketTransport  # type: ignore[attr-defined]
        monkeypatch.setattr(transport, "writelines", _forget_to_pause)
    async with AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap, max_request_size=2**20
    ) as producer:
        for _ in range(8):
            await producer.send_and_wait("big", b"x" * 1_000_000, partition=0)
    fetch = struct.pack(">hhih", 1, 4, 7, -1) + struct.pack(">iiiib", -1, 0, 1, 2**30, 0)
    fetch += struct.pack(">ih", 1, 3) + b"big" + struct.pack(">iiqi", 1, 0, 0, 2**30)
    with capture_logs() as logs:
        _, writer = await dial(broker)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(frame(fetch) * 200)
        async with asyncio.timeout(10):
            while not reasons(logs):
                assert await still_serves(broker)
        writer.close()
    assert "it has not read its answers" in reasons(logs)[0]


async def test_connections_over_the_limit_are_refused() -> None:
    """Those that are open go on; one line when it begins, and a count later."""
    async with Broker(BrokerOptions(max_connections=20, housekeeping=0.2)) as broker:
        dialed: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        async with AIOKafkaConsumer("t", bootstrap_servers=broker.bootstrap) as consumer:
            with capture_logs() as logs:
                try:
                    dialed += [await dial(broker) for _ in range(60)]
                    refused = 0
                    for ended in asyncio.as_completed([hung_up(reader) for reader, _ in dialed]):
                        refused += await ended
                        if refused == 60 - 19:  # the consumer has one of the twenty
                            break
                    assert broker.statistics().connections == 20
                    await until(lambda: sum(told(logs)) == refused, "the count is told")
                    await consumer.getmany(timeout_ms=50)
                finally:
                    for _, writer in dialed:
                        writer.close()
            assert len(told(logs)) < refused  # one, unless the count is told in the middle
        await until(lambda: not broker.statistics().connections, "all are gone")
        assert await still_serves(broker)


@pytest.mark.slow
async def test_thousands_of_idle_connections(broker: Broker) -> None:
    """As many as the machine lets this process open, up to ten thousand; all served, all freed."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 25_000), most))
    count = min(10_000 - 50, min(most, 25_000) // 2 - 200)
    open_ones: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    try:
        for _ in range(count // 50):
            open_ones += await asyncio.gather(*(dial(broker) for _ in range(50)))
        await until(lambda: broker.statistics().connections >= count // 50 * 50, "all are accepted")
        assert await still_serves(broker)
    finally:
        for _, writer in open_ones:
            writer.close()
        await until(lambda: not broker.statistics().connections, "all are gone")
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, most))
