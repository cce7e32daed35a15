"""Actors that record what happens to them, and crash when told to."""

import asyncio
from collections.abc import Callable
from types import FunctionType
from typing import Any

from callboard import Actor, ActorRef, handler
from callboard.supervision import Backoff, Directive, OneForOne

Log = list[Any]


class Boom(Exception):  # noqa: N818 - short, for it is everywhere
    """What the actors here crash with."""


class Crash: ...


class Recorder(Actor):
    """Records what happens to it and crashes when told to."""

    def __init__(self, log: Log, tag: str = "a") -> None:
        self.log = log
        self.tag = tag
        log.append((tag, "init"))

    async def started(self) -> None:
        self.log.append((self.tag, "started"))

    async def stopped(self) -> None:
        self.log.append((self.tag, "stopped"))

    @handler
    def text(self, message: str) -> str:
        self.log.append((self.tag, message))
        return message

    @handler
    def crash(self, message: Crash) -> None:
        raise Boom("on request")


async def within(ref: ActorRef[Any], call: Callable[[Any], Any]) -> Any:
    """Run a function in an actor's turn and return what it returns."""
    return await ref.ask(call, timeout=9.0)


class Parent(Actor):
    """Spawns what it is told to."""

    supervision = OneForOne(backoff=Backoff(1.0, 8.0))

    def __init__(self, log: Log) -> None:
        self.log = log

    async def stopped(self) -> None:
        self.log.append(("parent", "stopped"))

    @handler
    def spawn(self, message: tuple) -> ActorRef[Any]:  # type: ignore[type-arg]
        actor, *args = message
        return self.context.spawn(actor, *args)

    @handler
    def crash(self, message: Crash) -> None:
        raise Boom("parent")

    @handler
    def call(self, message: FunctionType) -> Any:
        return message(self)


def decide(directive: Directive) -> type[Parent]:
    """Return a parent that answers Boom with this directive."""

    class Deciding(Parent):
        supervision = OneForOne(backoff=Backoff(0.0, 0.0), decider={Boom: directive})

    return Deciding


class Sleeper(Actor):
    @handler
    async def sleep(self, message: float) -> asyncio.Task[Any] | None:
        await asyncio.sleep(message)
        return asyncio.current_task()

    @handler
    def text(self, message: str) -> str:
        return message
