"""Outboxes: the same tests in SQLite and in PostgreSQL.

A relay dies before and after every step it has; another goes on. What the topic then holds is
every committed message at least once, its first copies in the order of their key, each message
with one id.
"""

import asyncio
import sqlite3
import uuid
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from google.protobuf.wrappers_pb2 import Int64Value
from support.postgres import PostgresServer

from callboard import ActorSystem, OutboxError, TransportUnavailable
from callboard.transport.delivery import Inbound, Outbound, Record
from callboard.transport.outbox import (
    Entry,
    Outbox,
    PostgresOutbox,
    Relay,
    SqliteOutbox,
    _relay,
)
from callboard.transport.publishers import Publisher


class _Died(BaseException):
    """The process of the relay is dead."""


class Log:
    """Topics in memory; what survives every relay."""

    def __init__(self) -> None:
        self.records: list[Inbound] = []
        self.refused: set[str] = set()

    async def produce(self, records: Sequence[Outbound]) -> list[int]:
        """Append records, unless their topic takes nothing."""
        await asyncio.sleep(0)
        if any(record.to.topic in self.refused for record in records):
            raise TransportUnavailable("scripted: the topic is away")
        for record in records:
            place = len(self.records)
            self.records.append(Record(place, record.key, record.value, list(record.headers)))
        return []

    def numbers(self) -> list[int]:
        """Return all copies of all messages, in their order."""
        return [Int64Value.FromString(record.value or b"").value for record in self.records]


class Mortal:
    """An outbox and a log that die at one of their steps, before or after it."""

    def __init__(self, outbox: Outbox, log: Log, step: int, *, after: bool) -> None:
        self.outbox, self.log = outbox, log
        self.steps = 0
        self._dies_at, self._after = step, after

    async def _step(self, work: Any) -> Any:
        self.steps += 1
        if self.steps == self._dies_at and not self._after:
            work.close()
            raise _Died
        result = await work
        if self.steps == self._dies_at:
            raise _Died
        return result

    async def open(self) -> None:
        await self._step(self.outbox.open())

    async def name(self) -> str:
        return str(await self._step(self.outbox.name()))

    async def lead(self) -> bool:
        return bool(await self._step(self.outbox.lead()))

    async def claim(self, limit: int, without: Collection[str]) -> list[Entry]:
        found: list[Entry] = await self._step(self.outbox.claim(limit, without))
        return found

    async def oldest(self) -> int:
        return int(await self._step(self.outbox.oldest()))

    async def forget(self, entries: Sequence[Entry]) -> None:
        await self._step(self.outbox.forget(entries))

    async def close(self) -> None:
        await self.outbox.close()

    async def produce(self, records: Sequence[Outbound]) -> list[int]:
        found: list[int] = await self._step(self.log.produce(records))
        return found


class Base(ABC):
    """A database with an outbox in it."""

    publisher: Publisher[Int64Value]

    @abstractmethod
    def outbox(self) -> Outbox:
        """Return the outbox as another process would have it."""

    @abstractmethod
    async def add(self, *numbers: int, commit: bool = True) -> None:
        """Write messages in one transaction."""

    @abstractmethod
    async def waiting(self) -> int:
        """Return how many messages wait."""


