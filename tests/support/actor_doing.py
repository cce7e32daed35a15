"""Actors that do what a test hands them, each in its own turn."""

import asyncio
from collections.abc import Callable
from types import FunctionType
from typing import Any

from callboard import Actor, ActorRef, ActorSystem, handler
from callboard.supervision import Backoff, OneForOne

Log = list[Any]


class Oops(Exception):  # noqa: N818 - short, for it is everywhere
    """What the actors here crash with."""


class Doer(Actor):
    """Calls the functions it is sent with itself, and records the texts it is sent."""

    supervision = OneForOne(max_restarts=1_000, backoff=Backoff(0.0, 0.0))

    def __init__(self, log: Log | None = None) -> None:
        self.log: Log = [] if log is None else log

    @handler
    def call(self, message: FunctionType) -> Any:
        return message(self)

    @handler
    def text(self, message: str) -> str:
        self.log.append(message)
        return message

    @handler
    async def wait(self, message: float) -> None:
        await asyncio.sleep(message)


def lenient(name: str = "t", **options: Any) -> ActorSystem:
    """Return a system that restarts its top-level actors at once, as often as it takes."""
    return ActorSystem(name, supervision=Doer.supervision, **options)


def do(ref: ActorRef[Any], call: Callable[[Any], Any]) -> None:
    """Have a function called in an actor's turn, some time."""
    ref.tell(call)


def fail(_: Any) -> None:
    """Crash whoever is told this."""
    raise Oops("on request")


def now() -> float:
    """Return the loop's time."""
    return asyncio.get_running_loop().time()
