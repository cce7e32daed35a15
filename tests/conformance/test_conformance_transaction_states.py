"""The transaction coordinator's rules: what may follow what, and how the rest is refused."""

from typing import Any

import pytest
from support.record_batches import Producer, Rec, batch
from support.wire import API, LATEST, Wire, fresh, understood
from support.wire_transactions import ABORT, COMMIT, End, Writer

from callboard.transport.broker import ErrorCode

STATE = ErrorCode.INVALID_TXN_STATE
MAPPING = ErrorCode.INVALID_PRODUCER_ID_MAPPING
CONCURRENT = ErrorCode.CONCURRENT_TRANSACTIONS


@pytest.fixture
async def writer(wire: Wire) -> Writer:
    """Give a transactional producer that has its id."""
    made = Writer(wire)
    await made.begin()
    return made


@pytest.mark.parametrize("version", [0, 1])
async def test_an_id_comes_with_epoch_0(wire: Wire, version: int) -> None:
    """The first to name a transactional id gets a producer id of its own."""
    first, second = Writer(wire), Writer(wire)
    await first.begin()
    await second.begin()
    answer = await Writer(wire).ask_for_id(version)
    assert (answer["error_code"], answer["producer_epoch"]) == (ErrorCode.NONE, 0)
    assert len({first.producer.id, second.producer.id, answer["producer_id"]}) == 3


async def test_each_further_start_is_a_new_epoch(wire: Wire, writer: Writer) -> None:
    """The producer id stays."""
    again = Writer(wire, writer.id)
    assert [(await again.begin()).epoch for _ in range(3)] == [1, 2, 3]
    assert again.producer.id == writer.producer.id


async def test_a_transactional_id_is_not_empty(wire: Wire, writer: Writer) -> None:
    """INVALID_REQUEST to whatever names an empty one."""
    topic = await wire.topic()
    answer = await wire.ask("init_producer_id", 1, transactional_id="", timeout_ms=1000)
    assert answer["error_code"] == ErrorCode.INVALID_REQUEST
    assert answer["producer_id"] == -1
    for version in (0, 2):
        named: dict[str, Any] = {"version": version, "transactional_id": ""}
        assert await writer.add(topic, **named) == ErrorCode.INVALID_REQUEST
        assert await writer.add_offsets("g", **named) == ErrorCode.INVALID_REQUEST
        assert await writer.end(COMMIT, **named) == ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize("version", [0, 1, 2])
async def test_an_unknown_producer_has_no_transactions(
    wire: Wire, writer: Writer, version: int
) -> None:
    """INVALID_PRODUCER_ID_MAPPING: a transactional id nobody has started, or another producer."""
    topic = await wire.topic()
    for changed in ({"transactional_id": fresh()}, {"producer_id": writer.producer.id + 10_000}):
        assert await writer.add(topic, version=version, **changed) == MAPPING
        assert await writer.add_offsets("g", version=version, **changed) == MAPPING
        for how in (COMMIT, ABORT):
            assert await writer.end(how, version=version, **changed) == MAPPING


@pytest.mark.parametrize("how", [COMMIT, ABORT])
async def test_what_has_not_begun_does_not_end(writer: Writer, how: End) -> None:
    """INVALID_TXN_STATE while nothing has been added."""
    assert await writer.end(how) == STATE


@pytest.mark.parametrize("how", [COMMIT, ABORT])
async def test_ending_again_is_no_error(wire: Wire, writer: Writer, how: End) -> None:
    """The same way: the answer may have been lost. No second marker is written."""
    topic = await wire.topic()
    await writer.open(topic, b"a")
    await writer.finish(how)
    assert await writer.end(how) == ErrorCode.NONE
    assert (await wire.offset(topic, LATEST))["offset"] == 2


@pytest.mark.parametrize("how", [COMMIT, ABORT])
async def test_it_does_not_end_both_ways(wire: Wire, writer: Writer, how: End) -> None:
    """INVALID_TXN_STATE to an abort after the commit, and to a commit after the abort."""
    topic = await wire.topic()
    await writer.open(topic, b"a")
    await writer.finish(how)
    assert await writer.end(how.other) == STATE


async def test_while_it_ends_it_is_left_alone(wire: Wire, writer: Writer) -> None:
    """CONCURRENT_TRANSACTIONS to what comes before the markers are written, then it is done.

    The embedded broker writes them at once and may already be done. Its `hang` makes it wait.
    """
    topic = await wire.topic()
    await writer.open(topic, b"a")
    identity = {
        "transactional_id": writer.id,
        "producer_id": writer.producer.id,
        "producer_epoch": writer.producer.epoch,
    }
    for _ in range(4):
        wire.send("end_txn", 2, **identity, commit=True)
    codes: list[int] = []
    for _ in range(4):
        _, data = await wire.answer()
        codes.append(understood(API["end_txn"], 2, data)["error_code"])
    assert codes[0] == ErrorCode.NONE
    assert set(codes[1:]) <= {CONCURRENT, ErrorCode.NONE}
    await writer.begin()  # asks again while it is told CONCURRENT_TRANSACTIONS
    assert (await wire.offset(topic, LATEST))["offset"] == 2


