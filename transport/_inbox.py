"""Answers to asks: one partition of the nodes topic, followed from now on."""

import asyncio
import contextlib
import itertools
from typing import Any

from ..actors import ActorSystem, TransportError
from ._kafka import Reader, Tail
from .delivery import (
    CORRELATION,
    Codec,
    TopicPartition,
    nodes_topic,
    partition_for,
    read_reply,
    reply_address,
)

PARTITIONS = 4
_POLL = 0.2


class Inbox:
    """Receives what other nodes answer. Started by the first ask.

    Answers that come after their asker has given up are counted and dropped.
    """

    def __init__(self, system: ActorSystem, codec: Codec) -> None:
        self._system = system
        self._codec = codec
        self._key = system.node.encode()
        self._partition = TopicPartition(
            nodes_topic(system.name), partition_for(self._key, PARTITIONS)
        )
        self.address = reply_address(self._partition, system.node)
        """What `cb_reply_to` says for answers to come here."""
        self._asks: dict[bytes, asyncio.Future[Any]] = {}
        # Told apart from a former node of the same name, whose answers may still come.
        self._run = f"{system.random.getrandbits(32):08x}"
        self._numbers = itertools.count()
        self._starting = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.late = 0
        """Answers nobody waited for any more."""

    async def start(self, reader: Reader) -> None:
        """Start following; returns when nothing can be missed any more."""
        async with self._starting:
            if self._task is None and not self._stopping:
                tail = await reader.tail([self._partition], from_start=False)
                self._task = asyncio.create_task(self._follow(tail), name="callboard-inbox")

    def expect(self) -> tuple[asyncio.Future[Any], bytes]:
        """Return a future for one answer, and the correlation id that finds it."""
        correlation = f"{self._run}-{next(self._numbers)}".encode()
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asks[correlation] = answer
        answer.add_done_callback(lambda _: self._asks.pop(correlation, None))
        return answer, correlation

    async def aclose(self) -> None:
        """Stop following. Asks still open end by their deadlines."""
        self._stopping = True
        if self._task is not None:
            await asyncio.wait([self._task], timeout=2.0)

    async def _follow(self, tail: Tail) -> None:
        try:
            while not self._stopping:
                try:
                    fetched = await tail.next(_POLL)
                except TransportError as error:
                    self._system.log.warning("the inbox is not reached", error=str(error))
                    await asyncio.sleep(_POLL)
                    continue
                for records in fetched.values():
                    for record in records:
                        if record.key == self._key:
                            self._answered(dict(record.headers), record.value)
        finally:
            with contextlib.suppress(TransportError):
                await tail.aclose()

    def _answered(self, headers: dict[str, bytes], value: bytes | None) -> None:
        answer = self._asks.get(headers.get(CORRELATION, b""))
        if answer is None or answer.done():
            self.late += 1
            return
        reply = read_reply(headers, value, self._codec)
        if isinstance(reply, BaseException):
            answer.set_exception(reply)
        else:
            answer.set_result(reply)
