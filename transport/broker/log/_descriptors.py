"""Open files: as many as are used, up to a bound, and which of them have to be synced."""

import contextlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path

_OPEN_AT_ONCE = 256


class Descriptors:
    """Keeps the files used last open.

    A topic may have thousands of partitions, and a process seldom more than a
    thousand descriptors. `sync` may be called from a thread, while others write.
    """

    def __init__(self) -> None:
        self._open: OrderedDict[Path, int] = OrderedDict()
        self._dirty: dict[Path, None] = {}
        self._lock = threading.Lock()

    def readable(self, path: Path) -> int:
        """Return a descriptor of a file that exists."""
        return self._descriptor(path, os.O_RDWR)

    def writable(self, path: Path) -> int:
        """Return a descriptor of a file, made if need be, that is going to be written to."""
        with self._lock:
            self._dirty[path] = None
            if path not in self._open and not path.exists():
                self._dirty[path.parent] = None  # the name has to become safe, too
        return self._descriptor(path, os.O_RDWR | os.O_CREAT)

    def _descriptor(self, path: Path, flags: int) -> int:
        with self._lock:
            known = self._open.get(path)
            if known is not None:
                self._open.move_to_end(path)
                return known
            opened = self._open[path] = os.open(path, flags, 0o644)
            if len(self._open) > _OPEN_AT_ONCE:
                _, oldest = self._open.popitem(last=False)
                os.close(oldest)  # what was written stays written; `sync` opens it again
            return opened

    def cut(self, path: Path, size: int) -> None:
        """Let a file end where it ended before a write that failed."""
        with contextlib.suppress(OSError):
            os.ftruncate(self.readable(path), size)

    def replace(self, path: Path, content: bytes) -> None:
        """Replace a small file in one step that a crash cannot halve."""
        fresh = path.with_name(f"{path.name}.new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            os.write(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        fresh.replace(path)
        _sync(path.parent)

    # -- removing ---------------------------------------------------------------------------

    def remove(self, path: Path) -> None:
        """Remove a file."""
        self.forget(path)
        path.unlink(missing_ok=True)

    def forget(self, path: Path) -> None:
        """Close a file, or all in a folder: they are about to be removed."""
        with self._lock:
            for each in [p for p in self._open if p == path or path in p.parents]:
                os.close(self._open.pop(each))
            for each in [p for p in self._dirty if p == path or path in p.parents]:
                del self._dirty[each]

    # -- syncing ----------------------------------------------------------------------------

    @property
    def unsynced(self) -> bool:
        """Whether something was written since the last sync."""
        return bool(self._dirty)

    def sync(self) -> None:
        """Make everything written so far safe from a power cut."""
        with self._lock:
            dirty, self._dirty = self._dirty, {}
        for path in dirty:
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                _sync(path)

    def sync_now(self, paths: Iterable[Path]) -> None:
        """Make some files safe, and their folder."""
        folders: dict[Path, None] = {}
        for path in paths:
            _sync(path)
            folders[path.parent] = None
            with self._lock:
                self._dirty.pop(path, None)
        for folder in folders:
            _sync(folder)

    def close(self) -> None:
        """Close all."""
        with self._lock:
            for descriptor in self._open.values():
                os.close(descriptor)
            self._open.clear()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
