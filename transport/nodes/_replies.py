"""Answers to asks, as they come back to the node that asked."""

import asyncio
import itertools
from typing import Any

from ...actors import ActorSystem
from ..delivery import (
    CORRELATION,
    REPLY_TO,
    Codec,
    Header,
    TopicPartition,
    nodes_topic,
    partition_for,
    read_reply,
    reply_address,
)

PARTITIONS = 4
"""Of the nodes topic: a node reads the one its name belongs to."""


def inbox_of(system: str, node: str) -> TopicPartition:
    """Return where the mail of a node is."""
    return TopicPartition(nodes_topic(system), partition_for(node.encode(), PARTITIONS))


class Replies:
    """Finds who waits for an answer.

    Answers that come after their asker has given up are counted and dropped.
    """

    def __init__(self, system: ActorSystem, codec: Codec) -> None:
        self._codec = codec
        self._address = reply_address(inbox_of(system.name, system.node), system.node)
        self._asks: dict[bytes, asyncio.Future[Any]] = {}
        # Told apart from a former node of the same name, whose answers may still come.
        self._run = f"{system.random.getrandbits(32):08x}"
        self._numbers = itertools.count()
        self.late = 0
        """Answers nobody waited for any more."""

    def expect(self, answer: asyncio.Future[Any]) -> list[Header]:
        """Give what is answered to a question with these headers to `answer`."""
        correlation = f"{self._run}-{next(self._numbers)}".encode()
        self._asks[correlation] = answer
        answer.add_done_callback(lambda _: self._asks.pop(correlation, None))
        return [(REPLY_TO, self._address), (CORRELATION, correlation)]

    def answered(self, headers: dict[str, bytes], value: bytes | None) -> None:
        """Take an answer."""
        answer = self._asks.get(headers.get(CORRELATION, b""))
        if answer is None or answer.done():
            self.late += 1
            return
        reply = read_reply(headers, value, self._codec)
        if isinstance(reply, BaseException):
            answer.set_exception(reply)
        else:
            answer.set_result(reply)
