"""The relay: what stands in an outbox goes to its topics, in its order."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ...actors import OutboxError, TransportError
from ..delivery import (
    ANY,
    SOURCE,
    Header,
    Outbound,
    TopicPartition,
    batch_headers,
    message_headers,
)
from ._entry import Entry, Outbox, kind_and_content

_POLL = 0.2
_PIECE = 500
_RETRY_INITIAL, _RETRY_MAXIMUM = 0.2, 5.0


class Producer(Protocol):
    """What a relay asks of a log."""

    async def produce(self, records: Sequence[Outbound]) -> list[int]:
        """Append records and wait until every one is acknowledged.

        Raises:
            TransportError: Not everything is known to be written.
        """
        ...


class Relay:
    """Writes the entries of an outbox to their topics, and then forgets them.

    Order of events for a piece: entries are claimed in their order; those of each topic are
    written and acknowledged; they are deleted. A crash between the last two writes them again,
    with the same ids. A topic that takes nothing is left alone for a while, and holds up no other.

    Args:
        outbox: Where they stand.
        producer: Writes records; of this relay alone.
        now: Returns the CloudEvents time of this moment.
        log: Where to say what did not work.
    """

    def __init__(
        self, outbox: Outbox, producer: Producer, now: Callable[[], bytes], log: Any
    ) -> None:
        self._outbox = outbox
        self._producer = producer
        self._now = now
        self._log = log
        self._name = ""
        self._resting: dict[str, tuple[float, float]] = {}  # topics: until when, and how long

    async def run(self) -> None:
        """Relay for ever; what goes wrong is tried again."""
        delay = _RETRY_INITIAL
        try:
            while True:
                try:
                    await self._outbox.open()
                    self._name = f"outbox-{await self._outbox.name()}"
                    delay = _RETRY_INITIAL
                    await self._work()
                except OutboxError as error:
                    self._log.warning("an outbox is not reached", error=str(error), delay=delay)
                    await self._outbox.close()
                await asyncio.sleep(delay)
                delay = min(delay * 2, _RETRY_MAXIMUM)
        finally:
            try:
                await self._outbox.close()
            except OutboxError as error:
                self._log.warning("an outbox was not closed", error=str(error))

    async def _work(self) -> None:
        while True:
            if not await self._outbox.lead() or not await self.relay_some():
                await asyncio.sleep(_POLL)

    async def relay_some(self) -> bool:
        """Relay up to a piece; return whether there was anything to do.

        Raises:
            OutboxError: The database did not answer.
        """
        now = asyncio.get_running_loop().time()
        resting = [topic for topic, (until, _) in self._resting.items() if until > now]
        entries = await self._outbox.claim(_PIECE, resting)
        if not entries:
            return False
        floor = str(await self._outbox.oldest()).encode()
        by_topic: dict[str, list[Entry]] = {}
        for entry in entries:
            by_topic.setdefault(entry.topic, []).append(entry)
        for topic, some in by_topic.items():
            if await self._written(topic, some, floor):
                await self._outbox.forget(some)
        return True

    async def _written(self, topic: str, entries: list[Entry], floor: bytes) -> bool:
        batch = batch_headers(time=self._now(), floor=floor)
        records = [self._record(entry, batch) for entry in entries]
        try:
            await self._producer.produce(records)
        except TransportError as error:
            _, last = self._resting.get(topic, (0.0, _RETRY_INITIAL / 2))
            delay = min(last * 2, _RETRY_MAXIMUM)
            self._resting[topic] = asyncio.get_running_loop().time() + delay, delay
            self._log.warning(
                "a topic does not take what an outbox has for it; trying again",
                topic=topic,
                messages=len(entries),
                error=str(error),
                delay=delay,
            )
            return False
        self._resting.pop(topic, None)
        return True

    def _record(self, entry: Entry, batch: tuple[Header, Header]) -> Outbound:
        kind, content, others = kind_and_content(entry)
        source = (SOURCE, self._name.encode())
        headers = message_headers(kind, source, f"{self._name}:{entry.number}.0", content)
        place = TopicPartition(entry.topic, ANY)
        return Outbound(place, entry.key, entry.value, [*headers, *others, *batch])
