"""Batches among whose messages is one that is none: what came before it is not forgotten."""

import asyncio

import pytest
from google.protobuf.wrappers_pb2 import Int64Value
from support.delivery_node import SYSTEM, Node
from support.scripted_log import Log, ScriptedPort

from callboard import ConsumerContext, ConsumerOptions
from callboard.testing import run_virtual
from callboard.transport.consumers import declare
from callboard.transport.delivery import Outbound, TopicPartition

NUMBERS = TopicPartition("numbers", 0)
POISON = 13
TORN = b"\xff"


def filled(*rows: tuple[str, int | None]) -> Log:
    """Return a log with numbers, and with bytes that are none, of some keys."""
    log = Log()
    for key, number in rows:
        value = TORN if number is None else Int64Value(value=number).SerializeToString()
        log.append(Outbound(NUMBERS, key.encode(), value, []))
    return log


def parked(log: Log) -> list[int]:
    """Return the offsets of what is in quarantine, in the order it came there."""
    records = log.partitions[TopicPartition("t.on_numbers.quarantine", 0)]
    origins = [dict(record.headers)["cb_quarantine_origin"] for record in records]
    return [int(origin.rpartition(b"/")[2]) for origin in origins]


@pytest.mark.parametrize("poison", ["a", "b"])
def test_a_batch_that_is_taken_apart_loses_nothing_before_a_torn_message(poison: str) -> None:
    """A key was parked by what stands behind; its message in hand, tried again, is still handled.

    The bad number is of another key, or stands before the message that is torn.
    """
    handled: list[int] = []

    def on_numbers(messages: list[Int64Value]) -> None:
        if any(message.value == POISON for message in messages):
            raise ValueError("the bad one")
        handled.extend(message.value for message in messages)

    log = filled(("a", 1), (poison, POISON), ("a", None), ("c", 2), ("a", 3))
    options = ConsumerOptions(partitions=1)
    consumer = declare(SYSTEM, "numbers", on_numbers, to=None, key=None, options=options)

    async def main() -> None:
        node = Node("one", ScriptedPort(log), [], consumers=[consumer])
        await node.start()
        await node.until_done()
        await node.stop()

    run_virtual(main())
    assert handled == [1, 2]
    assert parked(log) == [1, 2, 4]


def test_what_stands_before_a_torn_message_is_handled_after_a_crash() -> None:
    """It was in hand when the key was parked; the next owner gets it again, and handles it."""
    handled: list[int] = []
    log = filled(("a", 1), ("b", 2), ("a", None))

    async def on_numbers(messages: list[Int64Value], context: ConsumerContext) -> None:
        if context.system.node == "one":
            await asyncio.sleep(60)
        handled.extend(message.value for message in messages)

    options = ConsumerOptions(partitions=1, timeout=100.0)
    consumer = declare(SYSTEM, "numbers", on_numbers, to=None, key=None, options=options)

    async def main() -> None:
        first = Node("one", ScriptedPort(log), [], consumers=[consumer])
        await first.start()
        await asyncio.sleep(1.0)  # virtual
        await first.die()
        second = Node("two", ScriptedPort(log), [], consumers=[consumer])
        await second.start()
        await second.until_done()
        await second.stop()

    run_virtual(main())
    assert handled == [1, 2]
    assert parked(log) == [2]
