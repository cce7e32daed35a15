"""Two nodes of one system, and actors for them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from google.protobuf.wrappers_pb2 import Int64Value, StringValue
from support.consuming import fresh
from support.small_apps import within

from callboard import (
    Actor,
    ActorRef,
    ActorSystem,
    DeadLetter,
    Entity,
    Listing,
    Terminated,
    handler,
)
from callboard.supervision import Backoff, RetryPolicy


class Desk(Actor):
    """Does what the tests need of an actor elsewhere."""

    def __init__(self, heard: list[Any]) -> None:
        self.heard = heard

    @handler
    def hear(self, message: Int64Value) -> Int64Value:
        """Keep a number and give it back; below zero is too little."""
        self.heard.append(message.value)
        if message.value < 0:
            raise ValueError(f"{message.value} is below zero")
        return message

    @handler
    async def text(self, message: StringValue) -> Any:
        """Do what a text says."""
        if message.value == "slow":
            await asyncio.sleep(1.0)
        elif message.value == "who":
            sender = self.context.sender
            return StringValue(value="" if sender is None else sender.address)
        elif message.value == "answer":
            assert self.context.sender is not None
            self.context.sender.tell(StringValue(value="answered"))
        elif message.value == "untold":
            return {"no": "protobuf"}
        elif message.value == "stop":
            self.context.stop()
        return None


class Caller(Actor):
    """Calls the desk of the other node from its own handlers."""

    def __init__(self, desk: str, heard: list[Any]) -> None:
        self.desk, self.heard = desk, heard

    @handler
    async def call(self, message: StringValue) -> Any:
        """Ask or tell it, or keep what it answers."""
        desk = self.context.system.ref(self.desk)
        if message.value == "answered":
            self.heard.append(message.value)
        elif message.value == "answer":
            desk.tell(message)
        elif message.value == "forward":
            assert isinstance(desk, ActorRef)
            self.context.forward(desk, Int64Value(value=8))
        elif message.value == "watch":
            self.context.watch(desk)
        elif message.value == "unwatch":
            self.context.unwatch(desk)
        else:
            return await desk.ask(message, timeout=20.0)
        return None

    @handler
    def gone(self, message: Terminated) -> None:
        """Keep it."""
        self.heard.append(message)

    @handler
    def listed(self, message: Listing[Any]) -> None:
        """Keep it."""
        self.heard.append([ref.address for ref in message.refs])


class Till(Entity):
    """Tells the desk of another node; fails on its first try of each."""

    partitions = 1
    policy = RetryPolicy(max_attempts=3, backoff=Backoff(0.01, 0.05))
    state: Int64Value
    desk = ""

    @handler
    def take(self, message: Int64Value) -> Int64Value:
        """Tell it, and fail once."""
        self.context.system.ref(Till.desk).tell(message)
        if self.context.attempt == 1:
            raise ValueError("the first time")
        return message


@asynccontextmanager
async def two(broker_url: str) -> AsyncGenerator[tuple[ActorSystem, ActorSystem]]:
    """Give two nodes that know each other."""
    name, url = fresh("two"), f"kafka://{broker_url}?session_timeout=2"
    async with (
        ActorSystem(name, transport=url, node="one", entities=[Till]) as one,
        ActorSystem(name, transport=url, node="other", entities=[]) as other,
    ):
        await within(30.0, lambda: one.nodes() == other.nodes() == ("one", "other"))
        yield one, other


def letters(system: ActorSystem) -> list[DeadLetter]:
    """Return a list that a system's dead letters get into."""
    found: list[DeadLetter] = []
    system.events.subscribe(DeadLetter, found.append)
    return found