@pytest.mark.parametrize("version", [0, 1, 2])
async def test_partitions_are_added_all_or_none(wire: Wire, writer: Writer, version: int) -> None:
    """One that does not exist keeps the others out, and the transaction has not begun."""
    topic, nowhere = await wire.topic(), fresh()
    unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert await writer.add_each({topic: [0, 9], nowhere: [0]}, version=version) == {
        (topic, 0): ErrorCode.OPERATION_NOT_ATTEMPTED,
        (topic, 9): unknown,
        (nowhere, 0): unknown,
    }
    assert await writer.end(COMMIT) == STATE


async def test_adding_nothing_begins_a_transaction(writer: Writer) -> None:
    """It can be ended, as one with partitions can."""
    assert await writer.add_each({}) == {}
    assert await writer.end(COMMIT) == ErrorCode.NONE


@pytest.mark.parametrize("version", [3, 5, 7, 8])
async def test_what_was_not_added_is_not_written(wire: Wire, writer: Writer, version: int) -> None:
    """INVALID_TXN_STATE before the transaction has begun, and beside what it covers."""
    topic, other = await wire.topic(), await wire.topic()
    refused = await writer.write(topic, b"a", version=version)
    assert (refused["error_code"], refused["base_offset"]) == (STATE, -1)
    await writer.add(other)
    assert (await writer.write(topic, b"a", version=version))["error_code"] == STATE
    assert (await writer.write(other, b"a", version=version))["error_code"] == ErrorCode.NONE
    assert (await wire.offset(topic, LATEST))["offset"] == 0


async def test_a_refused_write_says_why(wire: Wire, writer: Writer) -> None:
    """With version 8 there is a sentence to it."""
    refused = await writer.write(await wire.topic(), b"a")
    assert "not added to the transaction" in refused["error_message"]


@pytest.mark.parametrize("how", [COMMIT, ABORT])
async def test_after_its_end_partitions_must_be_added_again(
    wire: Wire, writer: Writer, how: End
) -> None:
    """INVALID_TXN_STATE to a write that comes late."""
    topic = await wire.topic()
    await writer.open(topic, b"a")
    await writer.finish(how)
    assert (await writer.write(topic, b"late"))["error_code"] == STATE
    await writer.add(topic)
    assert (await writer.write(topic, b"b"))["error_code"] == ErrorCode.NONE


async def test_a_transactional_batch_needs_an_id_in_its_request(wire: Wire, writer: Writer) -> None:
    """TRANSACTIONAL_ID_AUTHORIZATION_FAILED: without a name nobody may write in its name."""
    topic = await wire.topic()
    await writer.add(topic)
    refused = await writer.write(topic, b"a", transactional_id=None)
    assert refused["error_code"] == ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED


async def test_a_transaction_begins_under_its_own_id(wire: Wire, writer: Writer) -> None:
    """INVALID_PRODUCER_ID_MAPPING to a first batch whose request names another.

    To later ones, too, in the embedded broker; Apache Kafka does not ask about them again.
    """
    topic = await wire.topic()
    await writer.add(topic)
    refused = await writer.write(topic, b"a", transactional_id=fresh())
    assert refused["error_code"] == MAPPING
    other = Producer(writer.producer.id + 10_000, 0)
    refused = await writer.write(topic, b"a", producer=other)
    assert refused["error_code"] == MAPPING


async def test_a_transactional_producer_writes_nothing_else_meanwhile(
    wire: Wire, writer: Writer
) -> None:
    """INVALID_TXN_STATE to an ordinary batch of its own while its transaction is open there."""
    topic = await wire.topic()
    await writer.open(topic, b"a")
    ordinary = batch(Rec(b"b"), producer=writer.producer, sequence=1)
    assert (await wire.produce(topic, ordinary))["error_code"] == STATE
    await writer.commit()
    assert (await wire.produce(topic, ordinary))["error_code"] == ErrorCode.NONE


async def test_a_batch_may_not_come_from_the_future(wire: Wire, writer: Writer) -> None:
    """INVALID_PRODUCER_EPOCH to an epoch that was never given out."""
    topic = await wire.topic()
    await writer.add(topic)
    later = Producer(writer.producer.id, writer.producer.epoch + 1)
    refused = await writer.write(topic, b"a", producer=later)
    assert refused["error_code"] == ErrorCode.INVALID_PRODUCER_EPOCH
