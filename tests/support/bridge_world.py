"""A legacy queue, a log and a consumer in memory, for bridges that live and die in virtual time."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from google.protobuf.wrappers_pb2 import StringValue

from callboard import ActorSystem, BridgeError, BridgeOptions, ConsumerOptions, Entity, handler
from callboard.actors import ActorRef, PartitionLost
from callboard.schemas import TypeRegistry
from callboard.supervision import Backoff, OneForOne
from callboard.transport.bridges import (
    BridgeKeeper,
    DirectRoute,
    Extent,
    ForeignMessage,
    declare_bridge,
)
from callboard.transport.consumers import DROPPED, RouteTarget, target_of
from callboard.transport.delivery import Codec, Inbound, Outbound, Record, TopicPartition

INTAKE = TopicPartition("air.lines.intake", 0)
MAIL = TopicPartition("air.Journal", 0)
_LARGE = 100
"""Bytes that the log does not take of one command."""


class Journal(Entity):
    """What the lines are for."""

    @handler
    def take(self, message: StringValue) -> None:
        """Keep a line."""


class LineQueue:
    """Implements `Source`: a message is one session's until it is acknowledged, or that ends."""

    label = "scripted://lines"
    queue_name = "lines"

    def __init__(self) -> None:
        self.waiting: list[tuple[int, ForeignMessage]] = []
        self.held = 0
        self.refused = 0
        """Acknowledgements that fail yet."""
        self._filled = asyncio.Event()
        self._next = 0

    def put(self, *bodies: str) -> None:
        """Put lines at the end, each with an id of its own."""
        for body in bodies:
            self.waiting.append((self._next, ForeignMessage(f"m{self._next}", body.encode())))
            self._next += 1
        self._filled.set()

    @asynccontextmanager
    async def session(self) -> AsyncGenerator["_Session"]:
        """See `Source.session`."""
        await asyncio.sleep(0.01)
        session = _Session(self)
        try:
            yield session
        finally:
            self.held -= len(session.taken)
            self.waiting = sorted(self.waiting + session.taken, key=lambda each: each[0])
            self._filled.set()

    async def look(self, count: int) -> Sequence[ForeignMessage]:
        """See `Source.look`."""
        return [message for _, message in self.waiting[:count]]

    async def some(self) -> None:
        """Return when there is something."""
        while not self.waiting:
            self._filled.clear()
            await self._filled.wait()


class _Session:
    def __init__(self, queue: LineQueue) -> None:
        self._queue = queue
        self.taken: list[tuple[int, ForeignMessage]] = []

    async def take(self, most: int) -> Sequence[ForeignMessage]:
        await self._queue.some()
        some, self._queue.waiting = self._queue.waiting[:most], self._queue.waiting[most:]
        self.taken += some
        self._queue.held += len(some)
        return [message for _, message in some]

    async def acknowledge(self, messages: Sequence[ForeignMessage]) -> None:
        await asyncio.sleep(0.01)
        if self._queue.refused:
            self._queue.refused -= 1
            raise BridgeError("the connection has gone")
        self.taken = [each for each in self.taken if each[1] not in messages]
        self._queue.held -= len(messages)

    async def set_aside(self, message: ForeignMessage) -> str:
        raise NotImplementedError


