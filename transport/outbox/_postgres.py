"""An outbox, and a memory of what was seen, in PostgreSQL."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from ...actors import OutboxError
from ..publishers import Headers, Letters
from ._entry import Entry, Row, check_table, entry_of, row_of
from ._seen import WEEK, check_keep

M = TypeVar("M")

_TIMEOUT = 10
_PRUNE = 100
_MISSING = "callboard's PostgreSQL outbox needs asyncpg: pip install 'callboard[postgres]'"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS {table} (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number BIGINT UNIQUE,
    topic TEXT NOT NULL,
    key BYTEA,
    value BYTEA NOT NULL,
    headers TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS {table}_new ON {table} (id) WHERE number IS NULL;
CREATE TABLE IF NOT EXISTS {table}_relay (
    one BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (one),
    name TEXT NOT NULL,
    next BIGINT NOT NULL
);
INSERT INTO {table}_relay (name, next) VALUES ('{name}', 1) ON CONFLICT DO NOTHING;
"""


class PostgresOutbox:
    """An outbox in a PostgreSQL database; an `Outbox` for `system.relay`.

    ```python
    orders = system.publisher("orders.placed", OrderPlaced, key="order_id")
    outbox = system.relay(PostgresOutbox("postgresql://shop@db/shop"))

    async with connection.transaction():                # asyncpg, the application's own
        await connection.execute("INSERT INTO orders VALUES ($1, $2)", order.id, order.cents)
        await outbox.add(connection, orders, OrderPlaced(order_id=order.id))
    ```

    The message exists if and only if the transaction is committed, and is then relayed at least
    once, with the same id each time. Messages of transactions that follow each other are relayed in
    their order; between transactions that overlap there is none.

    Several systems may relay the same outbox: the one that holds an advisory lock works, and
    another goes on when its connection is gone.

    Args:
        dsn: where the database is, as asyncpg takes it. A password is better in PGPASSWORD or a
            password file.
        table: the table; made, with `{table}_relay`, if it is missing.

    Raises:
        ValueError: the table's name has characters that it may not have.
    """

    def __init__(self, dsn: str, *, table: str = "callboard_outbox") -> None:
        self._dsn = dsn
        self.table = check_table(table)
        self._connection: Any = None
        self._leads = False

    async def add(
        self,
        connection: Any,
        publisher: Letters[M],
        message: M,
        *,
        key: str | bytes | None = None,
        headers: Headers = None,
    ) -> None:
        """Write a message in the transaction that `connection` is in.

        Args:
            connection: the application's asyncpg connection.
            publisher: says where to, and how it is written.
            message: what it takes.
            key: as for `Publisher.send`.
            headers: as for `Publisher.send`.

        Raises:
            SchemaError: the publisher does not take the message.
            asyncpg.PostgresError: the row cannot be written; there is no table, if no relay ran
                and `create` was not called.
        """
        row = self.row(publisher, message, key=key, headers=headers)
        await connection.execute(
            f"INSERT INTO {self.table} (topic, key, value, headers) VALUES ($1, $2, $3, $4)",  # noqa: S608 - checked when made
            *row,
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

    async def create(self) -> None:
        """Make the tables, if they are missing. A relay does it when it starts.

        Raises:
            OutboxError: the database does not answer, or refuses.
        """
        await self.open()
        await self.close()

    # -- what a relay asks ------------------------------------------------------------

    async def open(self) -> None:
        """See `Outbox.open`."""
        try:
            import asyncpg  # noqa: PLC0415 - an extra, loaded when used
        except ModuleNotFoundError as error:
            raise OutboxError(_MISSING) from error
        try:
            self._connection = await asyncpg.connect(
                self._dsn, timeout=_TIMEOUT, command_timeout=_TIMEOUT
            )
            async with self._connection.transaction():
                # Two that make the tables at once would meet in the catalog.
                await self._connection.execute("SELECT pg_advisory_xact_lock($1)", self._lock + 1)
                await self._connection.execute(
                    _SCHEMA.format(table=self.table, name=uuid.uuid4().hex)
                )
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            await self.close()
            raise self._failed(error) from error

    async def name(self) -> str:
        """See `Outbox.name`."""
        async with self._asked() as connection:
            return str(await connection.fetchval(f"SELECT name FROM {self.table}_relay"))  # noqa: S608 - checked when made

    async def lead(self) -> bool:
        """See `Outbox.lead`."""
        if not self._leads:
            async with self._asked() as connection:
                self._leads = await connection.fetchval(
                    "SELECT pg_try_advisory_lock($1)", self._lock
                )
        return self._leads

    async def claim(self, limit: int, without: Collection[str]) -> list[Entry]:
        """See `Outbox.claim`.

        Rows are numbered first, in a transaction of its own: ids follow the order of inserts, and
        one that was inserted early may be committed late.
        """
        async with self._asked() as connection:
            await connection.execute(
                f"""
                WITH fresh AS (
                    SELECT id, row_number() OVER (ORDER BY id) AS place FROM (
                        SELECT id FROM {self.table} WHERE number IS NULL ORDER BY id LIMIT $1
                    ) AS first
                ), numbered AS (
                    UPDATE {self.table} AS t SET number = r.next + fresh.place - 1
                    FROM fresh, {self.table}_relay AS r WHERE t.id = fresh.id
                )
                UPDATE {self.table}_relay SET next = next + (SELECT count(*) FROM fresh)
                """,  # noqa: S608 - checked when made
                limit,
            )
            rows = await connection.fetch(
                f"SELECT number, topic, key, value, headers FROM {self.table} "  # noqa: S608 - checked when made
                f"WHERE number IS NOT NULL AND NOT topic = ANY($2::text[]) "
                f"ORDER BY number LIMIT $1",
                limit,
                list(without),
            )
        return [entry_of(*row) for row in rows]

    async def oldest(self) -> int:
        """See `Outbox.oldest`."""
        async with self._asked() as connection:
            found = await connection.fetchval(
                f"SELECT coalesce((SELECT min(number) FROM {self.table}), "  # noqa: S608 - checked when made
                f"(SELECT next FROM {self.table}_relay))"
            )
        return int(found)

    async def forget(self, entries: Sequence[Entry]) -> None:
        """See `Outbox.forget`."""
        async with self._asked() as connection:
            await connection.execute(
                f"DELETE FROM {self.table} WHERE number = ANY($1::bigint[])",  # noqa: S608 - checked when made
                [entry.number for entry in entries],
            )

    async def close(self) -> None:
        """See `Outbox.close`."""
        connection, self._connection, self._leads = self._connection, None, False
        if connection is not None:
            try:
                async with asyncio.timeout(2.0):
                    await connection.close()
            except Exception:  # noqa: BLE001 - whatever it was, the connection goes
                connection.terminate()

    # -- inside -----------------------------------------------------------------------

    @property
    def _lock(self) -> int:
        return int.from_bytes(f"callboard/{self.table}".encode()[-7:], "big")

    @asynccontextmanager
    async def _asked(self) -> AsyncGenerator[Any]:
        import asyncpg  # noqa: PLC0415 - an extra, loaded when used

        if self._connection is None:
            raise OutboxError(f"the outbox {self.table} is not open")
        try:
            yield self._connection
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise self._failed(error) from error

    def _failed(self, error: BaseException) -> OutboxError:
        said = str(error) or type(error).__name__
        return OutboxError(f"the outbox {self.table} in PostgreSQL: {said}")


class PostgresSeen:
    """Remembers which messages an application has dealt with, in the same transaction.

    As `SqliteSeen`, with an asyncpg connection: `await seen.create(connection)` makes the table,
    and `await seen.first(connection, "on_order", context.message_id)` tells and remembers. Of two
    transactions with one id at the same time the second waits for the first, and is told False.

    Args:
        keep: seconds for which an id is remembered, at least.
        table: the table.

    Raises:
        ValueError: the table's name or `keep` cannot be.
    """

    def __init__(self, *, keep: float = WEEK, table: str = "callboard_seen") -> None:
        self.table = check_table(table)
        self.keep = check_keep(keep)

    async def create(self, connection: Any) -> None:
        """Make the table, if it is missing."""
        await connection.execute(
            f"CREATE TABLE IF NOT EXISTS {self.table} (scope TEXT NOT NULL, id TEXT NOT NULL, "
            f"at TIMESTAMPTZ NOT NULL DEFAULT now(), PRIMARY KEY (scope, id));"
            f"CREATE INDEX IF NOT EXISTS {self.table}_at ON {self.table} (at)"
        )

    async def first(self, connection: Any, scope: str, id: str) -> bool:  # noqa: A002 - the field's word
        """Tell whether this is seen for the first time, and remember it.

        Args:
            connection: the application's asyncpg connection, in the transaction of the effect.
            scope: whose memory, as the consumer's name.
            id: the message's id, a business key, or a `request_hash`.

        Raises:
            asyncpg.PostgresError: it cannot be written.
        """
        await connection.execute(
            f"DELETE FROM {self.table} WHERE (scope, id) IN (SELECT scope, id FROM {self.table} "  # noqa: S608 - checked when made
            f"WHERE at < now() - make_interval(secs => $1) LIMIT {_PRUNE} FOR UPDATE SKIP LOCKED)",
            self.keep,
        )
        done = await connection.execute(
            f"INSERT INTO {self.table} (scope, id) VALUES ($1, $2) ON CONFLICT DO NOTHING",  # noqa: S608 - checked when made
            scope,
            id,
        )
        return bool(done.endswith("1"))
