"""Compaction: of each key, the last record stays where it is."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
from support.kafka_clients import SECONDS
from support.record_batches import (
    GZIP,
    HEADER_BYTES,
    LZ4,
    NONE,
    SNAPPY,
    ZSTD,
    Read,
    Rec,
    batch,
    now_ms,
)
from support.record_batches import attributes as attributes_of
from support.wire import EARLIEST, LATEST, Wire, wired
from support.wire_configs import SET, change

from callboard.transport.broker import Broker, BrokerOptions, ErrorCode

_HOUR = 3_600_000

# Each batch here is 10 s younger than the one before, so that for Apache Kafka it begins
# a segment, and all but the last may be compacted at once.
_COMPACTED: Mapping[str, str] = {
    "cleanup.policy": "compact",
    "segment.ms": "1",
    "min.cleanable.dirty.ratio": "0.0",
}
_STEP = 10_000


@pytest.fixture(params=["embedded", pytest.param("apache", marks=pytest.mark.kafka)])
async def wire(request: pytest.FixtureRequest) -> AsyncIterator[Wire]:
    """Give a connection to a broker that looks for what is to be compacted all the time."""
    if request.param == "apache":
        async with wired(request.getfixturevalue("apache_kafka").bootstrap) as connected:
            yield connected
        return
    options = BrokerOptions(housekeeping=0.05)
    async with Broker(options) as broker, wired(broker.bootstrap) as connected:
        yield connected


class Written:
    """A compacted topic, and what is written to it with the times it needs."""

    def __init__(self, wire: Wire, topic: str, start: int) -> None:
        self.topic = topic
        self._wire = wire
        self._next = start

    async def batch(self, *records: tuple[str, str | None], codec: int = NONE) -> None:
        """Write keys and values as one batch; None is a tombstone."""
        made = [
            Rec(None if value is None else value.encode(), key.encode(), self._next)
            for key, value in records
        ]
        self._next += _STEP
        await self._wire.write(self.topic, *made, codec=codec)

    async def end(self) -> None:
        """Write a last batch, which is never compacted, so that all before it may be."""
        await self.batch(("end", "of log"))

    async def found(self) -> list[tuple[int, str, str | None]]:
        """Return offset, key and value of all records but those of `end`."""
        return [told(record) for record in await self._wire.records(self.topic) if not ends(record)]

    async def becomes(self, *expected: tuple[int, str, str | None]) -> None:
        """Wait until the topic holds these records and no others."""
        await self.until(lambda found: found == list(expected), str(expected))

    async def until(
        self, condition: Callable[[list[tuple[int, str, str | None]]], bool], what: str
    ) -> None:
        """Wait until what the topic holds fulfills a condition."""
        deadline = asyncio.get_running_loop().time() + SECONDS
        while not condition(found := await self.found()):
            assert asyncio.get_running_loop().time() < deadline, f"{found}, and not {what}"
            await asyncio.sleep(0.02)


def told(record: Read) -> tuple[int, str, str | None]:
    """Return what a test wants to see of a record."""
    value = None if record.value is None else record.value.decode()
    return record.offset, (record.key or b"").decode(), value


def ends(record: Read) -> bool:
    """Tell whether a record was written by `Written.end`."""
    return record.key == b"end"


async def compacted(wire: Wire, **configs: str) -> Written:
    """Return a new topic that is compacted; its records begin two hours ago."""
    own = {name.replace("_", "."): value for name, value in configs.items()}
    topic = await wire.topic(configs={**_COMPACTED, **own})
    return Written(wire, topic, now_ms() - 2 * _HOUR)


async def a_round_later(wire: Wire) -> None:
    """Wait until the broker has compacted something that is newer than this call."""
    log = await compacted(wire)
    for value in ("1", "2"):
        await log.batch(("k", value))
    await log.end()
    await log.becomes((1, "k", "2"))


async def test_of_each_key_the_last_record_stays(wire: Wire) -> None:
    """At the offset it always had; the others leave gaps."""
    log = await compacted(wire)
    for key, value in (("a", "1"), ("b", "2"), ("a", "3"), ("c", "4"), ("a", "5")):
        await log.batch((key, value))
    await log.end()
    await log.becomes((1, "b", "2"), (3, "c", "4"), (4, "a", "5"))


async def test_the_ends_of_the_log_stay(wire: Wire) -> None:
    """The first offset is still 0 though there is no record at it, and the next is the next."""
    log = await compacted(wire)
    for value in ("1", "2", "3"):
        await log.batch(("a", value))
    await log.end()
    await log.becomes((2, "a", "3"))
    assert (await wire.offset(log.topic, EARLIEST))["offset"] == 0
    assert (await wire.offset(log.topic, LATEST))["offset"] == 4


async def test_reading_from_a_gap_gives_what_comes_behind(wire: Wire) -> None:
    """An offset whose record is gone is not out of range."""
    log = await compacted(wire)
    for value in ("1", "2", "3"):
        await log.batch(("a", value))
    await log.end()
    await log.becomes((2, "a", "3"))
    for offset in (0, 1, 2):
        assert (await wire.records(log.topic, offset))[0].offset == 2


async def test_a_batch_keeps_the_records_that_are_the_last(wire: Wire) -> None:
    """Records of one batch go and stay each for itself, with time and place."""
    log = await compacted(wire)
    await log.batch(("a", "1"), ("b", "2"), ("c", "3"), ("a", "4"))
    await log.batch(("b", "5"))
    await log.end()
    before = {record.offset: record for record in await wire.records(log.topic)}
    await log.becomes((2, "c", "3"), (3, "a", "4"), (4, "b", "5"))
    for record in await wire.records(log.topic):
        assert record == before[record.offset]


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD])
async def test_compressed_batches_stay_compressed(wire: Wire, codec: int) -> None:
    """In their codec, in a form that Java reads, too."""
    log = await compacted(wire)
    await log.batch(("a", "1"), ("b", "2"), ("c", "3"), codec=codec)
    await log.batch(("b", "4"), codec=codec)
    await log.end()
    await log.becomes((0, "a", "1"), (2, "c", "3"), (3, "b", "4"))
    records = (await wire.fetch(log.topic, 0))["records"]
    assert attributes_of(records)[0] == codec
    if codec == LZ4:  # its frame says that blocks stand alone: Java's reader knows no others
        assert records[HEADER_BYTES + 4] & 0x20


async def test_the_last_batch_is_left_alone(wire: Wire) -> None:
    """What is being written to neither goes nor makes others go."""
    log = await compacted(wire)
    for value in ("1", "2", "3"):
        await log.batch(("a", value))
    await log.becomes((1, "a", "2"), (2, "a", "3"))
    await a_round_later(wire)
    assert await log.found() == [(1, "a", "2"), (2, "a", "3")]


async def test_young_records_are_left_alone(wire: Wire) -> None:
    """Those younger than `min.compaction.lag.ms`."""
    log = await compacted(wire, min_compaction_lag_ms=str(5 * _HOUR))
    for value in ("1", "2", "3"):
        await log.batch(("a", value))
    await log.end()
    await a_round_later(wire)
    assert [value for _, _, value in await log.found()] == ["1", "2", "3"]


async def test_a_log_that_is_clean_enough_is_left_alone(wire: Wire) -> None:
    """Compaction waits until `min.cleanable.dirty.ratio` of the bytes are new."""
    log = await compacted(wire)
    for key in "abcdefghij":
        await log.batch((key, "x" * 200))
    await log.batch(("a", "1"))
    await log.end()
    await log.until(lambda found: found[0][1] == "b", "without the first a")
    await change(wire, log.topic, ("min.cleanable.dirty.ratio", SET, "0.9"))
    await a_round_later(wire)
    await log.batch(("b", "1"))
    await log.end()
    await a_round_later(wire)
    assert (await log.found())[0] == (1, "b", "x" * 200)


async def test_a_tombstone_removes_its_key(wire: Wire) -> None:
    """The records before it go; the tombstone stays for `delete.retention.ms`."""
    log = await compacted(wire)
    for value in ("1", "2", None):
        await log.batch(("a", value))
    await log.end()
    await log.becomes((2, "a", None))
    await a_round_later(wire)
    assert await log.found() == [(2, "a", None)]


async def test_a_tombstone_goes_in_the_end(wire: Wire) -> None:
    """At a compaction after `delete.retention.ms`; nothing of the key is left then."""
    log = await compacted(wire, delete_retention_ms="100")
    for value in ("1", None):
        await log.batch(("a", value))
    await log.end()
    await log.becomes((1, "a", None))
    async with asyncio.timeout(SECONDS):
        while (await log.found())[0][1] == "a":
            await log.batch(("b", "makes another compaction worth while"))
            await asyncio.sleep(0.05)
    assert all(key == "b" for _, key, _ in await log.found())


async def test_a_key_may_come_back_after_its_tombstone(wire: Wire) -> None:
    """The later record counts, and the tombstone goes like any older record."""
    log = await compacted(wire)
    for value in ("1", None, "2"):
        await log.batch(("a", value))
    await log.end()
    await log.becomes((2, "a", "2"))


async def test_an_empty_key_is_a_key(wire: Wire) -> None:
    """It is compacted as the others are."""
    log = await compacted(wire)
    for value in ("1", "2"):
        await log.batch(("", value))
    await log.end()
    await log.becomes((1, "", "2"))


async def test_a_time_is_found_in_what_is_left(wire: Wire) -> None:
    """The first record that is not older, of those that are still there."""
    log = await compacted(wire)
    for value in ("1", "2", "3"):
        await log.batch(("a", value))
    await log.end()
    await log.becomes((2, "a", "3"))
    assert (await wire.offset(log.topic, 0))["offset"] == 2


async def test_a_producer_goes_on_after_its_records_are_gone(wire: Wire) -> None:
    """Compaction forgets records, and not who wrote them."""
    log, producer = await compacted(wire), await wire.new_producer()
    at = now_ms() - 2 * _HOUR
    for number in range(2):
        mine = batch(Rec(b"v", b"a", at + number), producer=producer, sequence=number)
        await wire.produce(log.topic, mine)
    await log.batch(("a", "other"))
    await log.batch(("a", "last"))
    await log.end()
    await log.becomes((3, "a", "last"))

    keyed = batch(Rec(b"v", b"b"), producer=producer, sequence=2)
    gap = batch(Rec(b"v", b"b"), producer=producer, sequence=9)
    refused = await wire.produce(log.topic, gap)
    assert refused["error_code"] == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert (await wire.produce(log.topic, keyed))["base_offset"] == 5
    assert (await wire.produce(log.topic, keyed))["base_offset"] == 5


async def test_a_topic_may_become_compacted(wire: Wire) -> None:
    """What was written before the policy changed is compacted, too."""
    log = await compacted(wire, cleanup_policy="delete")
    for value in ("1", "2", "3"):
        await log.batch(("a", value))
    await log.end()
    await change(wire, log.topic, ("cleanup.policy", SET, "compact"))
    await log.becomes((2, "a", "3"))
