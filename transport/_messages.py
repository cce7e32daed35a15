"""Messages of any topic, seen and written from outside a system."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ..actors import TransportError
from ..schemas import Message, TypeRegistry
from ._cluster import cluster_from_outside
from ._kafka import Admin, BatchProducer, KafkaOptions, KafkaSecurity, Reader
from .delivery import (
    ANY,
    SOURCE,
    TYPE,
    Codec,
    Header,
    Inbound,
    Outbound,
    TopicPartition,
    batch_headers,
    batch_time,
    message_headers,
    text,
)

_CLIENT = "callboard-shell"
_POLL = 0.2


@dataclass(frozen=True, slots=True)
class SeenMessage:
    """A record, as it stands in its topic.

    Attributes:
        topic: Its topic.
        partition: Its partition.
        offset: Its offset there.
        at: Seconds since the epoch, as its producer or the broker wrote it.
        key: Its key; None for none.
        type: What `ce_type` says; "" if nothing.
        headers: As written.
        value: Its bytes; None for a tombstone.
    """

    topic: str
    partition: int
    offset: int
    at: float
    key: bytes | None
    type: str
    headers: tuple[Header, ...]
    value: bytes | None


class TopicMessages:
    """Reads and writes topics, without a group and without being a node.

    Args:
        url: A `kafka://` URL.
        security: How to come in; None for what the URL and the environment say.

    Raises:
        InvalidTransportURL: Not a `kafka://` URL.
    """

    def __init__(self, url: str, *, security: KafkaSecurity | None = None) -> None:
        cluster = cluster_from_outside(url, security)
        options = KafkaOptions(cluster=cluster)
        self._admin = Admin(cluster, _CLIENT, timeout=options.request_timeout)
        self._reader = Reader(cluster, _CLIENT, timeout=options.request_timeout)
        self._producer = BatchProducer(cluster, _CLIENT, timeout=options.write_timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._producer.aclose()

    async def follow(
        self, topic: str, *, since: float | None = None, once: bool = False
    ) -> AsyncIterator[SeenMessage]:
        """Yield messages as they come, those of one partition in their order.

        Args:
            topic: Which.
            since: From the first that is not older, in seconds since the epoch; 0 for all there
                are, None for those that come from now on.
            once: End with the last that is there now.

        Raises:
            LookupError: There is no such topic.
            TransportUnavailable: No broker answers.
        """
        places = await self._partitions(topic)
        tail = await self._reader.tail(places, from_start=since == 0, since=since or None)
        ends = await self._reader.ends(places) if once else {}
        try:
            while not (once and await tail.reached(ends)):
                try:
                    fetched = await tail.next(_POLL)
                except TransportError:
                    if once:
                        raise
                    await asyncio.sleep(_POLL)  # it may come back
                    continue
                for place, records in fetched.items():
                    for record in records:
                        yield _seen(place, record)
        finally:
            await tail.aclose()

    async def send(
        self,
        topic: str,
        message: Message,
        *,
        key: str | None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Write a message as a program of callboard's would, and return its id.

        Raises:
            LookupError: There is no such topic.
            SchemaError: It is too large.
            TransportError: It could not be written, or nobody knows whether it was.
        """
        await self._partitions(topic)
        kind, value = Codec(TypeRegistry()).encode(message)
        message_id = str(uuid.uuid4())
        said = message_headers(kind, (SOURCE, b"callboard://shell"), message_id)
        written = batch_headers(time=batch_time(time.time()), floor=b"0")[0]
        own = [(name, text_.encode()) for name, text_ in (headers or {}).items()]
        raw = None if key is None else key.encode()
        place = TopicPartition(topic, ANY)
        await self._producer.produce([Outbound(place, raw, value, [*said, written, *own])])
        return message_id

    async def _partitions(self, topic: str) -> list[TopicPartition]:
        found = await self._admin.matching(topic.__eq__)
        if topic not in found:
            raise LookupError(f"there is no topic {topic!r} on this cluster")
        return [TopicPartition(topic, number) for number in range(found[topic])]


def _seen(place: TopicPartition, record: Inbound) -> SeenMessage:
    return SeenMessage(
        topic=place.topic,
        partition=place.partition,
        offset=record.offset,
        at=record.timestamp / 1000,
        key=record.key,
        type=text(dict(record.headers), TYPE),
        headers=tuple(record.headers),
        value=record.value,
    )
