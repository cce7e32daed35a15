"""Transactions that take too long are ended by the broker."""

import asyncio

import pytest
from support.kafka_clients import SECONDS
from support.record_batches import read
from support.wire import COMMITTED, LATEST, Wire
from support.wire_groups import Offset, fetched, new_group
from support.wire_transactions import ABORT, COMMIT, Writer

from callboard.transport.broker import ErrorCode

SHORT_MS = 300
MOST_MS = 900_000


async def given_up(wire: Wire, topic: str) -> float:
    """Wait until nothing in a topic is held back; return how many seconds that took."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with asyncio.timeout(SECONDS):
        while True:
            stable = await wire.offset(topic, LATEST, isolation_level=COMMITTED)
            if stable["offset"] == (await wire.offset(topic, LATEST))["offset"]:
                return loop.time() - begun
            await asyncio.sleep(0.02)


@pytest.fixture
async def hung(wire: Wire) -> Writer:
    """Give a producer whose transactions may not take long."""
    made = Writer(wire, timeout_ms=SHORT_MS)
    await made.begin()
    return made


@pytest.mark.parametrize("timeout_ms", [0, -1, MOST_MS + 1, 2**31 - 1])
async def test_a_time_out_has_bounds(wire: Wire, timeout_ms: int) -> None:
    """INVALID_TRANSACTION_TIMEOUT unless it is above nothing and at most a quarter of an hour."""
    answer = await Writer(wire, timeout_ms=timeout_ms).ask_for_id()
    assert answer["error_code"] == ErrorCode.INVALID_TRANSACTION_TIMEOUT
    assert (answer["producer_id"], answer["producer_epoch"]) == (-1, -1)


async def test_the_longest_time_out_is_a_quarter_of_an_hour(wire: Wire) -> None:
    """900,000 ms are taken."""
    assert (await Writer(wire, timeout_ms=MOST_MS).begin()).epoch == 0


async def test_without_a_transactional_id_it_means_nothing(wire: Wire) -> None:
    """A producer that is idempotent only may say what it likes."""
    for timeout_ms in (0, 2**31 - 1):
        answer = await wire.ask("init_producer_id", 1, transactional_id=None, timeout_ms=timeout_ms)
        assert (answer["error_code"], answer["producer_epoch"]) == (ErrorCode.NONE, 0)


async def test_a_hung_transaction_is_aborted(wire: Wire, hung: Writer) -> None:
    """After its time-out, not before; what was behind it can be read."""
    topic = await wire.topic()
    await hung.open(topic, b"hung")
    await wire.write(topic, b"behind")
    assert await given_up(wire, topic) > SHORT_MS / 1000 / 2
    answer = await wire.fetch(topic, 0, isolation_level=COMMITTED)
    assert answer["aborted"] == [{"producer_id": hung.producer.id, "first_offset": 0}]
    records = read(answer["records"])
    assert [each.value for each in records[:2]] == [b"hung", b"behind"]
    assert records[2].key == b"\x00\x00\x00\x00"


@pytest.mark.parametrize("version", [0, 2])
async def test_whose_transaction_hung_is_fenced(wire: Wire, hung: Writer, version: int) -> None:
    """It is too late to commit, to abort, or to write more."""
    topic = await wire.topic()
    await hung.open(topic, b"hung")
    await given_up(wire, topic)
    code = ErrorCode.PRODUCER_FENCED if version == 2 else ErrorCode.INVALID_PRODUCER_EPOCH
    assert await hung.end(COMMIT, version=version) == code
    assert await hung.end(ABORT, version=version) == code
    assert await hung.add(topic, version=version) == code
    assert await hung.add_offsets("g", version=version) == code
    refused = await hung.write(topic, b"more")
    assert refused["error_code"] == ErrorCode.INVALID_PRODUCER_EPOCH


async def test_whose_transaction_hung_may_start_again(wire: Wire, hung: Writer) -> None:
    """With the same id it is the next producer, two epochs on, and its transactions count."""
    topic = await wire.topic()
    await hung.open(topic, b"hung")
    before = hung.producer
    await given_up(wire, topic)
    hung.timeout_ms = MOST_MS  # it is not to hang again, on a slow machine
    assert await hung.begin() == before._replace(epoch=before.epoch + 2)
    await hung.open(topic, b"again")
    await hung.commit()
    answer = await wire.fetch(topic, 2, isolation_level=COMMITTED)
    assert [each.value for each in read(answer["records"])][:1] == [b"again"]
    assert answer["aborted"] == []


async def test_time_counts_from_where_it_begins(wire: Wire) -> None:
    """Not from the producer's start: it may be idle for longer than its transactions may take."""
    topic = await wire.topic()
    idle, other = Writer(wire, timeout_ms=2_000), Writer(wire, timeout_ms=2_500)
    await idle.begin()
    await other.begin()
    await other.open(topic, b"measures the time")
    await given_up(wire, topic)
    last = await idle.open(topic, b"in time")
    await idle.commit()
    answer = await wire.fetch(topic, last, isolation_level=COMMITTED)
    assert (answer["aborted"], read(answer["records"])[0].value) == ([], b"in time")


async def test_writing_does_not_make_it_last_longer(wire: Wire, hung: Writer) -> None:
    """However busy the producer is, and however often it adds partitions."""
    topic = await wire.topic()
    await hung.open(topic, b"0")
    async with asyncio.timeout(SECONDS):
        while (code := await hung.add(topic)) == ErrorCode.NONE:
            await hung.write(topic, b"more")
            await asyncio.sleep(0.02)
    assert code == ErrorCode.PRODUCER_FENCED
    await given_up(wire, topic)


async def test_offsets_of_a_hung_transaction_are_dropped(wire: Wire, hung: Writer) -> None:
    """As with any abort; and the group is free for the next producer's."""
    topic, group = await wire.topic(), await new_group(wire)
    await hung.open(topic, b"hung")
    await hung.add_offsets(group)
    await hung.commit_offset(group, topic, 1)
    await given_up(wire, topic)
    assert await fetched(wire, group) == {}
    await hung.begin()
    await hung.add_offsets(group)
    await hung.commit_offset(group, topic, 2)
    await hung.commit()
    async with asyncio.timeout(SECONDS):
        while await fetched(wire, group) != {(topic, 0): Offset(2)}:
            await asyncio.sleep(0.01)


async def test_each_start_may_change_the_time_out(wire: Wire, hung: Writer) -> None:
    """The last one's counts."""
    topic = await wire.topic()
    patient = Writer(wire, hung.id)
    await patient.begin()
    await patient.open(topic, b"slow")
    other = Writer(wire, timeout_ms=2 * SHORT_MS)
    await other.begin()
    behind = await wire.topic()
    await other.open(behind, b"measures the time")
    await given_up(wire, behind)
    await patient.commit()
    answer = await wire.fetch(topic, 0, isolation_level=COMMITTED)
    assert answer["aborted"] == []
