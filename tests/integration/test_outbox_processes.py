"""An outbox beside real processes: relays that are killed, a broker that is away, and once."""

import asyncio
import sqlite3
import sys
import uuid
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import asyncpg
import pytest
from google.protobuf.struct_pb2 import ListValue
from google.protobuf.wrappers_pb2 import Int64Value, StringValue
from support.consuming import QUICK, fresh, make_topic, number, shop, until, write
from support.postgres import PostgresServer

from callboard import ActorSystem, ConsumerContext, Entity, handler
from callboard.transport.outbox import (
    PostgresOutbox,
    PostgresSeen,
    SqliteOutbox,
    SqliteSeen,
    request_hash,
)

pytestmark = pytest.mark.slow

RELAY = """
import asyncio, sys
from callboard import ActorSystem
from callboard.transport.outbox import PostgresOutbox, SqliteOutbox

async def main(url, kind, where, table):
    system = ActorSystem("relay", transport=url)
    system.relay(SqliteOutbox(where) if kind == "sqlite" else PostgresOutbox(where, table=table))
    async with system:
        await system.wait_stopped()

asyncio.run(main(*sys.argv[1:]))
"""


class Kept(Entity):
    """Keeps what it is told, in order."""

    partitions = 2
    state: ListValue

    @handler
    def told(self, message: Int64Value) -> ListValue:
        """Remember a number, and answer with all."""
        if message.value >= 0:
            self.state.values.add().number_value = message.value
        return self.state


