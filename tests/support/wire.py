"""A client that sends exactly what a test wants sent, on one connection.

Its requests are laid out by the structures of the embedded broker. That is no
circle: Apache Kafka reads the same bytes, and its answers are read with the
same structures to the last byte.
"""

import asyncio
import secrets
import struct
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any

from callboard.transport.broker.wire import APIS, I16, I32, TEXT, Api, Body, ErrorCode, Reader

from .kafka_clients import SECONDS
from .record_batches import Producer, Read, Rec, batch, read

API = {api.name: api for api in APIS.values()}
LATEST, EARLIEST, NEWEST = -1, -2, -3
UNCOMMITTED, COMMITTED = 0, 1
KEPT: Mapping[str, str] = MappingProxyType({"retention.ms": "-1"})
"""Settings of a topic whose records stay however old they are."""

_LOOK_EVERY = 0.01
_MANY = 10 * 1024 * 1024


class Wire:
    """One connection; requests may be sent before earlier answers are read."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._asked = 0

    # -- frames -----------------------------------------------------------------------

    def send_bytes(self, data: bytes) -> None:
        """Send anything."""
        self._writer.write(data)

    async def drained(self) -> None:
        """Let what was sent go out."""
        await self._writer.drain()

    def send_frame(self, key: int, version: int, body: bytes) -> int:
        """Send a request made by hand; return its correlation id."""
        self._asked += 1
        out: list[bytes] = []
        for type_, value in ((I16, key), (I16, version), (I32, self._asked), (TEXT, "wire")):
            type_.write(value, 0, out)
        frame = b"".join(out) + body
        self.send_bytes(struct.pack(">i", len(frame)) + frame)
        return self._asked

    def send(self, name: str, version: int, **body: Any) -> int:
        """Send a request without waiting for its answer; return its correlation id."""
        out: list[bytes] = []
        API[name].request.write(body, version, out)
        return self.send_frame(API[name].key, version, b"".join(out))

    async def answer(self) -> tuple[int, bytes]:
        """Return the next answer: its correlation id and its body.

        Raises:
            IncompleteReadError: The broker has closed the connection.
        """
        async with asyncio.timeout(SECONDS):
            (length,) = struct.unpack(">i", await self._reader.readexactly(4))
            frame = await self._reader.readexactly(length)
        return int.from_bytes(frame[:4]), frame[4:]

    async def closed(self) -> bool:
        """Wait for what the broker does next; tell whether that is closing the connection."""
        try:
            async with asyncio.timeout(SECONDS):
                return await self._reader.read(1) == b""
        except ConnectionError:
            return True

    async def ask(self, name: str, version: int, **body: Any) -> Body:
        """Send a request and return its answer, which must be understood to its last byte."""
        sent = self.send(name, version, **body)
        correlation, data = await self.answer()
        assert correlation == sent
        return understood(API[name], version, data)

    # -- topics -----------------------------------------------------------------------

    async def create_topics(
        self, *topics: Body, validate_only: bool = False, version: int = 4
    ) -> dict[str, int]:
        """Ask for topics made with `topic_of`; return the code of each name."""
        answer = await self.ask(
            "create_topics",
            version,
            topics=topics,
            timeout_ms=int(SECONDS * 1000),
            validate_only=validate_only,
        )
        return {each["name"]: each["error_code"] for each in answer["topics"]}

    async def topic(
        self, partitions: int = 1, configs: Mapping[str, str] | None = None, name: str = ""
    ) -> str:
        """Create a topic no other test uses, wait until it can be used, return its name."""
        name = name or fresh()
        assert await self.create_topics(topic_of(name, partitions, configs=configs)) == {name: 0}
        await self.settled(name, partitions)
        return name

    async def settled(self, name: str, partitions: int = 1) -> None:
        """Wait until every partition answers: a new one does so only a moment later."""
        async with asyncio.timeout(SECONDS):
            for index in range(partitions):
                while (await self.offset(name, LATEST, partition=index))["error_code"] != 0:
                    await asyncio.sleep(_LOOK_EVERY)

    async def described(self, name: str, *, create: bool = False, version: int = 8) -> Body:
        """Return what metadata tells of one topic."""
        answer = await self.ask("metadata", version, topics=[name], allow_auto_create=create)
        (topic,) = answer["topics"]
        return dict(topic)

    # -- records ----------------------------------------------------------------------

    async def produce(
        self, topic: str, records: bytes, *, partition: int = 0, acks: int = -1
    ) -> Body:
        """Send one partition's records; return that partition's answer."""
        answer = await self.ask(
            "produce",
            8,
            acks=acks,
            timeout_ms=int(SECONDS * 1000),
            topics=[{"name": topic, "partitions": [{"index": partition, "records": records}]}],
        )
        return dict(answer["topics"][0]["partitions"][0])

    async def write(self, topic: str, *records: Rec | bytes, codec: int = 0) -> int:
        """Write one batch of records or values; return the offset of the first."""
        given = [Rec(each) if isinstance(each, bytes) else each for each in records]
        answer = await self.produce(topic, batch(*given, codec=codec))
        assert answer["error_code"] == 0, answer
        return int(answer["base_offset"])

    async def refuses(self, topic: str, records: bytes, code: ErrorCode) -> None:
        """Fail unless records are refused with this code, and an empty topic stays empty."""
        answer = await self.produce(topic, records)
        assert answer["error_code"] == code
        assert answer["base_offset"] == -1
        assert (await self.offset(topic, LATEST))["offset"] == 0

    async def fetch(
        self,
        topic: str,
        offset: int,
        *,
        partition: int = 0,
        part_bytes: int = _MANY,
        version: int = 11,
        **options: Any,
    ) -> Body:
        """Fetch from one partition; return that partition's answer."""
        answer = await self.ask(
            "fetch",
            version,
            **fetching([part_of(topic, offset, partition, part_bytes)], **options),
        )
        return dict(answer["topics"][0]["partitions"][0])

    async def records(self, topic: str, offset: int = 0, *, partition: int = 0) -> list[Read]:
        """Return all records of a partition from the batch with this offset on."""
        found: list[Read] = []
        while True:  # Apache Kafka gives no more than one segment at a time
            answer = await self.fetch(topic, offset, partition=partition)
            assert answer["error_code"] == 0, answer
            found += read(answer["records"] or b"")
            if not answer["records"]:
                return found
            offset = found[-1].offset + 1

    async def offset(
        self,
        topic: str,
        timestamp: int,
        *,
        partition: int = 0,
        version: int = 5,
        isolation_level: int = UNCOMMITTED,
    ) -> Body:
        """Look an offset up by time; return that partition's answer."""
        answer = await self.ask(
            "list_offsets",
            version,
            replica_id=-1,
            isolation_level=isolation_level,
            topics=[{"name": topic, "partitions": [{"index": partition, "timestamp": timestamp}]}],
        )
        return dict(answer["topics"][0]["partitions"][0])

    async def delete_records(self, topic: str, offset: int, *, partition: int = 0) -> Body:
        """Let a partition begin later; return that partition's answer."""
        answer = await self.ask(
            "delete_records",
            1,
            topics=[{"name": topic, "partitions": [{"index": partition, "offset": offset}]}],
            timeout_ms=int(SECONDS * 1000),
        )
        return dict(answer["topics"][0]["partitions"][0])

    async def new_producer(self) -> Producer:
        """Return a new idempotent producer's id and epoch."""
        async with asyncio.timeout(SECONDS):
            while True:
                answer = await self.ask(
                    "init_producer_id", 1, transactional_id=None, timeout_ms=int(SECONDS * 1000)
                )
                # Until it has its first ids from the controller, a fresh node asks for patience.
                if answer["error_code"] != ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
                    break
                await asyncio.sleep(_LOOK_EVERY)
        assert answer["error_code"] == 0, answer
        return Producer(answer["producer_id"], answer["producer_epoch"])


