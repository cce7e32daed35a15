"""A legacy queue in memory: it keeps what is not acknowledged, and does what a test tells it to."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from callboard.transport.bridges import BridgeError, ForeignMessage


@dataclass
class ScriptedQueue:
    """Implements `Source`. Sessions may end at any step; what they held comes again, in order.

    Attributes:
        messages: What is not acknowledged, in order.
        aside: What was set aside.
        steps: What sessions did, as names.
        fail: Called with each step before it is done; it may raise.
        sessions: How many were opened.
        slow: Seconds that an acknowledgement takes.
    """

    messages: list[ForeignMessage] = field(default_factory=list)
    aside: list[ForeignMessage] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    fail: Callable[[str], None] = lambda _: None
    sessions: int = 0
    slow: float = 0.0
    label: str = "scripted://queue"
    queue_name: str = "queue"
    _filled: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, *messages: ForeignMessage) -> None:
        """Put messages at the end."""
        self.messages.extend(messages)
        self._filled.set()

    @asynccontextmanager
    async def session(self) -> AsyncGenerator["ScriptedSession"]:
        """See `Source.session`."""
        self.step("connect")
        self.sessions += 1
        yield ScriptedSession(self)

    async def look(self, count: int) -> Sequence[ForeignMessage]:
        """See `Source.look`."""
        return self.messages[:count]

    def step(self, name: str) -> None:
        """Take note of a step, and fail at it if the test wants that."""
        self.steps.append(name)
        self.fail(name)

    async def filled(self) -> None:
        """Return when there is something more."""
        self._filled.clear()
        await self._filled.wait()


class ScriptedSession:
    """Implements `Session`."""

    def __init__(self, queue: ScriptedQueue) -> None:
        self._queue = queue
        self._given = 0

    async def take(self, most: int) -> Sequence[ForeignMessage]:
        """See `Session.take`."""
        self._queue.step("take")
        while len(self._queue.messages) <= self._given:
            await self._queue.filled()
        taken = self._queue.messages[self._given : self._given + most]
        self._given += len(taken)
        return taken

    async def acknowledge(self, messages: Sequence[ForeignMessage]) -> None:
        """See `Session.acknowledge`."""
        self._queue.step("acknowledge")
        await asyncio.sleep(self._queue.slow)
        for message in messages:
            self._queue.messages.remove(message)
        self._given -= len(messages)
        self._queue.step("acknowledged")

    async def set_aside(self, message: ForeignMessage) -> str:
        """See `Session.set_aside`."""
        self._queue.step("set aside")
        self._queue.aside.append(message)
        return "aside"


def broken(_: str) -> None:
    """Fail at every step."""
    raise BridgeError("the broker is away")
