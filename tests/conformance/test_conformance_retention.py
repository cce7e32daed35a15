"""Records that are too old, or too many: they go from the front of a partition."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from support.kafka_clients import SECONDS
from support.record_batches import Rec, batch, now_ms
from support.wire import EARLIEST, KEPT, LATEST, Wire, wired
from support.wire_configs import SET, change

from callboard.transport.broker import Broker, BrokerOptions, ErrorCode

_HOUR = 3_600_000

# Apache Kafka deletes segments; with this each batch that is 10 ms younger begins one.
_SEGMENTS = {"segment.ms": "1"}


@pytest.fixture(params=["embedded", pytest.param("apache", marks=pytest.mark.kafka)])
async def wire(request: pytest.FixtureRequest) -> AsyncIterator[Wire]:
    """Give a connection to a broker that looks for what is to be deleted all the time."""
    if request.param == "apache":
        async with wired(request.getfixturevalue("apache_kafka").bootstrap) as connected:
            yield connected
        return
    options = BrokerOptions(housekeeping=0.05)
    async with Broker(options) as broker, wired(broker.bootstrap) as connected:
        yield connected


async def begins_at(wire: Wire, topic: str, first: int) -> None:
    """Wait until a partition begins at an offset."""
    async with asyncio.timeout(SECONDS):
        while (start := (await wire.offset(topic, EARLIEST))["offset"]) != first:
            assert start < first, f"begins at {start} already, beyond {first}"
            await asyncio.sleep(0.02)


async def a_round_later(wire: Wire) -> None:
    """Wait until the broker has deleted something that is older than this call."""
    for _ in range(2):
        topic = await wire.topic(configs={"retention.ms": "1000"})
        await wire.write(topic, Rec(at=now_ms() - _HOUR))
        await begins_at(wire, topic, 1)


async def test_old_records_go(wire: Wire) -> None:
    """Those that are older than `retention.ms`, and the partition begins with the next."""
    topic = await wire.topic(configs={**_SEGMENTS, "retention.ms": str(_HOUR)})
    for age in (3, 2, 0):
        await wire.write(topic, Rec(b"%d" % age, at=now_ms() - age * _HOUR))
    await begins_at(wire, topic, 2)
    assert [record.value for record in await wire.records(topic, 2)] == [b"0"]
    assert (await wire.fetch(topic, 1))["error_code"] == ErrorCode.OFFSET_OUT_OF_RANGE


async def test_when_all_are_old_the_partition_is_empty(wire: Wire) -> None:
    """It begins where it ends, and goes on with the next offset."""
    topic = await wire.topic(configs={"retention.ms": str(_HOUR)})
    await wire.write(topic, *(Rec(at=now_ms() - 2 * _HOUR) for _ in range(3)))
    await begins_at(wire, topic, 3)
    assert (await wire.offset(topic, LATEST))["offset"] == 3
    assert await wire.write(topic, b"new") == 3


async def test_a_record_is_as_old_as_the_newest_of_its_batch(wire: Wire) -> None:
    """Old records stay as long as there is a young one among them."""
    topic = await wire.topic(configs={"retention.ms": str(_HOUR)})
    await wire.write(topic, Rec(at=now_ms() - 9 * _HOUR), Rec(at=now_ms()))
    await a_round_later(wire)
    assert (await wire.offset(topic, EARLIEST))["offset"] == 0


async def test_an_old_record_behind_a_young_one_stays(wire: Wire) -> None:
    """Deleting begins at the front and ends at the first that is to stay."""
    topic = await wire.topic(configs={**_SEGMENTS, "retention.ms": str(_HOUR)})
    await wire.write(topic, Rec(at=now_ms()))
    await wire.write(topic, Rec(at=now_ms() - 9 * _HOUR))
    await wire.write(topic, Rec(at=now_ms() + 1000))
    await a_round_later(wire)
    assert (await wire.offset(topic, EARLIEST))["offset"] == 0


async def test_records_may_be_kept_for_ever(wire: Wire) -> None:
    """A retention of -1, whatever their age."""
    topic = await wire.topic(configs=KEPT)
    await wire.write(topic, Rec(at=1000))
    await a_round_later(wire)
    assert len(await wire.records(topic)) == 1


async def test_a_compacted_topic_has_no_age(wire: Wire) -> None:
    """`retention.ms` is for the policy `delete` only."""
    topic = await wire.topic(configs={"cleanup.policy": "compact", "retention.ms": "1000"})
    await wire.write(topic, Rec(key=b"k", at=1000))
    await a_round_later(wire)
    assert len(await wire.records(topic)) == 1


async def test_both_policies_delete_what_is_old(wire: Wire) -> None:
    """A topic that compacts and deletes does both."""
    topic = await wire.topic(configs={"cleanup.policy": "compact,delete", "retention.ms": "1000"})
    await wire.write(topic, Rec(key=b"k", at=1000))
    await begins_at(wire, topic, 1)


async def test_too_many_bytes_go(wire: Wire) -> None:
    """As many batches as can go with `retention.bytes` still left, from the oldest on."""
    size = len(batch(Rec(b"x" * 1000)))
    topic = await wire.topic(configs={**_SEGMENTS, "retention.bytes": str(size * 5 // 2)})
    for age in range(5, 0, -1):
        await wire.write(topic, Rec(b"x" * 1000, at=now_ms() - 10_000 * age))
    await begins_at(wire, topic, 2)
    await a_round_later(wire)
    assert [record.offset for record in await wire.records(topic, 2)] == [2, 3, 4]


async def test_a_setting_that_changes_is_followed(wire: Wire) -> None:
    """Records that were to stay go when the topic says so."""
    topic = await wire.topic(configs=KEPT)
    await wire.write(topic, Rec(at=1000))
    await change(wire, topic, ("retention.ms", SET, "1000"))
    await begins_at(wire, topic, 1)
