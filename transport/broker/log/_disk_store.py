"""A broker's folder: its partitions and its table, and whose it is."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows, where a folder cannot be held either
    fcntl = None  # type: ignore[assignment]

from ._descriptors import Descriptors
from ._disk import CorruptSegment, DiskStorage
from ._storage import Storage
from ._store import Value
from ._table import Table

_FORMAT = 1
_SEGMENT_BYTES = 64 * 1024 * 1024


class StoreError(Exception):
    """The folder cannot be used; the message says why, and what to do."""


class DiskStore:
    """Implements `Store` in a folder.

        FORMAT                       {"made_by": "callboard", "format": 1}
        lock                         held while a broker uses the folder
        table.log                    topics, commits, transactions
        topics/<topic id>/<index>/   a partition: see `DiskStorage`

    What was written survives the death of the process at any moment: it is
    handed to the system at once. What was synced survives a power cut too.

    Args:
        folder: Made if it does not exist.
        segment_bytes: Size of a partition's segments.

    Raises:
        StoreError: It is not a folder, not ours, of another version, in use, or
            may not be written to. Nothing is changed.
    """

    def __init__(self, folder: Path, *, segment_bytes: int = _SEGMENT_BYTES) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._files = Descriptors()
        if fcntl is None:
            raise StoreError("keeping data in a folder needs a POSIX system; leave --data out")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _check(folder)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        except FileExistsError:
            raise StoreError(f"{folder} is a file; give a folder to keep the data in") from None
        except OSError as error:
            raise StoreError(
                f"{folder} cannot be used: {error.strerror}. Give a folder this user may write to"
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise StoreError(
                f"another broker uses {folder}. Stop it, or give this one a folder of its own"
            ) from None
        mark = {"made_by": "callboard", "format": _FORMAT}
        self._files.replace(folder / "FORMAT", json.dumps(mark).encode())
        self._table = Table(folder / "table.log", self._files)
        self._remove_leftovers()

    def _remove_leftovers(self) -> None:
        """Remove the partitions of topics that were deleted, or not wholly created, in a crash."""
        values = self._table.opened()
        known = {value["id"] for key, value in values.items() if key.startswith("topic/")}
        for path in (self._folder / "topics").glob("*"):
            if path.name not in known:
                shutil.rmtree(path)

    def partition(self, topic: str, index: int) -> Storage:
        """See `Store`."""
        folder = self._folder / "topics" / topic / str(index)
        return DiskStorage(folder, self._files, self._segment_bytes)

    def put(self, key: str, value: Value) -> None:
        """See `Store`."""
        self._table.put(key, value)

    def table(self) -> Mapping[str, Any]:
        """See `Store`."""
        return self._table.opened()

    def bytes(self) -> int:
        """See `Store`."""
        return sum(path.stat().st_size for path in self._folder.rglob("*") if path.is_file())

    @property
    def unsynced(self) -> bool:
        """See `Store`."""
        return self._files.unsynced

    def sync(self) -> None:
        """See `Store`."""
        self._files.sync()

    def close(self) -> None:
        """See `Store`: sync, and let another broker use the folder."""
        self._files.sync()
        self.release()

    def release(self) -> None:
        """Let go of everything without a sync, as the system does when the process dies."""
        if self._lock >= 0:
            self._files.close()
            os.close(self._lock)
            self._lock = -1


def _check(folder: Path) -> None:
    mark = folder / "FORMAT"
    if not mark.exists():
        if any(path.name != "lock" for path in folder.iterdir()):
            raise StoreError(
                f"{folder} holds files that are not a broker's. Give an empty folder, or none yet"
            )
        return
    try:
        known = json.loads(mark.read_bytes())
        made_by, version = known["made_by"], known["format"]
    except (ValueError, KeyError, TypeError):
        made_by = version = None
    if made_by != "callboard":
        raise StoreError(f"{mark} is not one of callboard's. Give a folder of its own")
    if version != _FORMAT:
        raise StoreError(
            f"{folder} has format {version}, and this version of callboard reads {_FORMAT}. "
            "Use the version that made it, or another folder"
        )


__all__ = ["CorruptSegment", "DiskStore", "StoreError"]
