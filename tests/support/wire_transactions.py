"""Transactional producers made by hand: each request is the test's own."""

import asyncio
from collections.abc import Mapping
from enum import Enum
from typing import Any

from callboard.transport.broker import ErrorCode
from callboard.transport.broker.wire import Body

from .kafka_clients import SECONDS
from .record_batches import TRANSACTIONAL, Producer, Rec, batch
from .wire import Wire, fresh
from .wire_groups import TRANSACTION, coordinator

TIMEOUT_MS = 60_000
_LOOK_EVERY = 0.01
_LATER = frozenset(
    {
        ErrorCode.CONCURRENT_TRANSACTIONS,
        ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode.COORDINATOR_NOT_AVAILABLE,
        ErrorCode.NOT_COORDINATOR,
    }
)
"""What clients take for a reason to ask again before long."""


class End(Enum):
    """How a transaction ends; the values are the protocol's."""

    COMMIT = True
    ABORT = False

    @property
    def other(self) -> "End":
        """The other way."""
        return End(not self.value)


COMMIT, ABORT = End


class Writer:
    """A transactional producer; what it does in which order is up to the test.

    Attributes:
        id: Its transactional id.
        producer: The producer id and epoch it was given last.
    """

    def __init__(self, wire: Wire, id_: str | None = None, timeout_ms: int = TIMEOUT_MS) -> None:
        self.wire = wire
        self.id = id_ or f"txn-{fresh()}"
        self.timeout_ms = timeout_ms
        self.producer = Producer(-1, -1)
        self._next: dict[tuple[str, int], int] = {}

    async def ask_for_id(self, version: int = 1) -> Body:
        """Send one `InitProducerId` and return its answer."""
        return await self.wire.ask(
            "init_producer_id", version, transactional_id=self.id, timeout_ms=self.timeout_ms
        )

    async def begin(self) -> Producer:
        """Get id and epoch, asking again as long as a former transaction is being ended."""
        async with asyncio.timeout(SECONDS):
            while (answer := await self.ask_for_id())["error_code"] in _LATER:
                await coordinator(self.wire, self.id, TRANSACTION)
                await asyncio.sleep(_LOOK_EVERY)
        assert answer["error_code"] == ErrorCode.NONE, answer
        self.producer = Producer(answer["producer_id"], answer["producer_epoch"])
        self._next.clear()
        return self.producer

    async def add(self, *topics: str, version: int = 2, **changed: Any) -> int:
        """Have the first partitions of topics take part; return the code all got."""
        codes = await self.add_each({topic: [0] for topic in topics}, version=version, **changed)
        (code,) = set(codes.values())
        return code

    async def add_each(
        self, parts: Mapping[str, list[int]], *, version: int = 2, **changed: Any
    ) -> dict[tuple[str, int], int]:
        """Have partitions take part; return the code of each."""
        topics = [{"name": name, "partitions": indexes} for name, indexes in parts.items()]
        answer = await self.patiently(
            "add_partitions_to_txn", version, **{**self._identity(), "topics": topics, **changed}
        )
        return {
            (topic["name"], part["index"]): part["error_code"]
            for topic in answer["topics"]
            for part in topic["partitions"]
        }

    async def write(
        self,
        topic: str,
        *values: bytes,
        partition: int = 0,
        transactional_id: str | None = "",
        sequence: int | None = None,
        producer: Producer | None = None,
        codec: int = 0,
        version: int = 8,
    ) -> Body:
        """Write one batch as part of the transaction; return the partition's answer.

        A `transactional_id` other than "" takes the place of its own in the request.
        """
        place = (topic, partition)
        first = self._next.get(place, 0) if sequence is None else sequence
        records = batch(
            *(Rec(value) for value in values),
            producer=producer or self.producer,
            sequence=first,
            flags=TRANSACTIONAL,
            codec=codec,
        )
        answer = await self.wire.ask(
            "produce",
            version,
            transactional_id=self.id if transactional_id == "" else transactional_id,
            acks=-1,
            timeout_ms=int(SECONDS * 1000),
            topics=[{"name": topic, "partitions": [{"index": partition, "records": records}]}],
        )
        done = dict(answer["topics"][0]["partitions"][0])
        if done["error_code"] == ErrorCode.NONE:
            self._next[place] = first + len(values)
        return done

    async def open(self, topic: str, *values: bytes) -> int:
        """Add a topic's first partition and write to it; return the first record's offset."""
        assert await self.add(topic) == ErrorCode.NONE
        answer = await self.write(topic, *values)
        assert answer["error_code"] == ErrorCode.NONE, answer
        return int(answer["base_offset"])

    async def end(self, how: End, *, version: int = 2, **changed: Any) -> int:
        """Commit or abort; return the code."""
        answer = await self.wire.ask(
            "end_txn", version, **{**self._identity(), "commit": how.value, **changed}
        )
        return int(answer["error_code"])

    async def commit(self) -> None:
        """Commit, and wait until the markers are written."""
        await self.finish(COMMIT)

    async def abort(self) -> None:
        """Abort, and wait until the markers are written."""
        await self.finish(ABORT)

    async def finish(self, how: End) -> None:
        """End it, and wait until the markers are written."""
        async with asyncio.timeout(SECONDS):
            # The second answer is the first one's again once everything is written.
            while (code := await self.end(how)) == ErrorCode.CONCURRENT_TRANSACTIONS:
                await asyncio.sleep(_LOOK_EVERY)
            assert code == ErrorCode.NONE, code
            while (code := await self.end(how)) == ErrorCode.CONCURRENT_TRANSACTIONS:
                await asyncio.sleep(_LOOK_EVERY)
            assert code == ErrorCode.NONE, code

    async def add_offsets(self, group: str, *, version: int = 2, **changed: Any) -> int:
        """Have a group's offsets take part; return the code."""
        body = {**self._identity(), "group": group, **changed}
        answer = await self.patiently("add_offsets_to_txn", version, **body)
        return int(answer["error_code"])

    async def commit_offset(
        self,
        group: str,
        topic: str,
        offset: int,
        *,
        metadata: str | None = "",
        version: int = 2,
        **changed: Any,
    ) -> int:
        """Write an offset of a topic's first partition as part of it; return the code."""
        part = {"index": 0, "offset": offset, "leader_epoch": -1, "metadata": metadata}
        body = {**self._identity(), "group": group, **changed}
        body["topics"] = [{"name": topic, "partitions": [part]}]
        answer = await self.patiently("txn_offset_commit", version, **body)
        return int(answer["topics"][0]["partitions"][0]["error_code"])

    async def patiently(self, name: str, version: int, **body: Any) -> Body:
        """Ask again as clients do while the markers of the transaction before are written."""
        async with asyncio.timeout(SECONDS):
            while True:
                answer = await self.wire.ask(name, version, **body)
                if ErrorCode.CONCURRENT_TRANSACTIONS not in _codes(answer):
                    return answer
                await asyncio.sleep(_LOOK_EVERY)

    def _identity(self) -> Body:
        return {
            "transactional_id": self.id,
            "producer_id": self.producer.id,
            "producer_epoch": self.producer.epoch,
        }


def _codes(answer: Body) -> set[int]:
    """Return all error codes of an answer to a transaction's request."""
    if "error_code" in answer:
        return {answer["error_code"]}
    return {part["error_code"] for topic in answer["topics"] for part in topic["partitions"]}
