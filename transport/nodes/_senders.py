"""Who sent a message, as a ref one can answer to."""

from collections.abc import Callable
from typing import Any

from ...actors import Address, Recipient

_KEPT = 10_000
_NODES = "nodes"


class Senders:
    """Makes refs of what `ce_source` says, and keeps those made last.

    Args:
        reach: Makes a ref of an address.
    """

    def __init__(self, reach: Callable[[str], Recipient[Any]]) -> None:
        self._reach = reach
        self._refs: dict[bytes, Recipient[Any] | None] = {}

    def of(self, source: bytes) -> Recipient[Any] | None:
        """Return the ref of who sent; None if it was no actor, or nothing this node can reach."""
        if source in self._refs:
            return self._refs[source]
        found: Recipient[Any] | None
        try:
            address = source.decode()
            found = None if self.node_of(source) else self._reach(address)
        except (ValueError, LookupError):
            found = None
        if len(self._refs) >= _KEPT:
            self._refs.clear()
        self._refs[source] = found
        return found

    def node_of(self, source: bytes) -> str:
        """Return the name of the node that sent by itself, and not an actor of it; or ''."""
        try:
            at = Address.parse(source.decode())
        except ValueError:
            return ""
        return at.names[0] if at.kind == _NODES else ""
