"""What was written twice is applied once: commands carry on the ids of their events."""

import asyncio
from typing import Any

import pytest
from google.protobuf.struct_pb2 import ListValue
from google.protobuf.wrappers_pb2 import Int64Value
from support.delivery_node import SYSTEM, Node
from support.scripted_log import Log, ScriptedPort

from callboard import ConsumerContext, ConsumerOptions, Entity, Retry, handler
from callboard.testing import run_virtual
from callboard.transport.consumers import Consumer, declare
from callboard.transport.delivery import (
    Changelog,
    Outbound,
    TopicPartition,
    batch_headers,
    message_headers,
    partition_for,
)

TYPE = ("ce_type", b"google.protobuf.Int64Value")


class Tally(Entity):
    """Keeps what it is told, in order."""

    partitions = 2
    state: ListValue

    @handler
    def told(self, message: Int64Value) -> None:
        """Remember a number."""
        self.state.values.add().number_value = message.value


def write(log: Log, key: str, value: int, number: int | None, floor: int = 0) -> None:
    """Write an event as a publisher would, or (number None) a stranger."""
    to = TopicPartition("numbers", partition_for(key.encode(), 2))
    headers: list[tuple[str, bytes]] = []
    if number is not None:
        headers = message_headers(TYPE, ("ce_source", b"desk"), f"desk~1+numbers:{number}.0")
        headers += batch_headers(time=b"now", floor=str(floor).encode())
    raw = Int64Value(value=value).SerializeToString()
    log.append(Outbound(to, key.encode(), raw, headers))


def looking_on(message: Int64Value) -> None:
    """Pass on."""


async def waiting(message: Int64Value, context: ConsumerContext) -> Int64Value:
    """Take a while over some, and fail once over others."""
    if message.value % 3 == 0:
        await asyncio.sleep(0.01)
    if message.value % 4 == 0 and context.attempt == 1:
        raise Retry(after=0.05)
    return message


def everybody(message: Int64Value) -> str:
    """Name one entity for all."""
    return "all"


def told(log: Log, function: Any, key: Any = None) -> dict[str, list[float]]:
    """Run a consumer over a log, and return what each entity was told."""
    options = ConsumerOptions(partitions=2, name="on_number")
    consumer: Consumer = declare(SYSTEM, "numbers", function, to=Tally, key=key, options=options)

    async def main() -> None:
        node = Node("one", ScriptedPort(log), [Tally], consumers=[consumer])
        await node.start()
        await node.until_done()
        await node.stop()

    run_virtual(main())
    found: dict[str, list[float]] = {}
    for number in range(2):
        changelog = Changelog()
        changelog.fold(log.partitions[TopicPartition("t.Tally.state", number)])
        for entity, stored in changelog.states.items():
            values = ListValue.FromString(stored.value).values
            found[entity] = [value.number_value for value in values]
    return found


@pytest.mark.parametrize("function", [looking_on, waiting])
def test_events_that_were_written_twice_count_once(function: Any) -> None:
    """Copies of single events and of whole batches, with floors that move on meanwhile."""
    log = Log()
    for number in range(30):
        write(log, f"k{number % 3}", number, number, floor=max(0, number - 4))
        if number % 5 == 0:
            write(log, f"k{number % 3}", number, number, floor=max(0, number - 4))
    for number in range(20, 30):
        write(log, f"k{number % 3}", number, number, floor=29)
    assert told(log, function) == {f"k{k}": list(range(k, 30, 3)) for k in range(3)}


def test_events_of_strangers_count_as_often_as_they_were_written() -> None:
    """They say nothing by which a copy could be known."""
    log = Log()
    for value in (1, 1, 2):
        write(log, "a", value, None)
    assert told(log, looking_on) == {"a": [1, 1, 2]}


def test_an_entity_that_is_not_the_records_key_loses_nothing() -> None:
    """Its events come in no order of their source's numbers, so ids are made of their places."""
    log = Log()
    for number in reversed(range(30)):
        write(log, f"k{number % 7}", number, number, floor=number)
    found = told(log, looking_on, key=everybody)
    assert sorted(found["all"]) == list(range(30))


def test_two_consumers_tell_an_entity_twice() -> None:
    """Each is a source of its own."""
    log = Log()
    for number in range(6):
        write(log, "a", number, number)
    first = told(log, looking_on)
    options = ConsumerOptions(partitions=2, name="another")
    consumer = declare(SYSTEM, "numbers", looking_on, to=Tally, key=None, options=options)

    async def main() -> None:
        log.committed.clear()
        node = Node("two", ScriptedPort(log), [Tally], consumers=[consumer])
        await node.start()
        await node.until_done()
        await node.stop()

    run_virtual(main())
    changelog = Changelog()
    for number in range(2):
        changelog.fold(log.partitions[TopicPartition("t.Tally.state", number)])
    values = ListValue.FromString(changelog.states["a"].value).values
    assert first == {"a": list(range(6))}
    assert [value.number_value for value in values] == [*range(6), *range(6)]
