"""Batches are decoded at once, and come out as if each record had been looked at by itself."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import Int64Value, StringValue
from hypothesis import given
from hypothesis import strategies as st
from support.delivery_node import OPTIONS, SYSTEM, Node
from support.scripted_log import Log, ScriptedPort

from callboard import ConsumerOptions, SchemaError
from callboard.schemas import TypeRegistry
from callboard.testing import run_virtual
from callboard.transport.consumers import Accepted, declare
from callboard.transport.consumers._accepts import Annotation, Model, Protobufs, Raw, accepted
from callboard.transport.delivery import Codec, Outbound, Record, TopicPartition

INT, TEXT = b"google.protobuf.Int64Value", b"google.protobuf.StringValue"
kinds = st.sampled_from([INT, TEXT, b"unknown.Type", b"\xff"])
said = st.lists(st.tuples(st.sampled_from(["ce_type", "ce_id", "other"]), kinds), max_size=4)
values = st.one_of(
    st.none(),
    st.binary(max_size=4),
    st.integers(-9, 9).map(lambda number: Int64Value(value=number).SerializeToString()),
)
records = st.lists(
    st.builds(Record, st.integers(0, 9), st.none(), values, said.map(tuple)), max_size=6
)
takes = st.builds(
    Annotation,
    st.sampled_from(
        [(Int64Value,), (StringValue,), (Int64Value, StringValue), (Message,), (bytes,)]
    ),
    empty=st.booleans(),
    batch=st.just(value=True),
)


def one_by_one(decoder: Accepted, given_: Sequence[Record]) -> list[object] | None:
    """Return what `decode` makes of each, or None if it refuses one."""
    try:
        return [decoder.decode(each.value, dict(each.headers)) for each in given_]
    except SchemaError:
        return None


@given(takes, st.lists(records, min_size=1, max_size=3))
def test_many_are_decoded_as_each_is(annotation: Annotation, batches: list[list[Record]]) -> None:
    """The same messages in the same order; and a failure exactly where one of them fails."""
    decoder = accepted(annotation, Codec(TypeRegistry()))
    assert isinstance(decoder, Protobufs | Raw | Model)
    for batch in batches:
        expected = one_by_one(decoder, batch)
        if expected is None:
            with pytest.raises(Exception):  # noqa: B017, PT011 - whichever: each is looked at then
                decoder.decode_all(batch)
        else:
            assert decoder.decode_all(batch) == expected


def record(number: int, *, bad: bool = False) -> Outbound:
    """Return a record, perhaps one that is no message."""
    value = b"\xff" if bad else Int64Value(value=number).SerializeToString()
    return Outbound(TopicPartition("numbers", 0), f"key-{number}".encode(), value, [])


def test_a_bad_record_alone_is_put_aside_from_a_batch() -> None:
    """The others of its batch are handled, in their order, and all is committed."""
    log = Log()
    for number in range(40):
        log.append(record(number, bad=number % 10 == 3))
    handled: list[int] = []

    def on_numbers(messages: list[Int64Value]) -> None:
        handled.extend(message.value for message in messages)

    options = ConsumerOptions(partitions=1)
    consumer = declare(SYSTEM, "numbers", on_numbers, to=None, key=None, options=options)

    async def main() -> None:
        node = Node("one", ScriptedPort(log), [], consumers=[consumer])
        await node.start()
        await node.until_done()
        assert node.host.counters.quarantined == 4
        await node.stop()

    run_virtual(main())
    assert handled == [number for number in range(40) if number % 10 != 3]


@pytest.mark.parametrize("waits", [False, True])
def test_more_is_taken_in_when_what_came_had_its_turn(waits: bool) -> None:
    """Calls that only take turns are over by then; nobody waits for those that wait themselves."""
    log = Log()
    handled = 0

    async def on_number(message: Int64Value) -> None:
        nonlocal handled
        if waits:
            await asyncio.sleep(1.0)
        handled += 1

    options = ConsumerOptions(partitions=1, concurrency=1_000)
    consumer = declare(SYSTEM, "numbers", on_number, to=None, key=None, options=options)
    fetched = [
        Record(at, each.key, each.value, each.headers)
        for at, each in enumerate(record(number) for number in range(900))
    ]

    async def main() -> None:
        loop = asyncio.get_running_loop()
        node = Node(
            "one",
            ScriptedPort(log),
            [],
            options=replace(OPTIONS, max_in_flight=2_000),
            consumers=[consumer],
        )
        await node.start()
        while not node.core.owned:
            await asyncio.sleep(0.01)
        node.core.deliver(TopicPartition("numbers", 0), fetched)
        before = loop.time()
        await node.core.catch_up()
        assert loop.time() - before < 1.0
        assert handled == 0 if waits else handled > 400
        await node.die()

    run_virtual(main())


def test_a_function_that_blocks_does_not_hold_up_what_others_are_sent() -> None:
    """More is taken in after a moment, though there is still something to do."""
    handled = 0

    def on_number(message: Int64Value) -> None:
        nonlocal handled
        time.sleep(0.005)
        handled += 1

    consumer = declare(
        SYSTEM, "numbers", on_number, to=None, key=None, options=ConsumerOptions(partitions=1)
    )
    fetched = [
        Record(at, b"key", Int64Value(value=at).SerializeToString(), ()) for at in range(900)
    ]

    async def main() -> None:
        options = replace(OPTIONS, max_in_flight=2_000)
        node = Node("one", ScriptedPort(Log()), [], options=options, consumers=[consumer])
        await node.start()
        while not node.core.owned:
            await asyncio.sleep(0.01)
        node.core.deliver(TopicPartition("numbers", 0), fetched)
        await node.core.catch_up()
        assert 0 < handled < 40, "50 turns of the loop would be 50 calls"
        await node.die()

    asyncio.run(main())