@asynccontextmanager
async def relay(*arguments: str) -> AsyncGenerator[Process]:
    """Run a relay in a process of its own, and kill it at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RELAY, *arguments, stdout=PIPE, stderr=PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        await process.communicate()


async def add_to_sqlite(path: Path, system: ActorSystem, topic: str, numbers: range) -> None:
    """Write messages as an application does, in transactions of five."""
    publisher = system.publisher(topic, Int64Value, key=lambda m: f"k{m.value % 5}")
    outbox = SqliteOutbox(path)
    for start in numbers[::5]:
        with sqlite3.connect(path, timeout=10) as database:
            for value in range(start, start + 5):
                outbox.add(database, publisher, Int64Value(value=value))
        database.close()


async def add_to_postgres(
    dsn: str, table: str, system: ActorSystem, topic: str, numbers: range
) -> None:
    """Write messages as an application does, in transactions of five."""
    publisher = system.publisher(topic, Int64Value, key=lambda m: f"k{m.value % 5}")
    outbox = PostgresOutbox(dsn, table=table)
    connection = await asyncpg.connect(dsn)
    for start in numbers[::5]:
        async with connection.transaction():
            for value in range(start, start + 5):
                await outbox.add(connection, publisher, Int64Value(value=value))
    await connection.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_relays_are_killed_and_entities_have_everything_once(
    broker_url: str, kind: str, tmp_path: Path, postgres: PostgresServer
) -> None:
    """Two relays, each killed in turn with kill -9, while an application writes."""
    name, topic = fresh("shop"), fresh("numbers")
    await make_topic(broker_url, topic)
    table = f"outbox_{uuid.uuid4().hex[:8]}"
    where = str(tmp_path / "shop.db") if kind == "sqlite" else postgres.dsn
    system = shop(broker_url, name)
    handled: list[int] = []

    @system.consumer(topic, to=Kept)
    def on_number(message: Int64Value) -> None:
        handled.append(message.value)

    add: Callable[[range], Awaitable[None]]
    if kind == "sqlite":
        SqliteOutbox(where).create()
        add = partial(add_to_sqlite, tmp_path / "shop.db", system, topic)
    else:
        await PostgresOutbox(where, table=table).create()
        add = partial(add_to_postgres, where, table, system, topic)

    arguments = (f"kafka://{broker_url}", kind, where, table)
    async with system:
        for turn in range(3):
            async with relay(*arguments), relay(*arguments):
                wanted = len(set(handled)) + 100
                await add(range(turn * 400, turn * 400 + 400))
                await until(lambda wanted=wanted: len(set(handled)) >= wanted, 30)  # type: ignore[misc]
        async with relay(*arguments):
            await until(lambda: len(set(handled)) == 1200, 40)
            kept = [system.entity(Kept, f"k{n}") for n in range(5)]
            async with asyncio.timeout(30):
                while True:
                    states = [await each.ask(Int64Value(value=-1), timeout=20.0) for each in kept]
                    if sum(len(state.values) for state in states) >= 1200:
                        break

    for key, state in enumerate(states):
        assert [value.number_value for value in state.values] == list(range(key, 1200, 5))


async def test_an_effect_happens_once_with_a_memory_in_its_own_transaction(
    broker_url: str, tmp_path: Path, postgres: PostgresServer
) -> None:
    """By message id, and by what the request says; a rolled back effect is not remembered."""
    name, topic = fresh("shop"), fresh("numbers")
    await make_topic(broker_url, topic)
    path, table = tmp_path / "shop.db", f"seen_{uuid.uuid4().hex[:8]}"
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE effects (number INTEGER)")
    made.close()
    by_id = SqliteSeen(path)
    by_hash = PostgresSeen(table=table)
    connection = await asyncpg.connect(postgres.dsn)
    await by_hash.create(connection)
    await connection.execute(f"CREATE TABLE effects_{table} (number INTEGER)")
    calls: list[tuple[str, int]] = []

    async def run(group: str, wanted: int) -> None:
        system = shop(broker_url, name)

        @system.consumer(topic, name="ids", group=f"{name}.ids.{group}", retry=QUICK)
        def with_sqlite(message: Int64Value, context: ConsumerContext) -> None:
            calls.append(("ids", message.value))
            database = sqlite3.connect(path, timeout=10)
            try:
                with database:
                    if by_id.first(database, "ids", context.message_id):
                        database.execute("INSERT INTO effects VALUES (?)", (message.value,))
                        if message.value == 3 and calls.count(("ids", 3)) == 1:
                            raise ValueError("rolled back")
            finally:
                database.close()

        @system.consumer(topic, name="hashes", group=f"{name}.hashes.{group}", concurrency=1)
        async def with_postgres(message: Int64Value) -> None:
            async with connection.transaction():
                said = request_hash("pay", str(message.value % 10))
                if await by_hash.first(connection, "hashes", said):
                    await connection.execute(
                        f"INSERT INTO effects_{table} VALUES ($1)", message.value
                    )
            calls.append(("hashes", message.value))

        async with system:
            await until(lambda: len(calls) >= wanted)

    await write(broker_url, topic, [(f"k{n % 3}", number(n)) for n in range(20)])
    await run("first", 41)
    await run("again", 81)
    with sqlite3.connect(path) as database:
        effects = sorted(value for (value,) in database.execute("SELECT number FROM effects"))
    database.close()
    assert effects == list(range(20))
    rows = await connection.fetch(f"SELECT number FROM effects_{table}")
    assert sorted(row["number"] % 10 for row in rows) == list(range(10))
    await connection.close()


async def test_a_memory_forgets_what_is_older_than_its_window(tmp_path: Path) -> None:
    """And not before."""
    path = tmp_path / "shop.db"
    seen, short = SqliteSeen(path), SqliteSeen(path, keep=0.05)
    with sqlite3.connect(path) as database:
        assert seen.first(database, "a", "1")
        assert not seen.first(database, "a", "1")
        assert seen.first(database, "b", "1")
        await asyncio.sleep(0.1)
        assert not seen.first(database, "a", "1")
        assert short.first(database, "a", "1")
    database.close()
    with pytest.raises(ValueError, match="expected seconds above 0"):
        SqliteSeen(path, keep=0)


async def test_a_message_too_strange_for_its_topic_is_refused_at_once(tmp_path: Path) -> None:
    """When it is added, in the application's transaction, and not by a relay later."""
    outbox = SqliteOutbox(tmp_path / "shop.db")
    outbox.create()
    publisher = ActorSystem("shop").publisher("numbers", Int64Value)
    with sqlite3.connect(tmp_path / "shop.db") as database:
        with pytest.raises(Exception, match="writes Int64Value, and was given StringValue"):
            outbox.add(database, publisher, StringValue())  # type: ignore[misc] # the point
        outbox.add(database, publisher, Int64Value(value=1), key=b"\xff", headers={"a": "b"})
        row = outbox.row(publisher, Int64Value(value=1), key=b"\xff", headers={"a": b"\xfe"})
    database.close()
    assert row.topic == "numbers"
    assert row.key == b"\xff"
