"""An outbox, and a memory of what was seen, in SQLite."""

import asyncio
import os
import sqlite3
import time
import uuid
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from typing import Any, TypeVar

from ...actors import OutboxError
from ..publishers import Headers, Letters
from ._entry import Entry, Row, check_table, entry_of, row_of
from ._seen import WEEK, check_keep

M = TypeVar("M")
T = TypeVar("T")

_LEASE = 10.0
_BUSY = 10.0
_PRUNE = 100

_SCHEMA = """
CREATE TABLE IF NOT EXISTS {table} (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    key BLOB,
    value BLOB NOT NULL,
    headers TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS {table}_relay (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    name TEXT NOT NULL,
    holder TEXT NOT NULL,
    until REAL NOT NULL
);
INSERT OR IGNORE INTO {table}_relay VALUES (1, '{name}', '', 0);
"""


class SqliteOutbox:
    """An outbox in an SQLite database; an `Outbox` for `system.relay`.

    ```python
    orders = system.publisher("orders.placed", OrderPlaced, key="order_id")
    outbox = system.relay(SqliteOutbox("shop.db"))

    with sqlite3.connect("shop.db") as database:        # the application's own transaction
        database.execute("INSERT INTO orders VALUES (?, ?)", (order.id, order.cents))
        outbox.add(database, orders, OrderPlaced(order_id=order.id))
    ```

    The message exists if and only if the transaction is committed, and is then relayed at least
    once, with the same id each time. Messages are relayed in the order in which their transactions
    were committed.

    Several systems, in several processes of one machine, may relay the same outbox: one of them
    works, and another goes on 10 seconds after it was last heard of.

    Args:
        path: the database file.
        table: the table; made, with `{table}_relay`, if it is missing.

    Raises:
        ValueError: the table's name has characters that it may not have.
    """

    def __init__(self, path: str | os.PathLike[str], *, table: str = "callboard_outbox") -> None:
        self.path = os.fspath(path)
        self.table = check_table(table)
        self._holder = uuid.uuid4().hex
        self._database: sqlite3.Connection | None = None
        self._led_until = 0.0

    def add(
        self,
        database: sqlite3.Connection,
        publisher: Letters[M],
        message: M,
        *,
        key: str | bytes | None = None,
        headers: Headers = None,
    ) -> None:
        """Write a message in the transaction that `database` is in.

        Args:
            database: the application's connection.
            publisher: says where to, and how it is written.
            message: what it takes.
            key: as for `Publisher.send`.
            headers: as for `Publisher.send`.

        Raises:
            SchemaError: the publisher does not take the message.
            sqlite3.Error: the row cannot be written; there is no table, if no relay ran and
                `create` was not called.
        """
        row = self.row(publisher, message, key=key, headers=headers)
        database.execute(
            f"INSERT INTO {self.table} (topic, key, value, headers) VALUES (?, ?, ?, ?)",  # noqa: S608 - checked when made
            row,
        )

    def row(
        self,
        publisher: Letters[M],
        message: M,
        *,
        key: str | bytes | None = None,
        headers: Headers = None,
    ) -> Row:
        """Return the row of a message, for programs that insert it by other means."""
        return row_of(publisher.letter(message, key, headers))

    def create(self) -> None:
        """Make the tables, if they are missing. A relay does it when it starts.

        Raises:
            OutboxError: the database cannot be opened.
        """
        try:
            with closing(self._connect()) as database:
                database.executescript(_SCHEMA.format(table=self.table, name=uuid.uuid4().hex))
        except sqlite3.Error as error:
            raise self._failed(error) from error

    # -- what a relay asks ------------------------------------------------------------

    async def open(self) -> None:
        """See `Outbox.open`."""
        await asyncio.to_thread(self.create)
        self._database = await self._in_thread(self._connect)

    async def name(self) -> str:
        """See `Outbox.name`."""
        return await self._in_thread(
            lambda: str(self._one(f"SELECT name FROM {self.table}_relay")[0])  # noqa: S608 - checked when made
        )

    async def lead(self) -> bool:
        """See `Outbox.lead`."""
        now = time.time()
        if self._led_until - now > _LEASE / 2:
            return True
        if not await self._in_thread(lambda: self._take_lease(now)):
            return False
        self._led_until = now + _LEASE
        return True

    async def claim(self, limit: int, without: Collection[str]) -> list[Entry]:
        """See `Outbox.claim`."""
        marks = ", ".join("?" for _ in without)
        query = (
            f"SELECT number, topic, key, value, headers FROM {self.table} "  # noqa: S608 - checked when made
            f"WHERE topic NOT IN ({marks}) ORDER BY number LIMIT ?"
        )
        rows = await self._in_thread(lambda: self._all(query, (*without, limit)))
        return [entry_of(*row) for row in rows]

    async def oldest(self) -> int:
        """See `Outbox.oldest`."""
        query = (
            f"SELECT coalesce((SELECT min(number) FROM {self.table}), "  # noqa: S608 - checked when made
            "(SELECT seq + 1 FROM sqlite_sequence WHERE name = ?), 1)"
        )
        return await self._in_thread(lambda: int(self._one(query, (self.table,))[0]))

    async def forget(self, entries: Sequence[Entry]) -> None:
        """See `Outbox.forget`."""
        numbers = [(entry.number,) for entry in entries]
        await self._in_thread(lambda: self._delete(numbers))

    async def close(self) -> None:
        """See `Outbox.close`."""
        if self._database is not None:
            await self._in_thread(self._let_go)
            self._database = None

    # -- inside -----------------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        # One thread at a time uses it, and not always the same.
        database = sqlite3.connect(
            self.path, timeout=_BUSY, isolation_level=None, check_same_thread=False
        )
        database.execute("PRAGMA journal_mode = WAL")
        return database

    def _open_database(self) -> sqlite3.Connection:
        if self._database is None:
            raise OutboxError(f"the outbox in {self.path} is not open")
        return self._database

    def _one(self, query: str, values: tuple[object, ...] = ()) -> Any:
        return self._open_database().execute(query, values).fetchone()

    def _all(self, query: str, values: tuple[object, ...]) -> list[Any]:
        return self._open_database().execute(query, values).fetchall()

    def _take_lease(self, now: float) -> bool:
        database = self._open_database()
        taken = database.execute(
            f"UPDATE {self.table}_relay SET holder = ?, until = ? WHERE holder = ? OR until < ?",  # noqa: S608 - checked when made
            (self._holder, now + _LEASE, self._holder, now),
        )
        return taken.rowcount == 1

    def _delete(self, numbers: list[tuple[int]]) -> None:
        database = self._open_database()
        database.execute("BEGIN IMMEDIATE")
        try:
            database.executemany(f"DELETE FROM {self.table} WHERE number = ?", numbers)  # noqa: S608 - checked when made
        except BaseException:
            database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")

    def _let_go(self) -> None:
        database = self._open_database()
        try:
            database.execute(
                f"UPDATE {self.table}_relay SET holder = '', until = 0 WHERE holder = ?",  # noqa: S608 - checked when made
                (self._holder,),
            )
        finally:
            database.close()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(work)
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> OutboxError:
        return OutboxError(f"the outbox in {self.path} (table {self.table}): {error}")


