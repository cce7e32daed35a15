"""Records as they are written and read: their times, keys, values, headers and codecs."""

from collections.abc import Mapping

import pytest
from support.kafka_clients import consuming, producing, take
from support.record_batches import (
    GZIP,
    LOG_APPEND_TIME,
    LZ4,
    NONE,
    SNAPPY,
    ZSTD,
    Rec,
    attributes,
    batch,
    now_ms,
)
from support.wire import KEPT, Wire

from callboard.transport.broker import ErrorCode

_HOUR = 3_600_000
_LATE = {"message.timestamp.type": "LogAppendTime"}


# -- times --------------------------------------------------------------------------


async def test_records_keep_the_producers_time(wire: Wire) -> None:
    """By default a record has the time its producer gave it, also one long past."""
    topic = await wire.topic(configs=KEPT)
    await wire.write(topic, Rec(at=1000), Rec(at=5), Rec(at=now_ms() + _HOUR // 2))
    times = [record.timestamp for record in await wire.records(topic)]
    assert times[:2] == [1000, 5]
    assert times[2] > now_ms()


async def test_records_may_get_the_brokers_time(wire: Wire) -> None:
    """All of a batch have the time it was written, which the acknowledgement tells."""
    topic = await wire.topic(configs=_LATE)
    before = now_ms()
    answer = await wire.produce(topic, batch(Rec(at=1000), Rec(at=5)))
    fetched = await wire.fetch(topic, 0)

    assert before <= answer["log_append_time"] <= now_ms()
    assert attributes(fetched["records"]) == [LOG_APPEND_TIME]
    times = {record.timestamp for record in await wire.records(topic)}
    assert times == {answer["log_append_time"]}


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD])
async def test_compressed_records_may_get_the_brokers_time(wire: Wire, codec: int) -> None:
    """They stay compressed as they were."""
    topic = await wire.topic(configs=_LATE)
    answer = await wire.produce(topic, batch(Rec(b"a", at=1), Rec(b"b", at=2), codec=codec))
    fetched = await wire.fetch(topic, 0)
    assert attributes(fetched["records"]) == [LOG_APPEND_TIME | codec]
    found = [(record.timestamp, record.value) for record in await wire.records(topic)]
    at = answer["log_append_time"]
    assert found == [(at, b"a"), (at, b"b")]


async def test_the_client_is_given_the_time_that_counts(wire: Wire, broker_url: str) -> None:
    """Aiokafka returns the broker's time where that counts, and its own elsewhere."""
    by_broker, by_client = await wire.topic(configs=_LATE), await wire.topic(configs=KEPT)
    async with producing(broker_url) as producer:
        late = await producer.send_and_wait(by_broker, b"v", partition=0, timestamp_ms=1000)
        own = await producer.send_and_wait(by_client, b"v", partition=0, timestamp_ms=1000)
    assert (late.timestamp_type, own.timestamp_type) == (1, 0)
    assert late.timestamp > 1000
    assert own.timestamp == 1000


async def test_a_record_need_not_have_a_time(wire: Wire) -> None:
    """-1 stands for none, and stays."""
    topic = await wire.topic(configs=KEPT)
    await wire.write(topic, Rec(at=-1))
    assert [record.timestamp for record in await wire.records(topic)] == [-1]


@pytest.mark.parametrize("codec", [NONE, GZIP])
async def test_a_time_too_far_ahead_is_refused(wire: Wire, codec: int) -> None:
    """More than an hour, unless the topic says otherwise; the whole batch is refused."""
    topic = await wire.topic()
    ahead = batch(Rec(), Rec(at=now_ms() + 2 * _HOUR), codec=codec)
    await wire.refuses(topic, ahead, ErrorCode.INVALID_TIMESTAMP)


