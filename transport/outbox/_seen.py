"""Which messages an application has dealt with: what both databases share."""

import hashlib

DAY = 24 * 3600.0
WEEK = 7 * DAY


def request_hash(*parts: str | bytes) -> str:
    """Return an id for requests that have none: equal ones have the same.

    Example:
        >>> request_hash("transfer", "ada", "grace", "5.00")[:12]
        'b9d43ccb528d'
    """
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8, "big"))
        digest.update(raw)
    return digest.hexdigest()


def check_keep(keep: float) -> float:
    """Refuse a window that forgets at once.

    Raises:
        ValueError: Says what it must be.
    """
    if not keep > 0:
        raise ValueError(f"keep is {keep!r}; expected seconds above 0")
    return keep
