"""Writing: whole batches, one acknowledgement each, a producer that is rebuilt."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from ...actors import TransportClosed
from ..delivery import ANY, ID, Outbound, TopicPartition, partition_for
from ._errors import translate
from ._security import Cluster
from ._start import start_whole

BATCH_BYTES = 512 * 1024
"""Bytes of one batch. A single larger record gets a batch of its own."""


class BatchProducer:
    """Appends records in batches built per partition.

    A record costs an append into a buffer, and no future, lock or metadata
    look-up of its own as the client's per-record `send` does.

    The client's producer is idempotent, so its own retries double nothing. It
    waits for a broker without end, and some errors leave it dead; so every
    write has a deadline, and after a failure the producer is replaced and the
    caller writes again, with the same message ids.

    Args:
        cluster: Where, and how to come in.
        client_id: Shown in the broker's logs.
        timeout: Seconds until a write counts as failed, its outcome unknown.
    """

    def __init__(self, cluster: Cluster, client_id: str, *, timeout: float) -> None:
        self._cluster = cluster
        self._client_id = client_id
        self._timeout = timeout
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._closed = False
        self._closing: set[asyncio.Task[None]] = set()

    async def produce(self, records: Sequence[Outbound]) -> list[int]:
        """Append records; return their offsets in the order given.

        Raises:
            TransportError: Not everything is known to be written.
        """
        producer: AIOKafkaProducer | None = None
        try:
            async with asyncio.timeout(self._timeout):
                producer = await self._live()
                return await append_all(producer, records)
        except (KafkaError, TimeoutError) as error:
            self._discard(producer)
            raise translate(error, f"write {len(records)} records") from error

    async def aclose(self) -> None:
        """Close the producer; what it still holds gets a short deadline."""
        self._closed = True
        self._discard(self._producer)
        if self._closing:
            await asyncio.wait(self._closing, timeout=self._timeout)

    async def _live(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._closed:
                raise TransportClosed("the transport is closed; nothing can be written any more")
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **self._cluster.settings(),
                    client_id=self._client_id,
                    enable_idempotence=True,
                    max_batch_size=BATCH_BYTES,
                    request_timeout_ms=int(self._timeout * 1000),
                    retry_backoff_ms=100,
                )
                try:
                    await start_whole(producer)
                except BaseException:
                    await stop_producer(producer)
                    raise
                self._producer = producer
            return self._producer

    def _discard(self, producer: AIOKafkaProducer | None) -> None:
        if producer is None or producer is not self._producer:
            return
        self._producer = None
        task = asyncio.create_task(stop_producer(producer), name="callboard-producer-stop")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def append_all(producer: AIOKafkaProducer, records: Sequence[Outbound]) -> list[int]:
    """Append records, partitions side by side; return their offsets in the order given.

    Raises:
        KafkaError: Not everything is known to be written; nothing is under way any more.
    """
    groups: dict[TopicPartition, list[int]] = {}
    foreign: dict[str, list[int]] = {}
    for at, record in enumerate(records):
        to = record.to
        if to.partition == ANY:
            partitions = foreign.get(to.topic)
            if partitions is None:
                partitions = foreign[to.topic] = sorted(await producer.partitions_for(to.topic))
            to = TopicPartition(to.topic, partitions[_place(record, len(partitions))])
        groups.setdefault(to, []).append(at)
    offsets = [-1] * len(records)
    if len(groups) == 1:
        ((to, places),) = groups.items()
        await _append(producer, to, records, places, offsets)
        return offsets
    writes = [
        asyncio.create_task(_append(producer, to, records, places, offsets))
        for to, places in groups.items()
    ]
    try:
        await asyncio.gather(*writes)
    finally:
        for task in writes:
            task.cancel()
        await asyncio.gather(*writes, return_exceptions=True)
    return offsets


def _place(record: Outbound, partitions: int) -> int:
    """Return where a record that names no partition goes."""
    key = record.key
    if key is None:
        key = next((value for name, value in record.headers if name == ID), b"")
    return partition_for(key, partitions)


async def _append(
    producer: AIOKafkaProducer,
    to: TopicPartition,
    records: Sequence[Outbound],
    places: Sequence[int],
    offsets: list[int],
) -> None:
    """Append one partition's records, a batch at a time.

    The next batch leaves only when the one before is acknowledged: were the
    first to fail and the second not, writing both again would turn the order
    of a key around.
    """
    at = 0
    while at < len(places):
        batch = producer.create_batch()
        first = at
        while at < len(places):
            record = records[places[at]]
            added = batch.append(
                key=record.key, value=record.value, timestamp=None, headers=record.headers
            )
            if added is None:
                break
            at += 1
        batch.close()
        sent: asyncio.Future[Any] = await producer.send_batch(
            batch, to.topic, partition=to.partition
        )
        base: int = (await sent).offset
        for index in range(first, at):
            offsets[places[index]] = base + index - first


async def stop_producer(producer: AIOKafkaProducer) -> None:
    """Stop a producer within a deadline, and close its connections in any case."""
    try:
        async with asyncio.timeout(2.0):
            await producer.stop()
    except (KafkaError, TimeoutError):
        # stop() waits without a bound for batches it cannot send when the broker is away,
        # and closes its connections only after that.
        with contextlib.suppress(KafkaError):
            await producer.client.close()