class Sqlite(Base):
    """SQLite."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def outbox(self) -> SqliteOutbox:
        return SqliteOutbox(self.path)

    async def add(self, *numbers: int, commit: bool = True) -> None:
        database = sqlite3.connect(self.path)
        for number in numbers:
            self.outbox().add(database, self.publisher, Int64Value(value=number))
        if commit:
            database.commit()
        else:
            database.rollback()
        database.close()

    async def waiting(self) -> int:
        database = sqlite3.connect(self.path)
        (count,) = database.execute("SELECT count(*) FROM callboard_outbox").fetchone()
        database.close()
        return int(count)


class Postgres(Base):
    """PostgreSQL."""

    def __init__(self, server: PostgresServer) -> None:
        self.dsn = server.dsn
        self.table = f"outbox_{uuid.uuid4().hex[:8]}"

    def outbox(self) -> PostgresOutbox:
        return PostgresOutbox(self.dsn, table=self.table)

    async def add(self, *numbers: int, commit: bool = True) -> None:
        connection = await asyncpg.connect(self.dsn)
        transaction = connection.transaction()
        await transaction.start()
        for number in numbers:
            await self.outbox().add(connection, self.publisher, Int64Value(value=number))
        await (transaction.commit() if commit else transaction.rollback())
        await connection.close()

    async def waiting(self) -> int:
        connection = await asyncpg.connect(self.dsn)
        count = await connection.fetchval(f"SELECT count(*) FROM {self.table}")
        await connection.close()
        return int(count)


def key_of(message: Int64Value) -> str:
    """Return one of three keys."""
    return f"k{message.value % 3}"


@pytest.fixture(params=["sqlite", "postgres"])
async def base(request: pytest.FixtureRequest, tmp_path: Path) -> Base:
    """Give a database with an empty outbox."""
    made: Base
    if request.param == "sqlite":
        made = Sqlite(tmp_path / "shop.db")
    else:
        made = Postgres(request.getfixturevalue("postgres"))
    made.publisher = ActorSystem("shop").publisher("numbers", Int64Value, key=key_of)
    outbox = made.outbox()
    await outbox.open()
    await outbox.close()
    return made


async def relay_all(outbox: Any, log: Any) -> None:
    """Relay as a process does that has nothing else to do."""
    relay = Relay(outbox, log, lambda: b"now", None)
    try:
        await outbox.open()
        relay._name = f"outbox-{await outbox.name()}"
        if await outbox.lead():
            while await relay.relay_some():
                pass
    finally:
        await outbox.close()


def check(log: Log, numbers: list[int], what: str) -> None:
    """Everything is there, first copies in the order of their key, one id for each message."""
    first = list(dict.fromkeys(log.numbers()))
    assert sorted(first) == sorted(numbers), what
    for key in range(3):
        own = [n for n in numbers if n % 3 == key]
        assert [n for n in first if n % 3 == key] == own, f"{what}: order of k{key}"
    ids: dict[bytes, int] = {}
    for record, number in zip(log.records, log.numbers(), strict=True):
        headers = dict(record.headers)
        assert ids.setdefault(headers["ce_id"], number) == number, what
        place = int(headers["ce_id"].rpartition(b":")[2].partition(b".")[0])
        assert int(headers["cb_floor"]) <= place, what
    assert len(ids) == len(numbers), what


async def test_what_is_committed_is_relayed_and_nothing_else(base: Base) -> None:
    """In the order of the transactions, with the headers of a CloudEvent."""
    log = Log()
    await base.add(*range(10))
    await base.add(100, 101, commit=False)
    await base.add(*range(10, 20))
    await relay_all(base.outbox(), log)
    assert log.numbers() == list(range(20))
    assert await base.waiting() == 0
    headers = dict(log.records[0].headers)
    assert headers["ce_type"] == b"google.protobuf.Int64Value"
    assert headers["content-type"] == b"application/protobuf"
    assert [record.key for record in log.records[:3]] == [b"k0", b"k1", b"k2"]
    check(log, list(range(20)), "faultless")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_relay_may_die_at_every_step(
    base: Base, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another goes on; then the first comes back with an old claim, and changes nothing."""
    monkeypatch.setattr(_relay, "_PIECE", 4)
    step = 0
    numbers: list[int] = []
    log = Log()
    while True:
        step += 1
        numbers.extend(range(len(numbers), len(numbers) + 10))
        await base.add(*numbers[-10:])
        mortal = Mortal(base.outbox(), log, step, after=after)
        try:
            await relay_all(mortal, mortal)
        except _Died:
            await base.add(*range(len(numbers), len(numbers) + 3))
            numbers.extend(range(len(numbers), len(numbers) + 3))
            await relay_all(base.outbox(), log)
            check(log, numbers, f"died at {step}")
        else:
            break
    assert step > 10
    check(log, numbers, "the last one lived")
    assert await base.waiting() == 0


async def test_one_relay_works_and_another_waits(base: Base) -> None:
    """Until the first lets go; what both would have done is done once."""
    first, second = base.outbox(), base.outbox()
    await first.open()
    await second.open()
    assert await first.lead()
    assert not await second.lead()
    assert await first.lead()
    await first.close()
    assert await second.lead()
    await second.close()


async def test_a_topic_that_takes_nothing_holds_up_no_other(base: Base) -> None:
    """Its messages wait where they are, and come in their order when it is back."""
    log = Log()
    log.refused.add("numbers")
    await base.add(1, 2)
    base.publisher, numbers = (
        ActorSystem("shop").publisher("others", Int64Value, key=key_of),
        base.publisher,
    )
    await base.add(3, 4)
    base.publisher = numbers
    await base.add(5)
    outbox = base.outbox()
    await outbox.open()
    assert await outbox.lead()
    relay = Relay(outbox, log, lambda: b"now", _Silent())
    for _ in range(3):
        await relay.relay_some()
    assert log.numbers() == [3, 4]
    log.refused.clear()
    async with asyncio.timeout(10):
        while await base.waiting():
            await relay.relay_some()
            await asyncio.sleep(0.05)
    await outbox.close()
    assert log.numbers() == [3, 4, 1, 2, 5]


class _Silent:
    """A log for what goes wrong on purpose."""

    def warning(self, event: str, **kwargs: object) -> None:
        """Say nothing."""


async def test_a_table_or_a_database_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """With what was given, and what is expected."""
    for bad in ("Out", "a b", "x;drop", "1x", ""):
        with pytest.raises(ValueError, match="lower-case letters"):
            SqliteOutbox(tmp_path / "a.db", table=bad)
        with pytest.raises(ValueError, match="lower-case letters"):
            PostgresOutbox("postgresql://x", table=bad)
    with pytest.raises(OutboxError, match="unable to open"):
        SqliteOutbox(tmp_path / "no" / "folder.db").create()
    with pytest.raises(OutboxError, match="in PostgreSQL"):
        await PostgresOutbox("postgresql://postgres@127.0.0.1:1/x").open()