class SqliteSeen:
    """Remembers which messages an application has dealt with, in the same transaction.

    ```python
    seen = SqliteSeen("shop.db")

    @system.consumer("orders.placed")
    def on_order(order: OrderPlaced, context: ConsumerContext) -> None:
        with sqlite3.connect("shop.db") as database:
            if seen.first(database, "on_order", context.message_id):
                database.execute("INSERT INTO invoices ...")
    ```

    If the transaction is rolled back, so is the memory of it.

    Args:
        path: the database file; the table is made in it.
        keep: seconds for which an id is remembered, at least; longer than a message may be on its
            way, with the time it may spend in quarantine.
        table: the table.

    Raises:
        OutboxError: the database cannot be opened.
        ValueError: the table's name or `keep` cannot be.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        keep: float = WEEK,
        table: str = "callboard_seen",
    ) -> None:
        self.table = check_table(table)
        self.keep = check_keep(keep)
        try:
            with closing(sqlite3.connect(os.fspath(path), timeout=_BUSY)) as database:
                database.executescript(
                    f"CREATE TABLE IF NOT EXISTS {self.table} (scope TEXT NOT NULL, id TEXT NOT "
                    f"NULL, at REAL NOT NULL, PRIMARY KEY (scope, id)) WITHOUT ROWID;"
                    f"CREATE INDEX IF NOT EXISTS {self.table}_at ON {self.table} (at);"
                )
        except sqlite3.Error as error:
            raise OutboxError(f"cannot make table {table} in {os.fspath(path)}: {error}") from error

    def first(self, database: sqlite3.Connection, scope: str, id: str) -> bool:  # noqa: A002 - the field's word
        """Tell whether this is seen for the first time, and remember it.

        Args:
            database: the application's connection, in the transaction of the effect.
            scope: whose memory, as the consumer's name.
            id: the message's id, a business key, or a `request_hash`.

        Raises:
            sqlite3.Error: it cannot be written.
        """
        now = time.time()
        database.execute(
            f"DELETE FROM {self.table} WHERE (scope, id) IN "  # noqa: S608 - checked when made
            f"(SELECT scope, id FROM {self.table} WHERE at < ? LIMIT {_PRUNE})",
            (now - self.keep,),
        )
        done = database.execute(
            f"INSERT OR IGNORE INTO {self.table} VALUES (?, ?, ?)",  # noqa: S608 - checked when made
            (scope, id, now),
        )
        return done.rowcount == 1
