"""Writing records: what is acknowledged with what, and what is refused."""

from collections.abc import Mapping

import pytest
from support.record_batches import (
    CONTROL,
    GZIP,
    LZ4,
    NONE,
    SNAPPY,
    TRANSACTIONAL,
    ZSTD,
    Producer,
    Rec,
    batch,
)
from support.wire import API, EARLIEST, LATEST, Wire, fresh, wired

from callboard.transport.broker import ErrorCode

_HOUR = 3_600_000
_LATE = {"message.timestamp.type": "LogAppendTime"}


# -- acknowledged -------------------------------------------------------------------


@pytest.mark.parametrize("acks", [1, -1])
async def test_a_write_is_acknowledged_with_its_first_offset(wire: Wire, acks: int) -> None:
    """Offsets go on from batch to batch; the time stays the producer's, and is not told."""
    topic = await wire.topic()
    answers = [await wire.produce(topic, batch(Rec(), Rec(), Rec()), acks=acks) for _ in range(2)]
    assert [answer["base_offset"] for answer in answers] == [0, 3]
    assert {answer["log_append_time"] for answer in answers} == {-1}
    assert {answer["log_start_offset"] for answer in answers} == {0}
    assert all(answer["record_errors"] == [] for answer in answers)


@pytest.mark.parametrize("version", range(API["produce"].first, API["produce"].last + 1))
async def test_an_acknowledgement_is_laid_out_as_its_version_says(wire: Wire, version: int) -> None:
    """Each version that is told of can be written with."""
    topic = await wire.topic()
    part = {"index": 0, "records": batch()}
    answer = await wire.ask(
        "produce",
        version,
        acks=-1,
        timeout_ms=5000,
        topics=[{"name": topic, "partitions": [part]}],
    )
    (done,) = answer["topics"][0]["partitions"]
    assert (done["error_code"], done["base_offset"]) == (ErrorCode.NONE, 0)


async def test_without_acks_nothing_is_answered(wire: Wire) -> None:
    """The next answer on the connection is that of the next request."""
    topic = await wire.topic()
    part = {"index": 0, "records": batch()}
    wire.send("produce", 8, acks=0, timeout_ms=5000, topics=[{"name": topic, "partitions": [part]}])
    assert (await wire.offset(topic, LATEST))["offset"] == 1


async def test_without_acks_a_refusal_closes_the_connection(wire: Wire) -> None:
    """There is no other way to tell."""
    part = {"index": 0, "records": batch()}
    wire.send(
        "produce", 8, acks=0, timeout_ms=5000, topics=[{"name": fresh(), "partitions": [part]}]
    )
    assert await wire.closed()


@pytest.mark.parametrize("acks", [2, -2])
async def test_acks_of_some_brokers_cannot_be_asked_for(wire: Wire, acks: int) -> None:
    """Nobody, the leader, or all who are in sync; nothing between."""
    topic = await wire.topic()
    answer = await wire.produce(topic, batch(), acks=acks)
    assert answer["error_code"] == ErrorCode.INVALID_REQUIRED_ACKS


async def test_no_more_replicas_are_waited_for_than_there_are(wire: Wire) -> None:
    """A single replica is enough where two in sync are asked for, as there is no second."""
    topic = await wire.topic(configs={"min.insync.replicas": "2"})
    assert (await wire.produce(topic, batch(), acks=-1))["error_code"] == ErrorCode.NONE


async def test_each_partition_of_a_request_has_its_own_outcome(wire: Wire) -> None:
    """One that is refused does not hinder the others."""
    topic, other = await wire.topic(2), fresh()
    broken = batch()[:-1] + b"\xff"
    answer = await wire.ask(
        "produce",
        8,
        acks=-1,
        timeout_ms=5000,
        topics=[
            {
                "name": topic,
                "partitions": [{"index": 0, "records": broken}, {"index": 1, "records": batch()}],
            },
            {"name": other, "partitions": [{"index": 0, "records": batch()}]},
        ],
    )
    codes = {
        (each["name"], part["index"]): part["error_code"]
        for each in answer["topics"]
        for part in each["partitions"]
    }
    assert codes == {
        (topic, 0): ErrorCode.CORRUPT_MESSAGE,
        (topic, 1): ErrorCode.NONE,
        (other, 0): ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    }


async def test_the_logs_start_is_told_with_an_acknowledgement(wire: Wire) -> None:
    """After records were deleted, a producer learns from where on there are some."""
    topic = await wire.topic()
    await wire.write(topic, b"a", b"b")
    await wire.delete_records(topic, 1)
    assert (await wire.produce(topic, batch()))["log_start_offset"] == 1


# -- sizes --------------------------------------------------------------------------


