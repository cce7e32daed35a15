"""A circuit breaker: closed, open and half open are three behaviors of one actor.

python examples/circuit_breaker.py
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from callboard import Actor, ActorFailed, ActorSystem, DeferredReply, handler


@dataclass(frozen=True)
class Get:
    """What clients ask for."""

    key: str


@dataclass(frozen=True)
class Got:
    """A call ended well."""

    reply: DeferredReply
    value: str


@dataclass(frozen=True)
class Lost:
    """A call ended badly."""

    reply: DeferredReply
    error: BaseException


class CircuitOpenError(Exception):
    """The service failed too often; it is left alone for a while."""


class Breaker(Actor):
    """Calls a service, until it fails too often; then fails fast, and tries one call later on."""

    def __init__(
        self, service: Callable[[str], Coroutine[Any, Any, str]], limit: int = 3, pause: float = 0.2
    ) -> None:
        self.service, self.limit, self.pause = service, limit, pause
        self.failures = 0

    @handler
    def call(self, message: Get) -> None:
        """Closed: pass the call on; its end comes back as a message."""
        reply = self.context.defer_reply()
        self.context.pipe_to_self(
            self.service(message.key),
            lambda value: Got(reply, value),
            lambda error: Lost(reply, error),
            timeout=1.0,
        )

    @handler
    def got(self, message: Got) -> None:
        """It works (again)."""
        self.failures = 0
        self.context.unbecome()
        message.reply.send(message.value)

    @handler
    def lost(self, message: Lost) -> None:
        """Open after so many failures in a row, or when the one trial failed."""
        self.failures += 1
        message.reply.fail(message.error)
        if self.failures >= self.limit:
            self.context.become(self.refuse, self.half_open, self.got, self.lost)
            self.context.start_timer("pause", self.pause, "try again")

    def refuse(self, message: Get) -> None:
        """Open: fail at once, without a call."""
        self.context.defer_reply().fail(CircuitOpenError(message.key))

    def half_open(self, message: str) -> None:
        """Half open: the next call is a trial, all others are refused until it ends."""
        del message
        self.context.become(self.trial, self.got, self.lost)

    def trial(self, message: Get) -> None:
        """Let one through."""
        self.context.become(self.refuse, self.half_open, self.got, self.lost)
        self.call(message)


async def main() -> list[str]:
    """A service that is down for a while, and what its clients see."""
    told: list[str] = []
    calls = 0

    async def service(key: str) -> str:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.01)
        if calls <= 4:
            raise ConnectionError("no route")
        return key.upper()

    async with ActorSystem("breaker") as system:
        breaker = system.spawn(Breaker, service, name="breaker")
        for number in range(16):
            try:
                told.append(await breaker.ask(Get(f"k{number}"), timeout=2.0, reply_type=str))
            except (ConnectionError, CircuitOpenError, ActorFailed) as error:
                told.append(type(error).__name__)
            await asyncio.sleep(0.04)
    return [*told, f"{calls} calls of the service"]


if __name__ == "__main__":
    print("\n".join(asyncio.run(main())))
