"""States on this machine's disk, so that a restart reads only the tail of the log."""

import sqlite3
import threading
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple

from ...actors import TransportError
from ._state import Mark, StoredState

_FORMAT = 1
_FILE, _LOCK, _CONDEMNED = "states.db", "lock.db", "condemned"
_TABLES = f"""
CREATE TABLE partitions (
    id INTEGER PRIMARY KEY,
    source TEXT UNIQUE NOT NULL,
    until INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    marked_at INTEGER NOT NULL,
    mark BLOB NOT NULL
);
CREATE TABLE states (
    partition INTEGER NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    applied INTEGER NOT NULL,
    parked INTEGER NOT NULL,
    window BLOB NOT NULL,
    parked_at INTEGER NOT NULL,
    redriven INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (partition, key)
) WITHOUT ROWID;
PRAGMA user_version = {_FORMAT};
"""


class LocalStoreError(TransportError):
    """A local store cannot be read; the next start throws it away."""


class Checkpoint(NamedTuple):
    """How much of a state partition a store knows.

    Attributes:
        until: All records below this offset are in the store.
        epoch: The highest epoch among them.
        mark: The newest takeover marker among them. As long as it stands where it
            stood, the log is the one that was read.
    """

    until: int
    epoch: int
    mark: Mark


class LocalStore:
    """Keeps states by partition and entity in a folder, in SQLite.

    A copy and never the truth: what is here is acknowledged in the state topic, and
    losing the folder costs a longer restore. One process at a time uses a folder.

    `put` and `discard` may be called in any thread, the rest in one and the same.

    Args:
        folder: Made if it is not there.

    Raises:
        TransportError: The folder cannot be used, or another process uses it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turn = threading.Lock()  # a cancelled wait does not end its thread
        with ExitStack() as opened:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                opened.enter_context(closing(_hold(folder)))
                if (folder / _CONDEMNED).exists():
                    self._remove()
                try:
                    self._connect().close()
                except sqlite3.DatabaseError:  # damaged, or of another version: it is only a copy
                    self._remove()
                self._reading = opened.enter_context(closing(self._connect()))
                self._writing = opened.enter_context(closing(self._connect()))
                self._ids = dict(self._reading.execute("SELECT source, id FROM partitions"))
            except (OSError, sqlite3.Error) as error:
                raise TransportError(
                    f"state_dir={str(folder)!r} cannot be used: {error}. Give a folder this user "
                    f"may write to, on a disk with room"
                ) from error
            self._opened = opened.pop_all()

    def checkpoint(self, source: str) -> Checkpoint | None:
        """Return how much is known of a partition's states; None for nothing.

        Raises:
            LocalStoreError: The file is damaged.
        """
        found = self._read(
            "SELECT until, epoch, marked_at, mark FROM partitions WHERE source = ?", (source,)
        )
        return None if found is None else Checkpoint(found[0], found[1], Mark(*found[2:]))

    def get(self, source: str, key: str) -> StoredState | None:
        """Return an entity's state, as of the last `put`.

        Raises:
            LocalStoreError: The file is damaged.
        """
        found = self._read(
            "SELECT value, epoch, applied, parked, window, parked_at, redriven, version "
            "FROM states WHERE partition = ? AND key = ?",
            (self._ids.get(source, -1), key),
        )
        return None if found is None else StoredState(*found)._replace(parked=bool(found[3]))

    def put(self, source: str, states: Mapping[str, StoredState], checkpoint: Checkpoint) -> None:
        """Keep states and how far they reach, all or nothing.

        Raises:
            OSError: The disk does not take it; nothing was changed.
        """
        try:
            with self._turn, self._writing as db:
                db.execute(
                    "INSERT INTO partitions (source, until, epoch, marked_at, mark) "
                    "VALUES (?, ?, ?, ?, ?) ON CONFLICT (source) DO UPDATE SET until = "
                    "excluded.until, epoch = excluded.epoch, marked_at = excluded.marked_at, "
                    "mark = excluded.mark",
                    (source, checkpoint.until, checkpoint.epoch, *checkpoint.mark),
                )
                (id_,) = db.execute(
                    "SELECT id FROM partitions WHERE source = ?", (source,)
                ).fetchone()
                db.executemany(
                    "INSERT OR REPLACE INTO states (partition, key, value, epoch, applied, "
                    "parked, window, parked_at, redriven, version) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    ((id_, key, *state) for key, state in states.items()),
                )
        except sqlite3.Error as error:
            raise OSError(f"{self._folder / _FILE}: {error}") from error
        self._ids[source] = id_

    def discard(self, source: str) -> None:
        """Forget a partition.

        Raises:
            OSError: The disk does not take it; nothing was changed.
        """
        try:
            with self._turn, self._writing as db:
                id_ = self._ids.get(source, -1)
                db.execute("DELETE FROM states WHERE partition = ?", (id_,))
                db.execute("DELETE FROM partitions WHERE id = ?", (id_,))
        except sqlite3.Error as error:
            raise OSError(f"{self._folder / _FILE}: {error}") from error
        self._ids.pop(source, None)

    def close(self) -> None:
        """Let the folder go."""
        with self._turn:
            self._opened.close()

    def _read(self, query: str, values: tuple[object, ...]) -> Any:
        """Return the first row that is found; damage condemns the file."""
        try:
            return self._reading.execute(query, values).fetchone()
        except sqlite3.Error as error:
            (self._folder / _CONDEMNED).touch()
            raise LocalStoreError(
                f"the states in {self._folder} cannot be read: {error}. They are only a copy: the "
                f"next start throws them away and restores from the log"
            ) from error

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._folder / _FILE, timeout=10.0, check_same_thread=False)
        try:
            # What a power cut takes from the end is read from the log again.
            db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
            (found,) = db.execute("PRAGMA user_version").fetchone()
            if found == 0:
                db.executescript(_TABLES)
            elif found != _FORMAT:
                raise sqlite3.DatabaseError(f"format {found}, expected {_FORMAT}")
        except BaseException:
            db.close()
            raise
        return db

    def _remove(self) -> None:
        for path in [*self._folder.glob(f"{_FILE}*"), self._folder / _CONDEMNED]:
            path.unlink(missing_ok=True)


def _hold(folder: Path) -> sqlite3.Connection:
    """Hold a folder as long as the connection is open; the death of the process lets it go."""
    lock = sqlite3.connect(folder / _LOCK, timeout=0.0, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        if "locked" not in str(error):
            raise
        raise TransportError(
            f"state_dir={str(folder)!r} is used by another process. Give each node a folder of "
            f"its own"
        ) from error
    return lock
