"""What is in quarantine, as its topic tells it."""

from collections.abc import Iterable
from dataclasses import dataclass

from ._codec import TYPE, text
from ._quarantine import AT, ERROR, ORIGIN, REASON, RELEASED, RESOLVED, RUN, key_of
from ._records import Header, Inbound


@dataclass(frozen=True, slots=True)
class QuarantinedMessage:
    """A message in quarantine.

    Attributes:
        key: The entity's id, or the key that a consumer found; empty when there was none.
        type: Protobuf full name, as its sender wrote it.
        topic: The mailbox it came from.
        partition: Its partition there.
        offset: Its offset there, when it was first parked.
        reason: `failed`, `behind`, `undecodable`, `unhandled` or `keyless`.
        error: What its entity raised; empty for `behind`.
        value: Its bytes, unchanged.
        at: When it was parked, in seconds since the epoch.
        headers: As its sender wrote them, and where it came from.
        empty: It had no value at all: a tombstone.
        record_key: The record's own key.
    """

    key: str
    type: str
    topic: str
    partition: int
    offset: int
    reason: str
    error: str
    value: bytes
    at: float = 0.0
    headers: tuple[Header, ...] = ()
    empty: bool = False
    record_key: bytes | None = None


class Shelf:
    """Folds the records of quarantine partitions into what still waits there.

    A message that a crash parked twice, or that was redriven and failed again,
    is there once, with what was last said of it. One that was redriven, skipped
    or dropped is not there any more.
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, int, int], QuarantinedMessage] = {}
        self._resolved: set[tuple[str, int, int]] = set()
        self._newest: dict[tuple[str, int, str], int] = {}
        self.answers: dict[bytes, int] = {}
        """By run: the newest message of the key still parked when its release was read; or -1."""

    def fold(self, records: Iterable[Inbound]) -> None:
        """Take further records, in log order."""
        for record in records:
            headers = dict(record.headers)
            if RELEASED in headers:
                self.answers[headers.get(RUN, b"")] = int(headers[RELEASED])
                continue
            message = _message(record, headers)
            if message is None:
                continue
            place = (message.topic, message.partition, message.offset)
            if RESOLVED in headers:
                self._resolved.add(place)
                self._waiting.pop(place, None)
                continue
            lane = (message.topic, message.partition, message.key)
            self._newest[lane] = max(self._newest.get(lane, -1), message.offset)
            if place not in self._resolved:
                self._waiting[place] = message

    def messages(self) -> list[QuarantinedMessage]:
        """Return what waits, in the order of each key."""
        return [self._waiting[place] for place in sorted(self._waiting)]

    def newest(self, topic: str, partition: int, key: str) -> int:
        """Return the offset of the newest message of a key that was ever here; -1 for none."""
        return self._newest.get((topic, partition, key), -1)


def _message(record: Inbound, headers: dict[str, bytes]) -> QuarantinedMessage | None:
    topic, _, place = text(headers, ORIGIN).rpartition("/")
    topic, _, partition = topic.rpartition("/")
    if not (topic and partition.isdecimal() and place.isdecimal()):
        return None
    return QuarantinedMessage(
        key=key_of(record, headers),
        type=text(headers, TYPE),
        topic=topic,
        partition=int(partition),
        offset=int(place),
        reason=text(headers, REASON),
        error=text(headers, ERROR),
        value=record.value or b"",
        at=_seconds(text(headers, AT)),
        headers=tuple(record.headers),
        empty=record.value is None,
        record_key=record.key,
    )


def _seconds(text_: str) -> float:
    try:
        return float(text_)
    except ValueError:
        return 0.0