@asynccontextmanager
async def wired(bootstrap: str) -> AsyncGenerator[Wire]:
    """Give a connection to the first broker that is named."""
    host, _, port = bootstrap.split(",", maxsplit=1)[0].rpartition(":")
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


def understood(api: Api, version: int, data: bytes) -> Body:
    """Read an answer.

    Raises:
        AssertionError: There are bytes left over.
        MalformedRequest: There are too few.
    """
    reader = Reader(data)
    body = api.response.read(reader, version)
    assert reader._at == len(data), f"{api.name} v{version}: {len(data) - reader._at} bytes more"
    return body


def fresh() -> str:
    """Return a name that no other test uses."""
    return f"t-{secrets.token_hex(6)}"


def topic_of(
    name: str,
    partitions: int = 1,
    replication: int = 1,
    *,
    configs: Mapping[str, str | None] | Mapping[str, str] | None = None,
    assignments: Mapping[int, Sequence[int]] | None = None,
) -> Body:
    """Return a topic as `CreateTopics` has it."""
    return {
        "name": name,
        "partitions": partitions,
        "replication": replication,
        "assignments": [
            {"index": index, "brokers": ids} for index, ids in (assignments or {}).items()
        ],
        "configs": [{"name": key, "value": value} for key, value in (configs or {}).items()],
    }


def part_of(topic: str, offset: int, partition: int = 0, max_bytes: int = _MANY) -> Body:
    """Return a topic with one partition as `Fetch` has it."""
    part = {"index": partition, "offset": offset, "max_bytes": max_bytes}
    return {"name": topic, "partitions": [part]}


def fetching(topics: Sequence[Body], **options: Any) -> Body:
    """Return the body of a fetch; without options it waits for nothing."""
    return {
        "replica_id": -1,
        "max_wait_ms": 0,
        "min_bytes": 1,
        "max_bytes": _MANY,
        "isolation_level": UNCOMMITTED,
        "topics": topics,
        "forgotten": (),
        **options,
    }
