"""Consumers in processes of their own: killed, asleep, and stopped in good order."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections import defaultdict
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from google.protobuf.wrappers_pb2 import Int64Value
from support.consuming import fresh, make_topic, shop

from callboard import ActorSystem, Entity, handler

pytestmark = pytest.mark.slow

PROGRAM = """
import asyncio, os
from google.protobuf.wrappers_pb2 import Int64Value
from callboard import ActorSystem, ConsumerContext, Entity, handler

class Sum(Entity):
    partitions = 4
    state: Int64Value
    @handler
    def add(self, message: Int64Value) -> Int64Value:
        self.state.value += message.value
        return self.state

system = ActorSystem(os.environ["SHOP"])
system.publisher(os.environ["OUT"], Int64Value)

@system.consumer(os.environ["IN"])
async def on_number(message: Int64Value, context: ConsumerContext) -> None:
    if message.value % 10 == 0:
        await asyncio.sleep(0.002)
    context.publish(os.environ["OUT"], message, key=context.record.key)

@system.consumer(os.environ["IN"], to=Sum)
def to_sum(message: Int64Value) -> Int64Value:
    return message
"""

KEYS = 20
MESSAGES = 6_000


class Sum(Entity):
    """The program's entity, as the test asks it."""

    partitions = 4
    state: Int64Value

    @handler
    def add(self, message: Int64Value) -> Int64Value:
        """Never handled here."""
        raise NotImplementedError


async def start(folder: Path, url: str, environment: dict[str, str], node: str) -> Process:
    """Start a node."""
    command = ("-m", "callboard", "run", "shop:system", "--node", node, "--transport", url)
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=DEVNULL,
        stderr=DEVNULL,
    )


async def published(broker_url: str, topic: str, enough: int) -> dict[bytes, list[int]]:
    """Return what was published of each key, first copies in their order, when all is there."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=broker_url, auto_offset_reset="earliest")
    await consumer.start()
    found: dict[bytes, dict[int, bytes]] = defaultdict(dict)
    try:
        async with asyncio.timeout(60):
            while sum(map(len, found.values())) < enough:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        value = Int64Value.FromString(record.value or b"").value
                        message_id = dict(record.headers)["ce_id"]
                        known = found[record.key or b""]
                        assert known.setdefault(value, message_id) == message_id
    finally:
        await consumer.stop()
    return {key: list(values) for key, values in found.items()}


@pytest.mark.parametrize("how", ["killed", "asleep", "stopped"])
async def test_nothing_is_lost_and_entities_count_once(
    broker_url: str, tmp_path: Path, how: str
) -> None:
    """One of two nodes goes in mid-stream and comes back; books and sums are exact."""
    name, topic, out = fresh("shop"), fresh("numbers"), fresh("out")
    await make_topic(broker_url, topic)
    (tmp_path / "shop.py").write_text(PROGRAM)
    url = f"kafka://{broker_url}?session_timeout=6"
    environment = {"SHOP": name, "IN": topic, "OUT": out}
    desk = shop(broker_url, fresh("desk"))
    numbers = desk.publisher(topic, Int64Value, key=lambda message: f"k{message.value % KEYS}")
    nodes = [await start(tmp_path, url, environment, node) for node in ("one", "two")]
    try:
        async with desk:
            for begin in range(0, MESSAGES, 500):
                values = range(begin, begin + 500)
                await numbers.send_all(Int64Value(value=value) for value in values)
                await asyncio.sleep(0.1)  # a stream, not a heap: the strike falls in its middle
                if begin == MESSAGES // 2:
                    await strike(nodes, how)
        if how == "asleep":
            await asyncio.sleep(7.0)  # longer than a session
            nodes[0].send_signal(signal.SIGCONT)
        else:
            await nodes[0].wait()
            nodes.append(await start(tmp_path, url, environment, "one"))
        found = await published(broker_url, out, MESSAGES)
        assert found == {
            f"k{key}".encode(): list(range(key, MESSAGES, KEYS)) for key in range(KEYS)
        }
        assert await sums(name, url) == [sum(range(key, MESSAGES, KEYS)) for key in range(KEYS)]
    finally:
        for node in nodes:
            if node.returncode is None:
                node.kill()
                await node.wait()


async def strike(nodes: list[Process], how: str) -> None:
    """Have it happen to the first node."""
    signals = {"killed": signal.SIGKILL, "asleep": signal.SIGSTOP, "stopped": signal.SIGTERM}
    nodes[0].send_signal(signals[how])


async def sums(name: str, url: str) -> list[int]:
    """Ask every entity until what they have is all there can be."""
    everything = sum(range(MESSAGES))
    async with ActorSystem(name, transport=url, node="asker", entities=[]) as system:
        async with asyncio.timeout(60):
            while True:
                found = []
                for key in range(KEYS):
                    answer = await system.entity(Sum, f"k{key}").ask(Int64Value(), timeout=20.0)
                    found.append(answer.value)
                if sum(found) >= everything:
                    return found
                await asyncio.sleep(0.2)
