"""One partition on disk: segment files with the batches as they go over the wire."""

import errno
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import structlog

from ._batch import Batch, checksum_holds, read_header
from ._descriptors import Descriptors
from ._storage import StorageFull

_log = structlog.get_logger("callboard.broker")

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}


class CorruptSegment(Exception):  # noqa: N818 the sentence says it
    """A segment that is not the last one has bytes that are no batch."""

    def __init__(self, path: Path, at: int) -> None:
        super().__init__(
            f"{path} is damaged at byte {at}, and there are records behind it. Nothing was "
            "changed. Restore the folder from a copy, or remove that file and those after it to "
            "go on without their records"
        )


class Spot(NamedTuple):
    """Where a batch is."""

    path: Path
    at: int
    size: int


class DiskStorage:
    """Implements `Storage` in a folder.

        meta                    {"generation": 3, "start": 1200}
        g3/00000000000000001200.log   a segment, named after its first offset

    Each batch is one `write` to the system, so a process that is killed loses
    nothing it was told to keep. A rewrite makes the segments of the next
    generation, and then names it in `meta`, in one rename.

    Args:
        folder: The partition's own.
        files: Keeps descriptors open, and knows what has to be synced.
        segment_bytes: Size after which the next segment begins.
    """

    def __init__(self, folder: Path, files: Descriptors, segment_bytes: int) -> None:
        self._folder = folder
        self._files = files
        self._segment_bytes = segment_bytes
        self._generation = 0
        self._start = 0
        self._bases: list[int] = []
        self._size = 0  # of the last segment

    # -- opening ------------------------------------------------------------------------

    def load(self) -> Iterator[tuple[Batch, Spot]]:
        """See `Storage`. What a crash tore off the end of the last segment is cut away.

        Raises:
            CorruptSegment: There is damage elsewhere.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        meta = self._folder / "meta"
        if meta.exists():
            known = json.loads(meta.read_bytes())
            self._generation, self._start = known["generation"], known["start"]
        for other in self._folder.glob("g*"):
            if other != self._segments:
                shutil.rmtree(other)  # a rewrite that was not finished, or is over
        self._segments.mkdir(exist_ok=True)
        paths = sorted(self._segments.glob("*.log"))
        for path in paths:
            self._bases.append(int(path.stem))
            yield from self._read_segment(path, last=path == paths[-1])

    def _read_segment(self, path: Path, *, last: bool) -> Iterator[tuple[Batch, Spot]]:
        data = path.read_bytes()
        at = 0
        while at < len(data):
            batch = read_header(data, at)
            if batch is None or (last and not checksum_holds(batch.data)):
                if not last:
                    raise CorruptSegment(path, at)
                _log.warning("cut off what a crash left half written", file=str(path), byte=at)
                os.truncate(path, at)
                break
            yield batch, Spot(path, at, len(batch.data))
            at += len(batch.data)
        self._size = at

    def start(self) -> int:
        """See `Storage`."""
        return self._start

    @property
    def _segments(self) -> Path:
        return self._folder / f"g{self._generation}"

    # -- using --------------------------------------------------------------------------

    def append(self, batch: Batch) -> Spot:
        """See `Storage`."""
        if not self._bases or self._size + len(batch.data) > self._segment_bytes:
            if not self._bases or self._size:
                self._bases.append(batch.base_offset)
            self._size = 0
        path = self._segment(self._bases[-1])
        self._write(path, self._size, batch.data)
        spot = Spot(path, self._size, len(batch.data))
        self._size += len(batch.data)
        return spot

    def _segment(self, base: int) -> Path:
        return self._segments / f"{base:020d}.log"

    def _write(self, path: Path, at: int, data: bytes) -> None:
        try:
            written = os.pwrite(self._files.writable(path), data, at)
            if written < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._files.cut(path, at)
            if error.errno in _NO_ROOM:
                raise StorageFull(f"{path}: {error.strerror}") from error
            raise

    def read(self, place: Spot) -> bytes:
        """See `Storage`."""
        return os.pread(self._files.readable(place.path), place.size, place.at)

    # -- making room --------------------------------------------------------------------

    def trim(self, start: int) -> None:
        """See `Storage`. Whole segments are removed; the last one stays."""
        self._start = start
        self._keep_meta(self._generation)
        while len(self._bases) > 1 and self._bases[1] <= start:
            self._files.remove(self._segment(self._bases.pop(0)))

    def rewrite(self, batches: Iterable[Batch]) -> list[Spot]:
        """See `Storage`."""
        former = self._segments, list(self._bases), self._size
        self._generation += 1
        self._bases, self._size = [], 0
        self._segments.mkdir(exist_ok=True)
        try:
            spots = [self.append(batch) for batch in batches]
            self._files.sync_now([self._segment(base) for base in self._bases])
            self._keep_meta(self._generation)
        except (OSError, StorageFull) as error:
            unfinished = self._segments
            self._generation -= 1
            _, self._bases, self._size = former
            self._forget(unfinished)
            raise error if isinstance(error, StorageFull) else StorageFull(str(error)) from error
        self._forget(former[0])
        return spots

    def _keep_meta(self, generation: int) -> None:
        kept = {"generation": generation, "start": self._start}
        self._files.replace(self._folder / "meta", json.dumps(kept).encode())

    def delete(self) -> None:
        """See `Storage`."""
        self._forget(self._folder)

    def _forget(self, folder: Path) -> None:
        self._files.forget(folder)
        shutil.rmtree(folder, ignore_errors=True)