@dataclass
class World:
    """What outlives every bridge.

    Attributes:
        queue: The legacy side.
        seed: Of the delays.
        lenient: Whether adapter and log take what they did not before.
        mail: What stands in the mailbox of each entity, in order.
        records: The intake.
        failing: What the next writes come to: "before" or "after" they were taken.
    """

    seed: int
    queue: LineQueue = field(default_factory=LineQueue)
    lenient: bool = False
    mail: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    records: list[Inbound] = field(default_factory=list[Inbound])
    failing: list[str] = field(default_factory=list[str])
    end: int = 0
    position: int = 0
    epoch: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.codec = Codec(TypeRegistry(), _LARGE)
        self._parked: dict[str, list[Inbound]] = {}
        self._loose: list[Inbound] = []
        self.bridge = declare_bridge(
            "air",
            self.queue,
            self.adapter,
            to=Journal,
            key=lambda command: command.value.partition(":")[0],
            options=BridgeOptions(batch=4),
            handling=ConsumerOptions(name="lines"),
            supervision=OneForOne(max_restarts=10**6, within=1.0, backoff=Backoff(0.1, 0.5)),
        )
        target = target_of(self.bridge.consumer, self.codec)
        assert isinstance(target, RouteTarget)
        self.target = target

    def adapter(self, payload: bytes) -> StringValue | None:
        """Make a command of a line such as `p:3`, `p:3large`, `p:3fails`, `p:3dropped`."""
        line = payload.decode()
        if line.endswith("dropped"):
            return None
        if line.endswith("fails") and not self.lenient:
            raise ValueError("not yet")
        return StringValue(value=line + " " * (_LARGE if "large" in line else 0) * self.strict)

    @property
    def strict(self) -> int:
        """1 while large commands are too large."""
        return 0 if self.lenient else 1

    def start(self, system: ActorSystem, name: str) -> ActorRef[object]:
        """Start a bridge."""
        route = DirectRoute(
            self.bridge,
            self.target,
            self.codec,
            kind="Journal",
            sender=("ce_source", b"lines"),
            place=lambda _, id_: (MAIL, id_.encode()),
            run=name,
        )
        return system.spawn(
            BridgeKeeper, self.bridge, partial(ScriptedIntake, self), route, name=name
        )

    async def consume(self) -> None:
        """Handle what goes by the intake, at times of its own, for ever."""
        while True:
            await asyncio.sleep(self.random.choice([0.05, 0.5, 10.0]))
            for record in [each for each in self.records if each.offset >= self.position]:
                if "cb_receipt" not in dict(record.headers):
                    self._handle(record)
                    await asyncio.sleep(self.random.choice([0.0, 0.1]))
                self.position = record.offset + 1

    def redrive(self) -> None:
        """Bring back what is in quarantine, now that nothing fails any more."""
        self.lenient = True
        loose, self._loose = self._loose, []
        parked, self._parked = self._parked, {}
        for record in [*loose, *(each for records in parked.values() for each in records)]:
            self._handle(record)

    @property
    def parked(self) -> list[str]:
        """Entities with something in quarantine."""
        return list(self._parked)

    @property
    def at_rest(self) -> bool:
        """Nothing is on its way."""
        waiting = any(
            each.offset >= self.position and "cb_receipt" not in dict(each.headers)
            for each in self.records
        )
        return not (self.queue.waiting or self.queue.held or waiting)

    def _handle(self, record: Inbound) -> None:
        try:
            ready = self.target.prepare(record, dict(record.headers))
        except ValueError:
            self._loose.append(record)
            return
        if ready is DROPPED:
            return
        if ready.id in self._parked:
            self._parked[ready.id].append(record)
        elif len(ready.command.value) > _LARGE:
            self._parked[ready.id] = [record]
        else:
            self.mail.setdefault(ready.id, []).append(ready.command.value.strip())


class ScriptedIntake:
    """Implements `Intake` over a world."""

    partition = INTAKE

    def __init__(self, world: World) -> None:
        self._world = world
        self._epoch = -1

    async def fence(self) -> None:
        """See `Intake`."""
        await asyncio.sleep(0.01)
        self._world.epoch += 1
        self._epoch = self._world.epoch

    async def write(self, records: Iterable[Outbound]) -> Sequence[int]:
        """See `Intake`."""
        world = self._world
        await asyncio.sleep(world.random.choice([0.0, 0.01, 0.2]))
        if self._epoch != world.epoch:
            raise PartitionLost("fenced")
        fate = world.failing.pop(0) if world.failing else ""
        if fate == "before":
            raise BridgeError("not written")
        offsets: list[int] = []
        for to, key, value, headers in records:
            offsets.append(world.end)
            if to == MAIL:
                line = StringValue.FromString(value or b"").value
                world.mail.setdefault((key or b"").decode(), []).append(line.strip())
                continue
            world.records.append(Record(world.end, key, value, headers))
            world.end += 1
        world.end += 1  # the transaction's own
        await asyncio.sleep(world.random.choice([0.0, 0.1]))
        if fate == "after":
            raise BridgeError("the answer was lost")
        return offsets

    async def extent(self) -> Extent:
        """See `Intake`."""
        await asyncio.sleep(0.001)
        return Extent(0, self._world.end, self._world.position)

    async def read(self, start: int, end: int) -> AsyncIterator[Sequence[Inbound]]:
        """See `Intake`."""
        await asyncio.sleep(0.01)
        yield [each for each in self._world.records if start <= each.offset < end]

    async def parked(self) -> Collection[str]:
        """See `Intake`."""
        await asyncio.sleep(0.01)
        return self._world.parked

    async def backlog(self) -> int:
        """See `Intake`."""
        return 0

    async def tidy(self, needed_from: int | None) -> None:
        """See `Intake`; all stays."""

    async def aclose(self) -> None:
        """See `Intake`."""
