"""Quarantine records: a parked message, unchanged, with why it is here."""

from ._records import Header, Inbound, Outbound, TopicPartition

REASON = "cb_quarantine_reason"
ERROR = "cb_quarantine_error"
ORIGIN = "cb_quarantine_origin"
AT = "cb_quarantine_at"
OURS = frozenset({REASON, ERROR, ORIGIN, AT})

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

_MAX_ERROR = 500


def quarantine_record(
    to: TopicPartition,
    origin: TopicPartition,
    record: Inbound,
    *,
    reason: str,
    error: str = "",
    at: float,
) -> Outbound:
    """Return the record that parks a message: its own bytes and headers, and why.

    `cb_quarantine_origin` names where it came from; a message that a crash
    parked twice has one origin, and readers count it once.
    """
    kept = [header for header in record.headers if header[0] not in OURS]
    headers: list[Header] = [
        *kept,
        (REASON, reason.encode()),
        (ERROR, error[:_MAX_ERROR].encode(errors="replace")),
        (ORIGIN, f"{origin.topic}/{origin.partition}/{record.offset}".encode()),
        (AT, f"{at:.3f}".encode()),
    ]
    # A record with neither key nor value cannot be produced; a tombstone keeps its key.
    value = b"" if record.key is None and record.value is None else record.value
    return Outbound(to, record.key, value, headers)
