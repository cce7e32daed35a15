"""Members of consumer groups, made by hand: each sends what a test tells it to."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple, TypeVar

from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata

from callboard.transport.broker import ErrorCode
from callboard.transport.broker.wire import Body

from .kafka_clients import SECONDS
from .wire import Wire, fresh, wired

T = TypeVar("T")

SESSION_MS = 10_000
SHORT_SESSION_MS = 600
"""Both brokers take it (Apache Kafka as `apache_kafka.SETTINGS` has it)."""

NO_GENERATION = -1
GROUP, TRANSACTION = 0, 1
PREPARING, COMPLETING, STABLE, EMPTY, DEAD = (
    "PreparingRebalance",
    "CompletingRebalance",
    "Stable",
    "Empty",
    "Dead",
)
_LOOK_EVERY = 0.01


def subscription(*topics: str, data: bytes = b"") -> bytes:
    """Return a consumer's metadata; Apache Kafka reads it and takes nothing else."""
    return bytes(ConsumerProtocolMemberMetadata(0, topics, data).encode())


class Offset(NamedTuple):
    """A committed offset as `OffsetFetch` tells it."""

    offset: int
    metadata: str | None = ""
    leader_epoch: int = -1
    error: int = ErrorCode.NONE


class Member:
    """One client of a group, on a connection of its own: a join that is held blocks it.

    Attributes:
        id: The member id it was given last.
        generation: The generation it joined last.
        leads: Whether it is that generation's leader.
    """

    def __init__(
        self,
        wire: Wire,
        group: str,
        *,
        instance: str | None = None,
        session_ms: int = SESSION_MS,
        rebalance_ms: int = SESSION_MS,
        protocols: Mapping[str, bytes] | None = None,
    ) -> None:
        self.wire = wire
        self.group = group
        self.instance = instance
        self.session_ms = session_ms
        self.rebalance_ms = rebalance_ms
        self.protocols = {"range": subscription()} if protocols is None else dict(protocols)
        self.id = ""
        self.generation = NO_GENERATION
        self.leads = False

    async def ask_to_join(
        self,
        *,
        version: int = 5,
        protocol_type: str = "consumer",
        **changed: Any,
    ) -> Body:
        """Send one join; return its answer, when it comes, and remember nothing."""
        body = {
            "group": self.group,
            "session_timeout_ms": self.session_ms,
            "rebalance_timeout_ms": self.rebalance_ms,
            "member": self.id,
            "instance": self.instance,
            "protocol_type": protocol_type,
            "protocols": [
                {"name": name, "metadata": metadata} for name, metadata in self.protocols.items()
            ],
            **changed,
        }
        return await self.wire.ask("join_group", version, **body)

    async def join(self, **changed: Any) -> Body:
        """Join as clients do: again with the id if one is required; return the last answer."""
        answer = await self.ask_to_join(**changed)
        if answer["error_code"] == ErrorCode.MEMBER_ID_REQUIRED:
            self.id = answer["member"]
            answer = await self.ask_to_join(**changed)
        if answer["error_code"] == ErrorCode.NONE:
            self.id = answer["member"]
            self.generation = answer["generation"]
            self.leads = answer["leader"] == self.id
        return answer

    async def sync(
        self, assignments: Mapping[str, bytes] | None = None, **changed: Any
    ) -> tuple[int, bytes]:
        """Ask for the assignment, as leader with everybody's; return code and assignment."""
        body = {
            **self._place(),
            "instance": self.instance,
            "assignments": [
                {"member": member, "assignment": data}
                for member, data in (assignments or {}).items()
            ],
            **changed,
        }
        answer = await self.wire.ask("sync_group", 3, **body)
        return answer["error_code"], answer["assignment"]

    async def heartbeat(self, *, version: int = 3, **changed: Any) -> int:
        """Send a sign of life; return the code."""
        body = {**self._place(), "instance": self.instance, **changed}
        return int((await self.wire.ask("heartbeat", version, **body))["error_code"])

    async def commit(self, topic: str, offset: int = 1, **changed: Any) -> int:
        """Commit an offset of the topic's first partition; return the code."""
        body: dict[str, Any] = {**self._place(), "instance": self.instance, **changed}
        answer = await committed_by(self.wire, topic, offset, **body)
        return int(answer)

    async def leave(self, **changed: Any) -> int:
        """Leave by member id, as aiokafka does; return the code."""
        body = {"group": self.group, "member": self.id, **changed}
        return int((await self.wire.ask("leave_group", 1, **body))["error_code"])

    def _place(self) -> Body:
        return {"group": self.group, "generation": self.generation, "member": self.id}