@pytest.mark.parametrize("codec", [NONE, GZIP])
async def test_a_batch_may_be_as_large_as_the_limit(wire: Wire, codec: int) -> None:
    """`max.message.bytes` counts the batch as it is sent, header included."""
    records = batch(Rec(b"x" * 500), Rec(b"y" * 500), codec=codec)
    exact = await wire.topic(configs={"max.message.bytes": str(len(records))})
    below = await wire.topic(configs={"max.message.bytes": str(len(records) - 1)})
    assert (await wire.produce(exact, records))["error_code"] == ErrorCode.NONE
    await wire.refuses(below, records, ErrorCode.MESSAGE_TOO_LARGE)


async def test_many_records_count_as_one_batch(wire: Wire) -> None:
    """Small records in a large batch are above the limit all the same."""
    topic = await wire.topic(configs={"max.message.bytes": "300"})
    await wire.refuses(topic, batch(*[Rec(b"x" * 20)] * 20), ErrorCode.MESSAGE_TOO_LARGE)


# -- what is no batch ---------------------------------------------------------------

_ID = Producer(4711, 0)
_UNKNOWN_TRANSACTION = ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED

_BROKEN: Mapping[str, tuple[bytes, ErrorCode]] = {
    "checksum": (batch()[:-1] + b"\xff", ErrorCode.CORRUPT_MESSAGE),
    "nothing": (b"", ErrorCode.INVALID_RECORD),
    "format 0": (batch(magic=0), ErrorCode.INVALID_RECORD),
    "format 1": (batch(magic=1), ErrorCode.INVALID_RECORD),
    "format 3": (batch(magic=3), ErrorCode.CORRUPT_MESSAGE),
    "two batches": (batch() + batch(), ErrorCode.INVALID_RECORD),
    "cut off": (batch(Rec(b"x" * 100))[:-10], ErrorCode.INVALID_RECORD),
    "header cut off": (batch()[:30], ErrorCode.INVALID_RECORD),
    "more behind": (batch() + b"\x00" * 20, ErrorCode.CORRUPT_MESSAGE),
    "no records": (batch(count=0, last_delta=-1), ErrorCode.INVALID_RECORD),
    "deltas": (batch(Rec(), Rec(), last_delta=5), ErrorCode.INVALID_RECORD),
    "control": (batch(flags=CONTROL), ErrorCode.INVALID_RECORD),
    "no sequence": (batch(producer=_ID, sequence=-1), ErrorCode.INVALID_RECORD),
    "no transaction": (batch(flags=TRANSACTIONAL), _UNKNOWN_TRANSACTION),
    "base offset": ((1).to_bytes(8) + batch()[8:], ErrorCode.INVALID_RECORD),
}


@pytest.mark.parametrize("case", _BROKEN)
async def test_what_is_no_batch_is_refused(wire: Wire, case: str) -> None:
    """The partition stays as it was, and the connection open."""
    records, code = _BROKEN[case]
    await wire.refuses(await wire.topic(), records, code)


async def test_a_codec_that_does_not_exist_is_refused(wire: Wire) -> None:
    """Nobody could read such records."""
    topic = await wire.topic()
    assert (await wire.produce(topic, batch(flags=7)))["error_code"] != ErrorCode.NONE
    assert (await wire.offset(topic, LATEST))["offset"] == 0


_ONLY_INSIDE: Mapping[str, bytes] = {
    "too many": batch(Rec(), count=2, last_delta=1),
    "too few": batch(Rec(), Rec(), count=1, last_delta=0),
    **{f"codec {flags}": batch(flags=flags) for flags in (GZIP, SNAPPY, LZ4, ZSTD)},
}


@pytest.mark.parametrize("case", _ONLY_INSIDE)
async def test_records_are_looked_at(wire: Wire, case: str, embedded: bool) -> None:
    """A batch whose checksum holds, and whose records are not what the header says, is refused.

    The embedded broker takes it: to it a batch is bytes, which is what makes it as quick as it
    is. Only a client with a defect makes such a batch, and consumers refuse it.
    """
    topic = await wire.topic()
    answer = await wire.produce(topic, _ONLY_INSIDE[case])
    assert (answer["error_code"] == ErrorCode.NONE) is embedded


@pytest.mark.parametrize("partition", [1, 99, -1])
async def test_an_unknown_partition_is_refused(wire: Wire, partition: int) -> None:
    """UNKNOWN_TOPIC_OR_PARTITION."""
    answer = await wire.produce(await wire.topic(), batch(), partition=partition)
    assert answer["error_code"] == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


async def test_writing_creates_no_topic(wire: Wire) -> None:
    """A topic that is not there is unknown, and stays so."""
    topic = fresh()
    answer = await wire.produce(topic, batch())
    assert answer["error_code"] == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    found = await wire.offset(topic, EARLIEST)
    assert found["error_code"] == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


async def test_writers_on_many_connections_share_the_offsets(wire: Wire, broker_url: str) -> None:
    """No offset is given twice, and none is left out."""
    topic = await wire.topic()
    async with wired(broker_url) as other:
        offsets = [await each.write(topic, b"v") for each in (wire, other) * 10]
    assert sorted(offsets) == list(range(20))
