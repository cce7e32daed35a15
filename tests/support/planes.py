"""Planes that keep what a bridge brings them, from a scripted queue."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from google.protobuf.struct_pb2 import ListValue
from google.protobuf.wrappers_pb2 import Int64Value
from support.consuming import fresh
from support.scripted_queue import ScriptedQueue

from callboard import ActorSystem, BridgeOptions, ConsumerOptions, Entity, handler
from callboard.supervision import Backoff, RetryPolicy
from callboard.transport.bridges import ForeignMessage

QUICK = ConsumerOptions(retry=RetryPolicy(max_attempts=1, backoff=Backoff(0.01, 0.05)))


class Plane(Entity):
    """Keeps what it is told."""

    partitions = 2
    state: ListValue

    @handler
    def take(self, message: Int64Value) -> ListValue:
        """Keep a number; 0 only shows."""
        if message.value:
            self.state.values.add().number_value = message.value
        shown = ListValue()
        shown.CopyFrom(self.state)
        return shown


def message(number: int, **headers: str) -> ForeignMessage:
    """Return a message with an id."""
    return ForeignMessage(f"m{number}", str(number).encode(), headers)


@asynccontextmanager
async def running(
    broker_url: str, declare: Callable[[ActorSystem], object]
) -> AsyncGenerator[ActorSystem]:
    """Give a node with what a function declares."""
    url = f"kafka://{broker_url}?session_timeout=2"
    system = ActorSystem(fresh("air"), transport=url, node="n1", entities=[Plane])
    declare(system)
    async with system:
        yield system


async def kept(system: ActorSystem, plane: str) -> list[int]:
    """Ask a plane for its numbers."""
    answer = await system.entity(Plane, plane).ask(Int64Value(), timeout=20.0)
    return [int(each.number_value) for each in answer.values]


async def until_kept(system: ActorSystem, plane: str, count: int) -> list[int]:
    """Wait until a plane has so many numbers."""
    async with asyncio.timeout(40):
        while len(found := await kept(system, plane)) < count:
            await asyncio.sleep(0.02)
    return found


def to_one(queue: ScriptedQueue, **options: int) -> Callable[[ActorSystem], object]:
    """Return what declares a bridge to one plane."""

    def declare(system: ActorSystem) -> None:
        @system.bridge(
            queue, to=Plane, key=lambda _: "p", name="flights", options=BridgeOptions(**options)
        )
        def adapter(payload: bytes) -> Int64Value:
            return Int64Value(value=int(payload))

    return declare
