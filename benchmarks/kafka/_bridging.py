"""Bridges: from a legacy queue into entities; with callboard, and by hand."""

import asyncio

from aiokafka import AIOKafkaProducer
from google.protobuf.wrappers_pb2 import BytesValue
from pydantic import BaseModel

from callboard import ActorSystem

from ._messages import MAILBOX, SYSTEM, Meter, Record, append, create_topics
from ._ours import handled_rate
from ._queues import Loop, full_queue
from ._raw import counted_rate

_BATCH_BYTES = 512 * 1024


class _Told(BaseModel):
    """A message of the legacy side."""

    meter: str
    data: str

    def command(self) -> BytesValue:
        """Return it as a meter takes it."""
        return BytesValue(value=bytes.fromhex(self.data))


async def bridge(bootstrap: str, n: int, *, kind: str) -> float:
    """Bring messages to entities until every state and position is written; messages a second."""
    await create_topics(bootstrap)
    async with full_queue(kind, n) as queue:
        url = f"kafka://{bootstrap}"
        Meter.handled = 0
        system = ActorSystem(SYSTEM, transport=url, node="one", entities=[Meter])

        @system.bridge(queue.source, to=Meter, key="meter", name="told")
        def told(payload: _Told) -> BytesValue:  # pyright: ignore[reportUnusedFunction]
            return payload.command()

        async with system:
            return await handled_rate(bootstrap, n)


async def bridge_by_hand(bootstrap: str, n: int, *, kind: str) -> float:
    """The same by two loops in one process; messages a second.

    One takes, drops ids it has seen, writes what it has as a transaction, and acknowledges it
    then; the other counts by meter, and writes states and positions as a transaction.
    """
    await create_topics(bootstrap)
    async with full_queue(kind, n) as queue, queue.by_hand() as loop:
        bridging = asyncio.create_task(_bridge(bootstrap, loop))
        try:
            return await counted_rate(bootstrap, n, batches=True, exactly_once=True)
        finally:
            bridging.cancel()
            await asyncio.gather(bridging, return_exceptions=True)


async def _bridge(bootstrap: str, loop: Loop) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        enable_idempotence=True,
        transactional_id=f"{SYSTEM}-bridge",
        max_batch_size=_BATCH_BYTES,
    )
    await producer.start()
    seen: dict[str, None] = {}
    try:
        while True:
            records: list[Record] = []
            for message_id, body in await loop.take():
                if message_id not in seen:
                    seen[message_id] = None
                    told = _Told.model_validate_json(body)
                    value = told.command().SerializeToString()
                    records.append((told.meter.encode(), value, [("id", message_id.encode())]))
            async with producer.transaction():
                await append(producer, MAILBOX, records)
            await loop.acknowledge()
    finally:
        await producer.stop()
