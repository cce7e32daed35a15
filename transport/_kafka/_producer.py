"""Writing: whole batches, one acknowledgement each, a producer that is rebuilt."""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from ...actors import TransportClosed
from ..delivery import ANY, ID, Outbound, TopicPartition, partition_for
from ._errors import translate
from ._lifecycle import close_whole, start_whole
from ._security import Cluster

BATCH_BYTES = 512 * 1024
"""Bytes of one batch. A single larger record gets a batch of its own."""

_AT_ONCE = 0.01
"""Seconds that making records may take before others have their turn."""

_STOPPING = 2.0
_PATIENCE = _STOPPING + 1.0


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

    async def produce(self, records: Iterable[Outbound]) -> list[int]:
        """Append records; return their offsets in the order given.

        Raises:
            TransportError: Not everything is known to be written.
        """
        producer: AIOKafkaProducer | None = None
        try:
            async with asyncio.timeout(self._timeout):
                producer = await self._live()
                return await (await Batches(producer).fill(records)).send()
        except (KafkaError, TimeoutError) as error:
            self._discard(producer)
            raise translate(error, "write records") from error

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


class Batches:
    """Records as bytes, in batches of their partitions.

    Args:
        producer: Sends them.
    """

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._filled: dict[TopicPartition, _Filled] = {}
        self._order: list[_Filled] = []

    async def fill(self, records: Iterable[Outbound]) -> Self:
        """Put records in.

        Each is bytes before the next one is asked for: thousands that wait as objects would be
        walked by the garbage collector, again and again. Where that takes long, as with a slow
        adapter, heartbeats are sent in between, and the node keeps its partitions.

        Raises:
            KafkaError: It is not known which partitions a topic has.
        """
        producer, filled, order = self._producer, self._filled, self._order
        foreign: dict[str, list[int]] = {}
        clock = asyncio.get_running_loop().time  # in the simulator it stands still meanwhile
        began = clock()
        for record in records:
            to = record.to
            if to.partition == ANY:
                partitions = foreign.get(to.topic)
                if partitions is None:
                    partitions = foreign[to.topic] = sorted(await producer.partitions_for(to.topic))
                to = TopicPartition(to.topic, partitions[_place(record, len(partitions))])
            batches = filled.get(to)
            if batches is None:
                batches = filled[to] = _Filled(producer, to)
            batches.append(record)
            order.append(batches)
            if clock() - began > _AT_ONCE:
                await asyncio.sleep(0)
                began = clock()
        return self

    async def send(self) -> list[int]:
        """Send all, partitions side by side; return the records' offsets in the order given.

        Raises:
            KafkaError: Not everything is known to be written; nothing is under way any more.
        """
        if len(self._filled) == 1:
            await self._order[0].send()
        else:
            writes = [asyncio.create_task(each.send()) for each in self._filled.values()]
            try:
                await asyncio.gather(*writes)
            finally:
                for task in writes:
                    task.cancel()
                await asyncio.gather(*writes, return_exceptions=True)
        return [next(each.offsets) for each in self._order]


def _place(record: Outbound, partitions: int) -> int:
    """Return where a record that names no partition goes."""
    key = record.key
    if key is None:
        key = next((value for name, value in record.headers if name == ID), b"")
    return partition_for(key, partitions)


class _Filled:
    """The batches of one partition.

    Attributes:
        offsets: Of its records, in their order; once it is sent.
    """

    __slots__ = ("_batches", "_last", "_producer", "_to", "offsets")

    def __init__(self, producer: AIOKafkaProducer, to: TopicPartition) -> None:
        self._producer = producer
        self._to = to
        self._last = producer.create_batch()
        self._batches = [self._last]
        self.offsets: Iterator[int] = iter(())

    def append(self, record: Outbound) -> None:
        """Put a record at the end."""
        _, key, value, headers = record
        if self._last.append(key=key, value=value, timestamp=None, headers=headers) is None:
            self._last = self._producer.create_batch()
            self._batches.append(self._last)
            self._last.append(key=key, value=value, timestamp=None, headers=headers)

    async def send(self) -> None:
        """Send all, a batch at a time.

        The next batch leaves only when the one before is acknowledged: were the
        first to fail and the second not, writing both again would turn the order
        of a key around.
        """
        runs: list[range] = []
        for batch in self._batches:
            count = batch.record_count()
            batch.close()
            sent: asyncio.Future[Any] = await self._producer.send_batch(
                batch, self._to.topic, partition=self._to.partition
            )
            base: int = (await sent).offset
            runs.append(range(base, base + count))
        self.offsets = chain.from_iterable(runs)


async def stop_producer(producer: AIOKafkaProducer) -> None:
    """Stop a producer within a deadline, and close its connections in any case."""
    await close_whole(_stop(producer), _PATIENCE)


async def _stop(producer: AIOKafkaProducer) -> None:
    try:
        async with asyncio.timeout(_STOPPING):
            await producer.stop()
    except (KafkaError, TimeoutError):
        # stop() waits without a bound for batches it cannot send when the broker is away,
        # and closes its connections only after that.
        with contextlib.suppress(KafkaError):
            await producer.client.close()
