"""An entity that keeps what it is told and fails on request, and what its log then holds."""

import asyncio
from typing import ClassVar

from google.protobuf.struct_pb2 import ListValue
from google.protobuf.wrappers_pb2 import Int64Value, StringValue
from support.delivery_node import Node
from support.scripted_log import Log, ScriptedPort

from callboard import Entity, handler
from callboard.supervision import Backoff, RetryPolicy
from callboard.transport.delivery import (
    Changelog,
    Inbound,
    StoredState,
    TopicPartition,
)

MAILBOX = TopicPartition("t.Keeper", 0)
STATE = TopicPartition("t.Keeper.state", 0)
QUARANTINE = TopicPartition("t.Keeper.quarantine", 0)


class Keeper(Entity):
    """Keeps numbers; negative ones fail, zero fails twice, large ones take a minute."""

    partitions = 1
    state: ListValue
    failures: ClassVar[int] = 0
    starts: ClassVar[list[str]] = []
    stops: ClassVar[list[str]] = []

    async def stopped(self) -> None:
        """Take note of every end, and fail at one."""
        Keeper.stops.append(self.context.self_ref.id)
        if self.context.self_ref.id == "bad at ending":
            raise RuntimeError("cannot end")

    async def started(self) -> None:
        """Take note of every start."""
        Keeper.starts.append(self.context.self_ref.id)

    @handler
    async def number(self, message: Int64Value) -> Int64Value:
        """Keep a number, and answer with how many there are."""
        self.state.values.add().number_value = message.value
        if message.value < 0:
            raise ValueError(f"{message.value} is below zero")
        if message.value == 0 and Keeper.failures < 2:
            Keeper.failures += 1
            raise RuntimeError("not yet")
        if message.value >= 1_000:
            await asyncio.sleep(60)
        return Int64Value(value=len(self.state.values))

    @handler
    def word(self, message: StringValue) -> None:
        """Skip bad words."""
        if message.value == "bad":
            raise KeyError(message.value)
        self.state.values.add().string_value = message.value


Keeper.policy = RetryPolicy(max_attempts=3, backoff=Backoff(1.0, 10.0), skip=(KeyError,))


async def handled(log: Log) -> Node:
    """Run a node until all mail is committed; return it, stopped."""
    node = Node("one", ScriptedPort(log), [Keeper])
    await node.start()
    await node.until_done()
    await node.stop()
    return node


def states(log: Log) -> dict[str, StoredState]:
    """Return what a restore would find."""
    changelog = Changelog()
    changelog.fold(log.partitions[STATE])
    return changelog.states


def kept(log: Log, key: str) -> list[object]:
    """Return what an entity keeps."""
    values = ListValue.FromString(states(log)[key].value).values
    return [v.number_value if v.HasField("number_value") else v.string_value for v in values]


def header(record: Inbound, name: str) -> str:
    """Return a header as text."""
    return dict(record.headers).get(name, b"").decode()
