"""A message to an actor of another node, as a record."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote, unquote

from ..delivery import Header

TO = "cb_to"
DEADLINE = "cb_deadline"


def to_header(names: Sequence[str]) -> Header:
    """Return the header that says which actor of the node a message is for."""
    return TO, "/".join(quote(name, safe="$.:@~+-") for name in names).encode()


def names_of(headers: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the names, from the top down, of the actor a message is for."""
    return tuple(unquote(part) for part in headers[TO].decode(errors="replace").split("/"))


def deadline_header(at: float) -> Header:
    """Return the header that says until when an answer is waited for, in seconds of the epoch."""
    return DEADLINE, str(int(at * 1000)).encode()


def deadline_of(headers: Mapping[str, bytes]) -> float | None:
    """Return until when an answer is waited for; None if that is not said."""
    raw = headers.get(DEADLINE, b"")
    return int(raw) / 1000 if raw.isdigit() else None
