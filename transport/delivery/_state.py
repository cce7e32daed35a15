"""State records: what a state topic holds, and how an entity's truth is read from it."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from ...schemas import DedupWindow, ProtobufDecodeError, SourceWindow
from ._dedup import INDEX_BITS, Floor, Window
from ._records import Header, Inbound, Outbound, TopicPartition

EPOCH = "cb_epoch"
APPLIED = "cb_applied"
WINDOW = "cb_window"
PARKED = "cb_parked"
REDRIVEN = "cb_redriven"
VERSION = "cb_version"
MARK = "cb_mark"

MARKER_KEY = b"\x00callboard.takeover"
"""The key of takeover markers. Entity ids cannot start with a NUL byte."""


class Mark(NamedTuple):
    """A takeover marker that tells one log from another.

    Attributes:
        offset: Where it stands.
        token: What was drawn for it.
    """

    offset: int
    token: bytes


class StoredState(NamedTuple):
    """One entity as its state topic knows it.

    Attributes:
        value: The state message's bytes.
        epoch: Which ownership of the partition wrote it.
        applied: The mailbox offset of the last message applied; -1 for none.
        parked: The entity failed on a message for good; its mail goes to quarantine.
        window: The encoded memory of applied message ids.
        parked_at: The mailbox offset of the newest message that waits in quarantine,
            while parked; -1 otherwise.
        redriven: Messages in quarantine up to this mailbox offset have been dealt with.
        version: The `state_version` of the class that wrote the value.
    """

    value: bytes = b""
    epoch: int = 0
    applied: int = -1
    parked: bool = False
    window: bytes = b""
    parked_at: int = -1
    redriven: int = -1
    version: int = 1


def encode_window(window: Window) -> bytes:
    """Return a window's bytes for the header of a state record."""
    entries = window.entries()
    if not entries:
        return b""
    return DedupWindow(
        sources=[
            SourceWindow(
                source=source, floor=floor.offset << INDEX_BITS, seen=seen, holes=floor.holes
            )
            for source, floor, seen in entries
        ]
    ).SerializeToString(deterministic=True)


def decode_window(raw: bytes) -> Window:
    """Read a window back. Bytes that are no window give an empty one."""
    if not raw:
        return Window()
    try:
        stored = DedupWindow.FromString(raw)
    except ProtobufDecodeError:
        return Window()
    return Window(
        (entry.source, Floor(entry.floor >> INDEX_BITS, tuple(entry.holes)), entry.seen)
        for entry in stored.sources
    )


def state_record(to: TopicPartition, key: bytes, state: StoredState) -> Outbound:
    """Return the record that makes an entity's state durable."""
    headers: list[Header] = [
        (EPOCH, str(state.epoch).encode()),
        (APPLIED, str(state.applied).encode()),
        (WINDOW, state.window),
    ]
    if state.parked:
        headers.append((PARKED, str(state.parked_at).encode()))
    if state.redriven >= 0:
        headers.append((REDRIVEN, str(state.redriven).encode()))
    if state.version != 1:
        headers.append((VERSION, str(state.version).encode()))
    return Outbound(to, key, state.value, headers)


def marker_record(to: TopicPartition, epoch: int, node: str) -> Outbound:
    """Return the record a new owner writes before it delivers anything."""
    token = uuid.uuid4().hex.encode()
    return Outbound(to, MARKER_KEY, node.encode(), [(EPOCH, str(epoch).encode()), (MARK, token)])


class Changelog:
    """Folds the records of one state partition into its entities' truth.

    Of one entity's records the *highest* (epoch, applied) counts, not the last:
    a paused former owner that wakes up late writes with an older epoch, and
    changes nothing. Records without a readable epoch are not ours; skipped.

    Args:
        before: Looks up what is known from the records before the first it is given.
    """

    def __init__(self, before: Callable[[str], StoredState | None] | None = None) -> None:
        self.before = before
        self.states: dict[str, StoredState] = {}
        self.highest_epoch = 0
        self.mark: Mark | None = None
        """The newest marker that tells this log from others."""
        self.markers: list[tuple[int, int]] = []
        """(offset, epoch) of takeover markers, in log order."""

    def fold(self, records: Iterable[Inbound]) -> None:
        """Take further records, in log order."""
        for record in records:
            headers = dict(record.headers)
            epoch = _number(headers.get(EPOCH))
            if epoch is None or record.key is None:
                continue
            self.highest_epoch = max(self.highest_epoch, epoch)
            if record.key == MARKER_KEY:
                self.markers.append((record.offset, epoch))
                if MARK in headers:
                    self.mark = Mark(record.offset, headers[MARK])
                continue
            applied = _number(headers.get(APPLIED))
            if applied is None or record.value is None:
                continue
            entity = record.key.decode(errors="surrogateescape")
            known = self.states.get(entity)
            if known is None and self.before is not None:
                known = self.before(entity)
            if known is None or (epoch, applied) >= (known.epoch, known.applied):
                self.states[entity] = _read(record.value, epoch, applied, headers)


def _read(value: bytes, epoch: int, applied: int, headers: Mapping[str, bytes]) -> StoredState:
    parked_at = _number(headers.get(PARKED))
    redriven = _number(headers.get(REDRIVEN))
    return StoredState(
        value,
        epoch,
        applied,
        parked_at is not None,
        headers.get(WINDOW, b""),
        -1 if parked_at is None else parked_at,
        -1 if redriven is None else redriven,
        _number(headers.get(VERSION)) or 1,
    )


def _number(raw: bytes | None) -> int | None:
    try:
        return None if raw is None else int(raw)
    except ValueError:
        return None
