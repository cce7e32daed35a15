"""Hosts: whose a callback is, and whether it may run."""

import asyncio
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from enum import Enum
from typing import Any

current_host: "ContextVar[Host | None]" = ContextVar("callboard_host", default=None)
"""The host whose code is running; None for the scenario itself.

Tasks, timers and callbacks inherit it with their context: so the loop knows whose each is.
"""


class Running(Enum):
    """Whether a host's callbacks run."""

    UP = "up"
    PAUSED = "paused"
    DEAD = "dead"


class Host:
    """One life of a simulated machine's process.

    Attributes:
        name: Its address on the network.
        life: 1, 2, ... : a host that is started again is another object.
        running: Whether its callbacks run.
        parked: Callbacks that came while it was paused, in order.
        tasks: Its tasks, as far as they were made in it. Kept when it dies, so that nothing of it
            is ever finished by the garbage collector.
        skew: Seconds by which its wall clock is wrong.
    """

    __slots__ = ("context", "life", "name", "parked", "running", "skew", "tasks")

    def __init__(self, name: str, life: int) -> None:
        self.name = name
        self.life = life
        self.running = Running.UP
        self.parked: list[asyncio.Handle] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self.skew = 0.0
        self.context: Context = copy_context()
        self.context.run(current_host.set, self)

    def __repr__(self) -> str:
        return f"<Host {self.name} life {self.life} {self.running.value}>"

    def run(self, call: Callable[..., Any], *args: Any) -> Any:
        """Call a function as code of this host."""
        return self.context.copy().run(call, *args)
