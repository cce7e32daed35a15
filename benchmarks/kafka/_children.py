"""Processes beside the one that measures: nodes of callboard, and their like by hand.

    python -m callboard.benchmarks.kafka._children node|worker|actor|replier|echo BOOTSTRAP NAME

Each says `ready` on standard output once it takes part (a worker, which may have much to do first,
once it has started), and ends when standard input closes.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from google.protobuf.wrappers_pb2 import Int64Value, StringValue

from callboard import Actor, ActorSystem, handler

from ._messages import IDS, SYSTEM, Meter
from ._workloads import SESSION_TIMEOUT

REQUESTS, REPLIES, STATES = "bench.requests", "bench.replies", "bench.states"
_READY_SECONDS = 60.0


@contextlib.asynccontextmanager
async def child(kind: str, bootstrap: str, name: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Start one, wait until it takes part, and kill it with the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "callboard.benchmarks.kafka._children"),
        *(kind, bootstrap, name),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_READY_SECONDS):
            if await process.stdout.readline() != b"ready\n":
                raise RuntimeError(f"the process {kind} {name} ended before it was ready")
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _worker(bootstrap: str, name: str) -> None:
    url = f"kafka://{bootstrap}"
    async with ActorSystem(SYSTEM, transport=url, node=name, entities=[Meter]):
        await _until_told()


async def _node(bootstrap: str, name: str) -> None:
    url = f"kafka://{bootstrap}?session_timeout={SESSION_TIMEOUT:g}"
    async with ActorSystem(SYSTEM, transport=url, node=name, entities=[Meter]) as system:
        await system.entity(Meter, IDS[0]).ask(StringValue(), timeout=_READY_SECONDS)
        await _until_told()


class Echo(Actor):
    """Gives back what it is asked."""

    @handler
    def echo(self, message: Int64Value) -> Int64Value:
        """Give it back."""
        return message


async def _actor(bootstrap: str, name: str) -> None:
    async with ActorSystem(SYSTEM, transport=f"kafka://{bootstrap}", node=name) as system:
        system.spawn(Echo, name="echo")
        await _until_told()


async def _echo(bootstrap: str, name: str) -> None:
    """Answer requests from memory, without a group: what two topics cost at least."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
    consumer = AIOKafkaConsumer(
        REQUESTS, bootstrap_servers=bootstrap, client_id=name, auto_offset_reset="latest"
    )
    await producer.start()
    await consumer.start()
    await consumer.seek_to_end()
    for place in consumer.assignment():
        await consumer.position(place)

    async def serve() -> None:
        async for record in consumer:
            told = Int64Value.FromString(record.value or b"").SerializeToString()
            back = [*record.headers, ("node", name.encode())]
            await producer.send(REPLIES, told, key=record.key, headers=back)

    serving = asyncio.create_task(serve())
    await _until_told()
    serving.cancel()
    await consumer.stop()
    await producer.stop()


async def _replier(bootstrap: str, name: str) -> None:
    """Answer requests after their state is written, as a careful program does by hand."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
    consumer = AIOKafkaConsumer(
        REQUESTS,
        bootstrap_servers=bootstrap,
        group_id="bench.repliers",
        client_id=name,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=int(SESSION_TIMEOUT * 1000),
        heartbeat_interval_ms=int(SESSION_TIMEOUT * 250),
    )
    await producer.start()
    await consumer.start()
    sums: dict[bytes, int] = {}

    async def serve() -> None:
        async for record in consumer:
            key = record.key or b""
            sums[key] = sums.get(key, 0) + Int64Value.FromString(record.value or b"").value
            told = Int64Value(value=sums[key]).SerializeToString()
            await producer.send_and_wait(STATES, told, key=key)
            back = [*record.headers, ("node", name.encode())]
            await producer.send(REPLIES, told, key=key, headers=back)
            await consumer.commit()

    serving = asyncio.create_task(serve())
    while not consumer.assignment():  # noqa: ASYNC110 - the client tells nobody
        await asyncio.sleep(0.02)
    await _until_told()
    serving.cancel()
    await consumer.stop()
    await producer.stop()


async def _until_told() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    """Run one."""
    kind, bootstrap, name = sys.argv[1:]
    kinds = {
        "node": _node,
        "worker": _worker,
        "actor": _actor,
        "replier": _replier,
        "echo": _echo,
    }
    asyncio.run(kinds[kind](bootstrap, name))


if __name__ == "__main__":
    main()
