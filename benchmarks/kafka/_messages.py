"""The message, the entity, and topics that are full before the clock starts."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner
from google.protobuf.wrappers_pb2 import BytesValue, Int64Value, StringValue

from callboard import Entity, handler
from callboard.transport import Topics

SYSTEM = "bench"
PARTITIONS = 8
CHUNK = 5_000
"""Messages sent at once, before waiting for all of them."""
IDS = [f"meter-{number}" for number in range(1_000)]
MESSAGE = BytesValue(value=bytes(range(200)))
VALUE = MESSAGE.SerializeToString()

Record = tuple[bytes, bytes, Sequence[tuple[str, bytes]]]
"""Key, value and headers."""

_BATCH_BYTES = 512 * 1024


class Meter(Entity):
    """Counts what it is told, and says where it lives."""

    partitions = PARTITIONS
    state: Int64Value
    handled: ClassVar[int] = 0
    """By all in this process."""

    @handler
    def told(self, _: BytesValue) -> None:
        """Count a message."""
        self.state.value += 1
        Meter.handled += 1

    @handler
    def asked(self, message: Int64Value) -> Int64Value:
        """Add a number, and tell the sum."""
        self.state.value += message.value
        return Int64Value(value=self.state.value)

    @handler
    def where(self, _: StringValue) -> StringValue:
        """Tell the node it runs on."""
        return StringValue(value=self.context.system.node)


MAILBOX = f"{SYSTEM}.{Meter.kind()}"
STATE = f"{MAILBOX}.state"

_partitioner = DefaultPartitioner()


def partition_of(key: bytes) -> int:
    """Return where a key belongs, as every client has it."""
    numbers = list(range(PARTITIONS))
    return int(_partitioner(key, numbers, numbers))


def headers(number: int) -> list[tuple[str, bytes]]:
    """Return the headers of a message, as callboard writes them."""
    return [
        ("ce_specversion", b"1.0"),
        ("content-type", b"application/protobuf"),
        ("ce_type", b"google.protobuf.BytesValue"),
        ("ce_source", b"callboard://bench/nodes/measuring"),
        ("ce_id", f"measuring~0:{number}.0".encode()),
        ("ce_time", b"2026-01-01T00:00:00.000+00:00"),
        ("cb_floor", str(number).encode()),
    ]


async def create_topics(bootstrap: str) -> None:
    """Make the topics of the system, as a node would."""
    topics = Topics(f"kafka://{bootstrap}", SYSTEM, [Meter])
    await topics.apply(await topics.plan())


async def fill(bootstrap: str, topic: str, n: int, record: Callable[[int], Record]) -> None:
    """Write records in large batches, each to the partition of its key."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, enable_idempotence=True, max_batch_size=_BATCH_BYTES
    )
    await producer.start()
    try:
        await append(producer, topic, (record(number) for number in range(n)))
    finally:
        await producer.stop()


async def append(producer: AIOKafkaProducer, topic: str, records: Iterable[Record]) -> None:
    """Append records in batches built by hand, and wait until all are acknowledged."""
    batches = {number: producer.create_batch() for number in range(PARTITIONS)}
    sent: list[asyncio.Future[object]] = []
    for key, value, headers_ in records:
        number = partition_of(key)
        batch = batches[number]
        if batch.append(key=key, value=value, timestamp=None, headers=headers_) is None:
            sent.append(await producer.send_batch(batch, topic, partition=number))
            batch = batches[number] = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None, headers=headers_)
    for number, batch in batches.items():
        if batch.record_count():
            sent.append(await producer.send_batch(batch, topic, partition=number))
    await asyncio.gather(*sent)


def message(number: int) -> Record:
    """Return a message to a meter."""
    return IDS[number % len(IDS)].encode(), VALUE, headers(number)


def state(number: int) -> Record:
    """Return a state record, of an entity each."""
    value = Int64Value(value=number + 1).SerializeToString()
    told = [("cb_epoch", b"1"), ("cb_applied", str(number).encode()), ("cb_window", b"")]
    return f"entity-{number}".encode(), value, told
