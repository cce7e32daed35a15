"""What a quarantine topic holds, and how messages come back from it.

A *parked* record is a message, unchanged, with why it is here. A *note* says
what became of one: redriven, skipped, dropped. To redrive a key, its messages
are written into its mailbox again, each naming the one that must have been
dealt with before it, and behind them a *release*, which ends the parking if
nothing has been parked since. Whoever writes them may crash and begin again:
the entity remembers how far it has come, and takes nothing twice.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ._codec import CORRELATION, REPLY_TO
from ._records import Header, Inbound, Outbound, TopicPartition

REASON = "cb_quarantine_reason"
ERROR = "cb_quarantine_error"
ORIGIN = "cb_quarantine_origin"
AT = "cb_quarantine_at"
KEY = "cb_quarantine_key"
"""Whose it is, where that is not the record's own key."""
RESOLVED = "cb_quarantine_resolved"
"""In a note: what became of the message that `cb_quarantine_origin` names."""
RELEASED = "cb_quarantine_released"
"""In a note, the answer to a release: the newest message still parked; -1 for none."""

REDRIVE = "cb_redrive"
"""In a mailbox record: the offset this message had when it was parked."""
AFTER = "cb_redrive_after"
"""In a mailbox record: the message in quarantine that must have been dealt with before."""
RELEASE = "cb_release"
"""In a mailbox record that is no message: the newest message its writer has seen parked."""
RUN = "cb_redrive_run"
"""Who asks for a release, to find the answer."""

REDRIVEN, SKIPPED, DROPPED = b"redriven", b"skipped", b"dropped"

PARKING_HEADERS = frozenset({REASON, ERROR, ORIGIN, AT, KEY, REDRIVE, AFTER, RUN})
"""What parking and redriving add to a message's own headers."""

FAILED = "failed"
"""The entity failed on it as often as its policy allows."""
BEHIND = "behind"
"""It is behind a message in quarantine and waits, to keep the order of its key."""
UNDECODABLE = "undecodable"
"""Its type is not known here, or its bytes are not that type."""
UNHANDLED = "unhandled"
"""Its entity has no handler for its type."""
KEYLESS = "keyless"
"""It has no key, or one that is not UTF-8, and so belongs to no entity."""

_ASKED = frozenset({REPLY_TO, CORRELATION})
"""Whoever asked has had an answer: that it failed."""

_MAX_ERROR = 500


def quarantine_record(
    to: TopicPartition,
    origin: TopicPartition,
    record: Inbound,
    *,
    reason: str,
    error: str,
    at: float,
    offset: int,
    key: str | None = None,
) -> Outbound:
    """Return the record that parks a message: its own bytes and headers, and why.

    `cb_quarantine_origin` names where it came from; a message that a crash
    parked twice has one origin, and readers count it once. A message that was
    redriven and failed again keeps its first origin: `offset` then is that one.

    `cb_quarantine_key` says whose it is where that is not the record's own key: a consumer
    may find it in the message.
    """
    kept = [header for header in record.headers if header[0] not in PARKING_HEADERS]
    headers: list[Header] = [
        *kept,
        (REASON, reason.encode()),
        (ERROR, error[:_MAX_ERROR].encode(errors="replace")),
        (ORIGIN, origin_of(origin, offset)),
        (AT, f"{at:.3f}".encode()),
    ]
    if key is not None and key != text_of(record.key):
        headers.append((KEY, key.encode(errors="surrogateescape")))
    # A record with neither key nor value cannot be produced; a tombstone keeps its key.
    value = b"" if record.key is None and record.value is None else record.value
    return Outbound(to, record.key, value, headers)


def text_of(key: bytes | None) -> str:
    """Return a record's key as text that can be turned back into its bytes; none is empty."""
    return (key or b"").decode(errors="surrogateescape")


def key_of(record: Inbound, headers: Mapping[str, bytes]) -> str:
    """Return whose a quarantined message, or a note, is."""
    return text_of(headers.get(KEY, record.key))


def origin_of(mailbox: TopicPartition, offset: int) -> bytes:
    """Return what `cb_quarantine_origin` says."""
    return f"{mailbox.topic}/{mailbox.partition}/{offset}".encode()


def note(
    to: TopicPartition, mailbox: TopicPartition, key: bytes | None, offset: int, fate: bytes
) -> Outbound:
    """Return the record that says what became of a message in quarantine."""
    headers: list[Header] = [(ORIGIN, origin_of(mailbox, offset)), (RESOLVED, fate)]
    return Outbound(to, key, b"", headers)


class Redrive(NamedTuple):
    """What a mailbox record says about messages in quarantine.

    Attributes:
        origin: The offset the message had when it was parked; for a release,
            the newest that its writer has seen parked.
        after: What must have been dealt with before it.
        run: Who asks for the release; None for a message.
    """

    origin: int
    after: int
    run: bytes | None


def redrive_of(headers: dict[str, bytes]) -> Redrive | None:
    """Read it, or return None: an ordinary message."""
    raw = headers.get(RELEASE) or headers.get(REDRIVE)
    if raw is None:
        return None
    try:
        origin, after = int(raw), int(headers.get(AFTER, b"-1"))
    except ValueError:
        return None
    return Redrive(origin, after, headers.get(RUN, b"") if RELEASE in headers else None)


def redrive_records(
    mailbox: TopicPartition,
    key: bytes,
    parked: Sequence[tuple[int, bytes, Sequence[Header]]],
    *,
    newest: int,
    run: bytes,
) -> list[Outbound]:
    """Return what is written into a mailbox to redrive a key.

    Args:
        mailbox: The partition the messages came from.
        key: Their key.
        parked: Offset, value and headers of each, in order; perhaps none.
        newest: The offset of the newest message seen in quarantine, dropped ones included.
        run: Finds the answer to the release.
    """
    records: list[Outbound] = []
    after = -1
    for offset, value, headers in parked:
        kept = [header for header in headers if header[0] not in PARKING_HEADERS | _ASKED]
        chain: list[Header] = [(REDRIVE, str(offset).encode()), (AFTER, str(after).encode())]
        records.append(Outbound(mailbox, key, value, [*kept, *chain]))
        after = offset
    release: list[Header] = [
        (RELEASE, str(newest).encode()),
        (AFTER, str(after).encode()),
        (RUN, run),
    ]
    return [*records, Outbound(mailbox, key, b"", release)]


def release_answer(to: TopicPartition, key: bytes | None, run: bytes, parked_at: int) -> Outbound:
    """Return the note that answers a release.

    Args:
        to: The quarantine partition.
        key: The entity.
        run: Who asked.
        parked_at: The newest message still parked; -1 when the key is released.
    """
    return Outbound(to, key, b"", [(RELEASED, str(parked_at).encode()), (RUN, run)])