async def test_a_time_too_far_back_is_refused(wire: Wire) -> None:
    """Where a topic says how old a record may be."""
    topic = await wire.topic(configs={"message.timestamp.before.max.ms": str(_HOUR)})
    old = batch(Rec(), Rec(at=now_ms() - 2 * _HOUR), Rec())
    await wire.refuses(topic, old, ErrorCode.INVALID_TIMESTAMP)
    assert await wire.write(topic, Rec(at=now_ms() - _HOUR // 2)) == 0


async def test_a_refused_time_names_its_record(wire: Wire) -> None:
    """The acknowledgement lists the records at fault by their place in the batch."""
    topic = await wire.topic()
    ahead = now_ms() + 2 * _HOUR
    answer = await wire.produce(topic, batch(Rec(), Rec(at=ahead), Rec(), Rec(at=ahead)))
    assert [each["index"] for each in answer["record_errors"]] == [1, 3]
    assert answer["error_message"]


async def test_the_brokers_time_is_never_too_far_away(wire: Wire) -> None:
    """Where the producer's time does not count it is not looked at."""
    topic = await wire.topic(configs=_LATE)
    assert await wire.write(topic, Rec(at=now_ms() + 99 * _HOUR)) == 0


async def test_a_topic_may_take_any_time(wire: Wire) -> None:
    """The limit ahead is a setting."""
    topic = await wire.topic(configs={"message.timestamp.after.max.ms": str(2**63 - 1)})
    assert await wire.write(topic, Rec(at=now_ms() + 99 * _HOUR)) == 0


# -- what a record may be -----------------------------------------------------------

_SHAPES: Mapping[str, Rec] = {
    "bare": Rec(b"v"),
    "key": Rec(b"v", b"k"),
    "empty": Rec(b"", b""),
    "tombstone": Rec(None, b"k"),
    "nothing": Rec(None, None),
    "headers": Rec(b"v", b"k", None, (("a", b"1"), ("b", None), ("a", b""), ("", b"2"))),
    "binary": Rec(bytes(range(256)), b"\x00\xff"),
}


@pytest.mark.parametrize("shape", _SHAPES)
async def test_a_record_is_read_as_it_was_written(wire: Wire, shape: str) -> None:
    """Keys, values and headers may be empty or null, and header names may repeat."""
    topic, written = await wire.topic(), _SHAPES[shape]
    await wire.write(topic, written)
    (found,) = await wire.records(topic)
    assert (found.key, found.value, found.headers) == (
        written.key,
        written.value,
        tuple(written.headers),
    )


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_every_codec_passes_through(wire: Wire, broker_url: str, codec: str) -> None:
    """What aiokafka compresses stays as it is, and a consumer reads it."""
    topic = await wire.topic()
    values = [b"some text " * 50 + str(number).encode() for number in range(20)]
    async with producing(broker_url, compression_type=codec, linger_ms=20) as producer:
        sent = [await producer.send(topic, value, partition=0) for value in values]
        for each in sent:
            await each
    async with consuming(broker_url, topic, group_id=None) as consumer:
        assert [record.value for record in await take(consumer, 20)] == values
    codecs = {each & 7 for each in attributes((await wire.fetch(topic, 0))["records"])}
    assert codecs == {["", "gzip", "snappy", "lz4", "zstd"].index(codec)}


async def test_a_broker_may_compress_by_itself(wire: Wire, embedded: bool) -> None:
    """A topic whose `compression.type` is not the producer's is stored in its own codec.

    The embedded broker keeps the setting, and batches as they came: consumers read the same.
    """
    topic = await wire.topic(configs={"compression.type": "gzip"})
    await wire.write(topic, b"a", b"b")
    fetched = await wire.fetch(topic, 0)
    assert [record.value for record in await wire.records(topic)] == [b"a", b"b"]
    assert attributes(fetched["records"]) == [NONE if embedded else GZIP]


async def test_a_broker_may_decompress_by_itself(wire: Wire, embedded: bool) -> None:
    """`uncompressed` is a codec, too; the embedded broker keeps batches as they came."""
    topic = await wire.topic(configs={"compression.type": "uncompressed"})
    await wire.write(topic, b"a", b"b", codec=ZSTD)
    stored = attributes((await wire.fetch(topic, 0))["records"])
    assert stored == [ZSTD if embedded else NONE]
    assert [record.value for record in await wire.records(topic)] == [b"a", b"b"]


@pytest.mark.parametrize("policy", ["compact", "compact,delete"])
@pytest.mark.parametrize("codec", [NONE, ZSTD])
async def test_a_compacted_topic_takes_records_with_keys_only(
    wire: Wire, policy: str, codec: int
) -> None:
    """One record without a key, and the whole batch is refused."""
    topic = await wire.topic(configs={"cleanup.policy": policy})
    mixed = batch(Rec(key=b"k"), Rec(), Rec(key=b"k"), codec=codec)
    await wire.refuses(topic, mixed, ErrorCode.INVALID_RECORD)
    answer = await wire.produce(topic, mixed)
    assert [each["index"] for each in answer["record_errors"]] == [1]
    assert await wire.write(topic, Rec(key=b"")) == 0
