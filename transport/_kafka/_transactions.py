"""Exactly-once mode: one transactional producer per owned partition."""

import asyncio
import contextlib
from collections.abc import Collection, Iterable
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError, ProducerFenced

from ...actors import PartitionLost, TransportUnavailable
from ..delivery import Outbound, Position, TopicPartition
from ._errors import translate
from ._lifecycle import start_whole
from ._producer import BATCH_BYTES, Batches, stop_producer
from ._security import Cluster


class Transactions:
    """Writes what a partition owes the log, and its position, as one.

    The transactional id names the partition, so starting a producer for it
    fences the one before: a former owner that wakes up late can write nothing
    any more, and what it had begun is aborted.

    Args:
        cluster: Where, and how to come in.
        client_id: Shown in the broker's logs.
        group: The consumer group whose positions are committed.
        timeout: Seconds a transaction may take; the broker aborts it later.
    """

    def __init__(self, cluster: Cluster, client_id: str, *, group: str, timeout: float) -> None:
        self._cluster = cluster
        self._client_id = client_id
        self._group = group
        self._timeout = timeout
        self._producers: dict[TopicPartition, AIOKafkaProducer] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def fence(self, partition: TopicPartition) -> None:
        """Become the only one who can write for a partition.

        Raises:
            TransportError: The broker did not answer in time.
        """
        self._discard(partition)
        producer = AIOKafkaProducer(
            **self._cluster.settings(),
            client_id=self._client_id,
            transactional_id=f"{self._group}/{partition.topic}/{partition.partition}",
            transaction_timeout_ms=int(self._timeout * 2000),
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=int(self._timeout * 1000),
            retry_backoff_ms=50,
        )
        try:
            async with asyncio.timeout(self._timeout):
                await start_whole(producer)
        except (KafkaError, TimeoutError, OSError) as error:
            await stop_producer(producer)
            raise translate(error, f"begin transactions of {_name(partition)}") from error
        except BaseException:
            await stop_producer(producer)
            raise
        self._producers[partition] = producer

    async def write(
        self, partition: TopicPartition, records: Iterable[Outbound], position: Position | None
    ) -> list[int]:
        """Append records and commit a position, all or nothing; return the records' offsets.

        Raises:
            PartitionLost: Another node has fenced this one.
            TransportError: It is not known whether it was taken. `fence` must
                be called before the next write, and the position asked for.
        """
        producer = self._producers.get(partition)
        if producer is None:
            raise TransportUnavailable(f"{_name(partition)} has no producer; fence it first")
        try:
            # What makes the records, an adapter perhaps, has its own time.
            batches = await Batches(producer).fill(records)
            async with asyncio.timeout(self._timeout):
                return await self._transact(producer, partition, batches, position)
        except ProducerFenced as error:
            self._discard(partition)
            raise PartitionLost(f"{_name(partition)} was taken over by another node") from error
        except (KafkaError, TimeoutError, AssertionError) as error:
            # The client asserts where others raise; either way this producer is done for.
            self._discard(partition)
            raise translate(error, f"write a transaction of {_name(partition)}") from error
        except asyncio.CancelledError:
            self._discard(partition)
            raise

    def keep_only(self, partitions: Collection[TopicPartition]) -> None:
        """Close the producers of partitions that have left."""
        for partition in list(self._producers):
            if partition not in partitions:
                self._discard(partition)

    async def aclose(self) -> None:
        """Close all producers, within a deadline each."""
        for partition in list(self._producers):
            self._discard(partition)
        if self._closing:
            await asyncio.wait(self._closing, timeout=self._timeout)

    async def _transact(
        self,
        producer: AIOKafkaProducer,
        partition: TopicPartition,
        batches: Batches,
        position: Position | None,
    ) -> list[int]:
        await producer.begin_transaction()
        offsets = await batches.send()
        if position is not None:
            await producer.send_offsets_to_transaction(
                {KafkaPartition(*partition): tuple(position)}, self._group
            )
        await producer.commit_transaction()
        return offsets

    def _discard(self, partition: TopicPartition) -> None:
        producer = self._producers.pop(partition, None)
        if producer is not None:
            task = asyncio.create_task(_abandon(producer), name="callboard-transactions-stop")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


async def _abandon(producer: Any) -> None:
    # Whatever is open is aborted by who fences it next, or by the broker after its time-out.
    with contextlib.suppress(KafkaError, AssertionError):
        await stop_producer(producer)


def _name(partition: TopicPartition) -> str:
    return f"{partition.topic}/{partition.partition}"
