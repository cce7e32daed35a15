"""The table on disk: a journal of small values by key, of which the last counts."""

import errno
import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog
from crc32c import crc32c

from ._descriptors import Descriptors
from ._storage import StorageFull
from ._store import Value

_FRAME = struct.Struct(">II")
_log = structlog.get_logger("callboard.broker")


class Table:
    """Values by key in one file: each entry with its length and its checksum.

    It is written anew when it is opened and more than half of it is outdated.

    Args:
        path: The file; made when something is put.
        files: Opens it.
    """

    def __init__(self, path: Path, files: Descriptors) -> None:
        self._path = path
        self._files = files
        self.values: dict[str, Any] = {}
        self._size = 0
        entries = self._load()
        if entries > 2 * len(self.values) + 100:
            self._write_anew()

    def _load(self) -> int:
        data = self._path.read_bytes() if self._path.exists() else b""
        at = entries = 0
        while at < len(data):
            entry = _entry(data, at)
            if entry is None:
                _log.warning(
                    "cut off what a crash left half written", file=str(self._path), byte=at
                )
                os.truncate(self._path, at)
                break
            key, value = json.loads(entry)
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value
            at += _FRAME.size + len(entry)
            entries += 1
        self._size = at
        return entries

    def _write_anew(self) -> None:
        content = b"".join(_framed(key, value) for key, value in self.values.items())
        self._files.replace(self._path, content)
        self._size = len(content)

    def put(self, key: str, value: Value) -> None:
        """Keep a value, or remove it.

        Raises:
            StorageFull: There is no room.
        """
        frame = _framed(key, value)
        try:
            written = os.pwrite(self._files.writable(self._path), frame, self._size)
            if written < len(frame):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._files.cut(self._path, self._size)
            raise StorageFull(f"{self._path}: {error.strerror}") from error
        self._size += len(frame)

    def opened(self) -> Mapping[str, Any]:
        """Return what it held when it was opened."""
        return self.values


def _framed(key: str, value: Value) -> bytes:
    entry = json.dumps([key, value], separators=(",", ":")).encode()
    return _FRAME.pack(len(entry), crc32c(entry)) + entry


def _entry(data: bytes, at: int) -> bytes | None:
    if len(data) - at < _FRAME.size:
        return None
    length, checksum = _FRAME.unpack_from(data, at)
    entry = data[at + _FRAME.size : at + _FRAME.size + length]
    return entry if len(entry) == length and crc32c(entry) == checksum else None
