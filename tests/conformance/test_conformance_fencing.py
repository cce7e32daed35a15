"""Fencing: of producers with one transactional id only the last to start may go on."""

import pytest
from aiokafka.errors import ProducerFenced
from support.kafka_clients import consuming, producing, take, until
from support.record_batches import read
from support.wire import COMMITTED, Wire
from support.wire_transactions import ABORT, COMMIT, Writer

from callboard.transport.broker import ErrorCode

EPOCH = ErrorCode.INVALID_PRODUCER_EPOCH
FENCED = ErrorCode.PRODUCER_FENCED
CONCURRENT = ErrorCode.CONCURRENT_TRANSACTIONS


@pytest.fixture
async def topic(wire: Wire) -> str:
    """Give a topic of one partition."""
    return await wire.topic()


@pytest.fixture
async def zombie(wire: Wire) -> Writer:
    """Give a producer that has been replaced and does not know; it was doing nothing."""
    former = Writer(wire)
    await former.begin()
    await Writer(wire, former.id).begin()
    return former


@pytest.mark.parametrize(("version", "code"), [(0, EPOCH), (1, EPOCH), (2, FENCED)])
async def test_the_coordinator_refuses_the_former_producer(
    topic: str, zombie: Writer, version: int, code: ErrorCode
) -> None:
    """INVALID_PRODUCER_EPOCH in the versions aiokafka sends, PRODUCER_FENCED in later ones."""
    assert await zombie.add(topic, version=version) == code
    assert await zombie.add_offsets("g", version=version) == code
    for how in (COMMIT, ABORT):
        assert await zombie.end(how, version=version) == code


@pytest.mark.parametrize("version", [0, 2])
async def test_an_epoch_that_was_never_given_out_is_refused_alike(
    topic: str, zombie: Writer, version: int
) -> None:
    """The coordinator knows one epoch and no other."""
    code = FENCED if version == 2 else EPOCH
    later = {"version": version, "producer_epoch": zombie.producer.epoch + 9}
    assert await zombie.add(topic, **later) == code
    assert await zombie.add_offsets("g", **later) == code
    assert await zombie.end(COMMIT, **later) == code


async def test_partitions_refuse_the_former_producer(topic: str, zombie: Writer) -> None:
    """INVALID_PRODUCER_EPOCH, though the partition has heard of neither."""
    assert (await zombie.write(topic, b"late"))["error_code"] == EPOCH


async def test_a_start_ends_the_former_transaction(wire: Wire, topic: str) -> None:
    """It is aborted: the new producer is told CONCURRENT_TRANSACTIONS until that is done."""
    former = Writer(wire)
    await former.begin()
    await wire.write(topic, b"before")
    await former.open(topic, b"half")
    successor = Writer(wire, former.id)
    assert (await successor.ask_for_id())["error_code"] == CONCURRENT
    await successor.begin()
    answer = await wire.fetch(topic, 0, isolation_level=COMMITTED)
    assert answer["last_stable_offset"] == answer["high_watermark"] == 3
    assert answer["aborted"] == [{"producer_id": former.producer.id, "first_offset": 1}]


async def test_ending_a_transaction_takes_an_epoch_of_its_own(wire: Wire, topic: str) -> None:
    """The abort is written with the epoch between the former producer's and the new one's."""
    former = Writer(wire)
    await former.begin()
    await former.open(topic, b"half")
    successor = Writer(wire, former.id)
    await successor.begin()
    assert successor.producer == former.producer._replace(epoch=2)
    data = (await wire.fetch(topic, 1))["records"]
    assert [each.key for each in read(data)] == [b"\x00\x00\x00\x00"]
    assert int.from_bytes(data[51:53]) == 1


@pytest.mark.parametrize(("version", "code"), [(0, EPOCH), (1, EPOCH), (2, FENCED)])
async def test_who_was_in_a_transaction_cannot_go_on(
    wire: Wire, topic: str, version: int, code: ErrorCode
) -> None:
    """Neither commit nor abort, nor write more, nor begin another."""
    former = Writer(wire)
    await former.begin()
    await former.open(topic, b"half")
    await Writer(wire, former.id).begin()
    assert await former.end(COMMIT, version=version) == code
    assert await former.end(ABORT, version=version) == code
    assert await former.add(topic, version=version) == code
    assert (await former.write(topic, b"more"))["error_code"] == EPOCH


async def test_offsets_of_the_former_producer_are_refused(wire: Wire, topic: str) -> None:
    """INVALID_PRODUCER_EPOCH in every version; the new one's are taken."""
    former = Writer(wire)
    await former.begin()
    group = f"{topic}-group"
    await former.add_offsets(group)
    successor = Writer(wire, former.id)
    await successor.begin()
    for version in (0, 2):
        assert await former.commit_offset(group, topic, 1, version=version) == EPOCH
    await successor.add_offsets(group)
    assert await successor.commit_offset(group, topic, 1) == ErrorCode.NONE


async def test_the_successor_is_not_disturbed(wire: Wire, topic: str, zombie: Writer) -> None:
    """What the former one tries does not touch the transaction of the new one."""
    successor = Writer(wire, zombie.id)
    await successor.begin()
    await successor.open(topic, b"mine")
    assert await zombie.end(ABORT) == FENCED
    assert (await zombie.write(topic, b"not mine"))["error_code"] == EPOCH
    await successor.commit()
    answer = await wire.fetch(topic, 0, isolation_level=COMMITTED)
    assert [each.value for each in read(answer["records"])][:-1] == [b"mine"]
    assert answer["aborted"] == []


async def test_ids_do_not_fence_each_other(wire: Wire, topic: str) -> None:
    """A start ends the transactions of its own id only."""
    former, other = Writer(wire), Writer(wire)
    await former.begin()
    await other.begin()
    await former.open(topic, b"a")
    await Writer(wire, other.id).begin()
    await former.commit()
    answer = await wire.fetch(topic, 0, isolation_level=COMMITTED)
    assert read(answer["records"])[0].value == b"a"


async def test_a_start_after_a_commit_fences_nothing_else(wire: Wire, topic: str) -> None:
    """What was committed stays, and the epoch goes on by one."""
    former = Writer(wire)
    await former.begin()
    await former.open(topic, b"done")
    await former.commit()
    successor = Writer(wire, former.id)
    await successor.begin()
    assert successor.producer == former.producer._replace(epoch=1)
    answer = await wire.fetch(topic, 0, isolation_level=COMMITTED)
    assert (answer["aborted"], read(answer["records"])[0].value) == ([], b"done")


async def test_aiokafkas_former_producer_learns_it(wire: Wire, broker_url: str) -> None:
    """`ProducerFenced` from its commit, and its records are not read as committed."""
    topic = await wire.topic()
    options = {"transactional_id": f"{topic}-producer"}
    async with producing(broker_url, **options) as former:
        await former.begin_transaction()
        await former.send_and_wait(topic, b"old", partition=0)
        async with producing(broker_url, **options) as successor:
            with pytest.raises(ProducerFenced):
                await former.commit_transaction()
            async with successor.transaction():
                await successor.send_and_wait(topic, b"new", partition=0)
            async with consuming(broker_url, isolation_level="read_committed") as consumer:
                consumer.subscribe([topic])
                await until(lambda: bool(consumer.assignment()), "a partition")
                assert [record.value for record in await take(consumer, 1)] == [b"new"]