async def committed_by(
    wire: Wire,
    topic: str,
    offset: int,
    *,
    metadata: str | None = "",
    leader_epoch: int = -1,
    partition: int = 0,
    version: int = 7,
    **place: Any,
) -> int:
    """Commit one offset as whoever `place` says; return the code."""
    part = {
        "index": partition,
        "offset": offset,
        "leader_epoch": leader_epoch,
        "metadata": metadata,
    }
    body = {"generation": NO_GENERATION, "member": "", "instance": None, "retention_ms": -1}
    body |= {**place, "topics": [{"name": topic, "partitions": [part]}]}
    answer = await wire.ask("offset_commit", version, **body)
    return int(answer["topics"][0]["partitions"][0]["error_code"])


async def fetched(
    wire: Wire, group: str, topics: Mapping[str, Sequence[int]] | None = None, *, version: int = 5
) -> dict[tuple[str, int], Offset]:
    """Return what a group has committed of partitions; without any named, of all."""
    wanted = None
    if topics is not None:
        wanted = [{"name": name, "partitions": list(parts)} for name, parts in topics.items()]
    answer = await wire.ask("offset_fetch", version, group=group, topics=wanted)
    assert answer["error_code"] == ErrorCode.NONE, answer
    return {
        (topic["name"], part["index"]): Offset(
            part["offset"], part["metadata"], part["leader_epoch"], part["error_code"]
        )
        for topic in answer["topics"]
        for part in topic["partitions"]
    }


async def coordinator(wire: Wire, key: str, kind: int = GROUP, *, version: int = 2) -> Body:
    """Ask who coordinates a group or a transactional id until somebody does."""
    async with asyncio.timeout(SECONDS):
        while True:
            # The first to ask on Apache Kafka waits until the coordinators' topic is there.
            answer = await wire.ask("find_coordinator", version, key=key, key_type=kind)
            if answer["error_code"] != ErrorCode.COORDINATOR_NOT_AVAILABLE:
                return answer
            await asyncio.sleep(_LOOK_EVERY)


async def new_group(wire: Wire) -> str:
    """Return the id of a group no other test uses, once the broker can answer for it."""
    group = f"g-{fresh()}"
    await coordinator(wire, group)
    async with asyncio.timeout(SECONDS):
        while (await described(wire, group))["error_code"] != ErrorCode.NONE:
            await asyncio.sleep(_LOOK_EVERY)
    return group


async def described(wire: Wire, group: str) -> Body:
    """Return what `DescribeGroups` tells of a group."""
    answer = await wire.ask("describe_groups", 4, groups=[group], operations_asked=False)
    (found,) = answer["groups"]
    return dict(found)


async def in_state(wire: Wire, group: str, state: str, members: int | None = None) -> None:
    """Wait until a group is in a state, and has so many members.

    On Apache Kafka what is told of the first groups after a start is some milliseconds old.

    Raises:
        TimeoutError: It did not come to be.
    """
    async with asyncio.timeout(SECONDS):
        while True:
            found = await described(wire, group)
            if found["state"] == state and members in {None, len(found["members"])}:
                return
            await asyncio.sleep(_LOOK_EVERY)


@asynccontextmanager
async def members(bootstrap: str, count: int, **options: Any) -> AsyncGenerator[list[Member]]:
    """Give clients of one new group that have not joined it yet."""
    async with AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(wired(bootstrap)) for _ in range(count)]
        group = await new_group(wires[0])
        yield [Member(wire, group, **options) for wire in wires]


@asynccontextmanager
async def waiting(asking: Coroutine[Any, Any, T]) -> AsyncGenerator[asyncio.Task[T]]:
    """Give an answer that is to come while the test goes on; it is owned by the test."""
    task = asyncio.create_task(asking)
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def stable(*all_of: Member) -> None:
    """Have clients join as one generation; each is assigned its number, `b"0"`, `b"1"`, ...

    The first leads. Later calls let the same members begin a further generation.
    """
    leader, *others = all_of
    if leader.generation == NO_GENERATION:
        answer = await leader.join()
        assert answer["error_code"] == ErrorCode.NONE, answer
    joining = [asyncio.create_task(each.join()) for each in others]
    try:
        async with asyncio.timeout(SECONDS):
            if others:
                await in_state(leader.wire, leader.group, PREPARING, len(all_of))
                await leader.join()
            await asyncio.gather(*joining)
            assert leader.leads
            shares = {each.id: str(number).encode() for number, each in enumerate(all_of)}
            assert await leader.sync(shares) == (ErrorCode.NONE, b"0")
            for number, each in enumerate(others, 1):
                assert await each.sync() == (ErrorCode.NONE, str(number).encode())
    finally:
        for task in joining:
            task.cancel()
