"""What goes straight to entities overtakes nothing that has to go by the intake."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer
from google.protobuf.struct_pb2 import ListValue
from google.protobuf.wrappers_pb2 import StringValue
from support.consuming import fresh
from support.planes import QUICK
from support.scripted_queue import ScriptedQueue
from support.small_apps import within

from callboard import ActorSystem, BridgeOptions, Entity, handler
from callboard.transport import Quarantine
from callboard.transport.bridges import ForeignMessage

LARGE = 1_000_000
"""Characters that no record takes."""


class Journal(Entity):
    """Keeps what it is told; nothing only shows."""

    partitions = 2
    state: ListValue

    @handler
    async def take(self, message: StringValue) -> ListValue:
        """Keep a line."""
        if message.value:
            await Journal.gate.wait()
            self.state.values.add().string_value = message.value
        shown = ListValue()
        shown.CopyFrom(self.state)
        return shown

    gate: asyncio.Event


class Lines:
    """A queue of lines for journals, as in `p:1`, and the bridge that brings them there."""

    def __init__(self, broker_url: str) -> None:
        self.url = f"kafka://{broker_url}"
        self.name = fresh("air")
        self.queue = ScriptedQueue()
        self.lenient = False
        self.waiting = False
        self.called = 0
        Journal.gate = asyncio.Event()
        Journal.gate.set()

    def put(self, *lines: str) -> None:
        """Put lines at the end of the queue."""
        self.queue.put(*(ForeignMessage(each, each.encode(), {}) for each in lines))

    @asynccontextmanager
    async def node(self, *, waits: bool = False, **options: int) -> AsyncGenerator[ActorSystem]:
        """Give a node with the bridge; its adapter may be one that waits."""
        system = ActorSystem(
            self.name, transport=f"{self.url}?session_timeout=2", node="n", entities=[Journal]
        )
        declare = system.bridge(
            self.queue,
            to=Journal,
            key=self.key,
            name="lines",
            handling=QUICK,
            options=BridgeOptions(**options),
        )
        declare(self.later if waits else self.adapter)
        async with system:
            yield system

    def adapter(self, payload: bytes) -> StringValue:
        """Make a command of a line."""
        self.called += 1
        line = payload.decode()
        if line.endswith("fails") and not self.lenient:
            raise ValueError("not yet")
        return StringValue(value=line + " " * (LARGE if self.large(line) else 0))

    async def later(self, payload: bytes) -> StringValue:
        """Do the same when it may."""
        while self.waiting:
            await asyncio.sleep(0.01)
        return self.adapter(payload)

    def large(self, line: str) -> bool:
        """Tell whether a line makes a command that cannot be written."""
        return line.endswith("large") and not self.lenient

    def key(self, command: StringValue) -> str:
        """Return whose line it is."""
        return command.value.partition(":")[0]

    async def parked(self) -> list[bytes]:
        """Return what is in quarantine."""
        async with Quarantine(self.url, self.name) as desk:
            if "lines" not in desk.kinds:
                return []
            return sorted(each.value or b"" for each in await desk.messages("lines"))


async def shown(system: ActorSystem, journal: str) -> list[str]:
    """Ask a journal for its lines, without their keys."""
    answer = await system.entity(Journal, journal).ask(StringValue(), timeout=20.0)
    return [each.string_value.partition(":")[2].strip() for each in answer.values]


async def until_shown(system: ActorSystem, journal: str, count: int) -> list[str]:
    """Wait until a journal has so many lines."""
    async with asyncio.timeout(40):
        while len(found := await shown(system, journal)) < count:
            await asyncio.sleep(0.02)
    return found


async def until_parked(lines: Lines, count: int) -> list[bytes]:
    """Wait until so many lines are in quarantine."""
    async with asyncio.timeout(40):
        while len(found := await lines.parked()) < count:
            await asyncio.sleep(0.1)
    return found


async def test_what_cannot_be_written_parks_its_entity_alone(broker_url: str) -> None:
    """Later lines of that entity wait behind it, also of a bridge that began since."""
    lines = Lines(broker_url)
    async with lines.node() as system:
        lines.put("p:1", "p:large", "p:2", "q:1")
        assert await until_shown(system, "q", 1) == ["1"]
        assert await until_parked(lines, 2) == [b"p:2", b"p:large"]
    async with lines.node() as system:
        lines.put("p:3", "q:2")
        assert await until_shown(system, "q", 2) == ["1", "2"]
        assert await until_parked(lines, 3) == [b"p:2", b"p:3", b"p:large"]
        assert await shown(system, "p") == ["1"]
        lines.lenient = True
        async with Quarantine(lines.url, lines.name) as desk:
            assert [each.left for each in await desk.redrive("lines", timeout=30.0)] == [0]
        lines.put("p:4")
        assert await until_shown(system, "p", 5) == ["1", "large", "2", "3", "4"]


async def test_a_line_whose_adapter_fails_holds_up_none(broker_url: str) -> None:
    """Nobody knows whose it is; those of its entity go straight on."""
    lines = Lines(broker_url)
    async with lines.node() as system:
        lines.put("p:1", "p:fails", "p:2")
        assert await until_shown(system, "p", 2) == ["1", "2"]
        assert await until_parked(lines, 1) == [b"p:fails"]
        lines.lenient = True
        async with Quarantine(lines.url, lines.name) as desk:
            await desk.redrive("lines", timeout=30.0)
        assert await until_shown(system, "p", 3) == ["1", "2", "fails"]


async def test_what_waited_before_the_adapter_was_changed_goes_before(broker_url: str) -> None:
    """An adapter that waits has its lines in the intake: those of a plain one go behind them."""
    lines = Lines(broker_url)
    lines.waiting = True
    async with lines.node(waits=True):
        lines.put("p:1", "p:2")
        await within(30.0, lambda: not lines.queue.messages)
    lines.waiting = False
    Journal.gate.clear()  # what comes first is not through when the next comes
    async with lines.node() as system:
        lines.put("p:3")
        await within(30.0, lambda: not lines.queue.messages)
        lines.put("p:4")
        Journal.gate.set()
        assert await until_shown(system, "p", 4) == ["1", "2", "3", "4"]


async def test_entities_go_straight_again_when_nothing_waits(broker_url: str) -> None:
    """A detour lasts until its messages are handled, and those in quarantine come back."""
    lines = Lines(broker_url)
    async with lines.node() as system:
        lines.put("p:large")
        assert await until_parked(lines, 1) == [b"p:large"]
        lines.lenient = True
        async with Quarantine(lines.url, lines.name) as desk:
            await desk.redrive("lines", timeout=30.0)
        straight = False
        async with asyncio.timeout(40):
            number = 0
            while not straight:  # the bridge looks now and then whether it may
                number += 1
                called = lines.called
                lines.put(f"p:{number}")
                await until_shown(system, "p", number + 1)
                straight = lines.called == called + 1
                await asyncio.sleep(0.2)
        found = await shown(system, "p")
        assert found == ["large", *(str(each) for each in range(1, number + 1))]


async def test_a_full_mailbox_makes_the_bridge_wait(broker_url: str) -> None:
    """The queue keeps what the entities have not come to; when they go on, so does the bridge."""
    lines = Lines(broker_url)
    Journal.gate.clear()
    lines.put(*(f"p:{number}" for number in range(200)))
    async with lines.node(batch=10, max_backlog=20) as system:
        await within(30.0, lambda: len(lines.queue.messages) < 200)
        waiting = -1
        while len(lines.queue.messages) != waiting:  # until it takes no more
            waiting = len(lines.queue.messages)
            await asyncio.sleep(1.0)
        assert waiting, "it took everything although nothing was handled"
        Journal.gate.set()
        assert await until_shown(system, "p", 200) == [str(number) for number in range(200)]


async def test_each_command_says_where_it_came_from(broker_url: str) -> None:
    """Its id is that of the message, and cannot be taken for one of callboard's own."""
    lines = Lines(broker_url)
    async with lines.node() as system:
        traced = {"traceparent": "00-1-2-01", "flight": "7"}
        lines.queue.put(ForeignMessage("odd:1.2", b"p:1", traced), ForeignMessage("", b"p:2", {}))
        assert await until_shown(system, "p", 2) == ["1", "2"]
    consumer = AIOKafkaConsumer(
        f"{lines.name}.Journal",
        bootstrap_servers=broker_url,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        found: list[dict[str, bytes]] = []
        async with asyncio.timeout(20):
            while len(found) < 2:
                record = await consumer.getone()
                if record.value and b"p:" in record.value:
                    found.append(dict(record.headers))
    finally:
        await consumer.stop()
    odd, own = found
    assert odd["ce_id"] == b"odd:1.2~lines"
    assert own["ce_id"].endswith(b".0~lines")
    assert odd["ce_source"] == f"callboard://{lines.name}/consumers/lines".encode()
    assert odd["traceparent"] == b"00-1-2-01"
    assert {"ce_type", "ce_time", "content-type"} <= odd.keys()
