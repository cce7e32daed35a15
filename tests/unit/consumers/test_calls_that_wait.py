"""Async functions: a call that does not wait has no lane; one that does holds up its key alone."""

import asyncio
import random
from collections import defaultdict
from contextvars import ContextVar

import pytest
from google.protobuf.wrappers_pb2 import Int64Value, StringValue
from support.delivery_node import SYSTEM, Node
from support.scripted_log import Log, ScriptedPort

from callboard import Actor, ConsumerOptions, handler
from callboard.testing import run_virtual
from callboard.transport.consumers import Consumer, declare
from callboard.transport.delivery import Outbound, Record, TopicPartition, partition_for

KEYS = [f"key-{number}" for number in range(7)]
_word: ContextVar[int] = ContextVar("word", default=-1)


def consumer(function: object, concurrency: int = 100) -> Consumer:
    """Return the consumer under test."""
    assert callable(function)
    options = ConsumerOptions(partitions=2, concurrency=concurrency, timeout=2.0)
    return declare(SYSTEM, "numbers", function, to=None, key=None, options=options)


def record(number: int, key: str) -> Outbound:
    """Return a record as a stranger writes it."""
    to = TopicPartition("numbers", partition_for(key.encode(), 2))
    return Outbound(to, key.encode(), Int64Value(value=number).SerializeToString(), [])


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("concurrency", [1, 3, 100])
def test_each_key_is_in_order_whichever_calls_wait(seed: int, concurrency: int) -> None:
    """Calls wait, fail once, or do neither, as chance has it; none runs beside its key's own."""
    chance = random.Random(seed)
    sent: dict[str, list[int]] = defaultdict(list)
    log = Log()
    for number in range(120):
        key = chance.choice(KEYS)
        sent[key].append(number)
        log.append(record(number, key))
    key_of = {number: key for key, numbers in sent.items() for number in numbers}
    done: dict[str, list[int]] = defaultdict(list)
    under_way: set[str] = set()
    most = 0
    failed: set[int] = set()

    async def on_number(message: Int64Value) -> None:
        nonlocal most
        key, number = key_of[message.value], message.value
        assert key not in under_way, "two messages of one key at once"
        assert _word.get() == -1 or concurrency == 1 or key_of[_word.get()] == key
        _word.set(number)
        under_way.add(key)
        try:
            for _ in range(chance.choice([0, 0, 1, 2])):
                most = max(most, len(under_way))
                await asyncio.sleep(chance.choice([0.0, 0.001, 0.02]))
                assert _word.get() == number, "another call's variable"
            if chance.random() < 0.1 and number not in failed:
                failed.add(number)
                raise ValueError("once")
            done[key].append(number)
        finally:
            under_way.discard(key)

    async def main() -> None:
        node = Node("one", ScriptedPort(log), [], consumers=[consumer(on_number, concurrency)])
        await node.start()
        await node.until_done()
        await node.stop()

    run_virtual(main())
    assert done == sent
    assert most <= concurrency
    assert concurrency < 100 or most > 1, "keys wait for each other"


def test_a_call_ends_as_the_task_that_it_began_as() -> None:
    """Also when an asker drains the dispatcher's queue, so that time-outs work in it."""
    tasks: list[tuple[object, object]] = []
    expired: list[bool] = []

    async def on_number(message: Int64Value) -> None:
        before = asyncio.current_task()
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(1.0)
        except TimeoutError:
            expired.append(True)
        tasks.append((before, asyncio.current_task()))

    class Courier(Actor):
        @handler
        def bring(self, message: StringValue) -> StringValue:
            """Deliver while the asker drives."""
            for key in ("a", "b"):
                _, raw, value, headers = record(1, key)
                to = TopicPartition("numbers", partition_for(key.encode(), 2))
                offset = node.port.positions[to]
                node.port.positions[to] += 1
                node.core.deliver(to, [Record(offset, raw, value, headers)])
            lent.append(node.system.dispatcher.lent)
            return StringValue(value="brought")

    log, lent = Log(), list[bool]()
    node: Node

    async def main() -> None:
        nonlocal node
        node = Node("one", ScriptedPort(log), [], consumers=[consumer(on_number)])
        await node.start()
        courier = node.system.spawn(Courier, name="courier")
        async with asyncio.timeout(5):
            while len(node.core.owned) < 2:
                await asyncio.sleep(0.01)
        for _ in range(3):
            await courier.ask(StringValue(value="wake"), timeout=1.0)
            async with asyncio.timeout(5):
                while len(tasks) < 2 * len(lent):
                    await asyncio.sleep(0.01)
        await node.die()

    run_virtual(main())
    assert any(lent), "the asker did not drive"
    assert expired
    assert all(before is after for before, after in tasks)
