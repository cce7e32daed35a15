"""What a group knows of a member, and what it answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from ._clock import Timer
from .wire import I16, TEXT, Array, ErrorCode, MalformedRequest, Reader


class State(Enum):
    """Where a group is in its life; the values are Kafka's names."""

    EMPTY = "Empty"
    PREPARING = "PreparingRebalance"
    COMPLETING = "CompletingRebalance"
    STABLE = "Stable"


class Joined(NamedTuple):
    """The answer to a join."""

    error: ErrorCode
    generation: int = -1
    protocol: str = ""
    leader: str = ""
    member: str = ""
    members: Sequence[tuple[str, str | None, bytes]] = ()


class Synced(NamedTuple):
    """The answer to a sync."""

    error: ErrorCode
    assignment: bytes = b""


@dataclass(slots=True)
class Member:
    """A member, and what it waits for.

    Attributes:
        id: Its member id.
        instance: Its name for ever, if it is static.
        client_id: As its client calls itself.
        client_host: Where it is.
        session_timeout: Seconds of silence after which it is dead.
        rebalance_timeout: Seconds it may take to join again.
        protocols: The assignors it knows, dearest first, with its metadata for each.
        assignment: What the leader gave it.
        on_joined: Called when its join is answered.
        on_synced: Called when its sync is answered.
        session: Ends its session.
        is_new: Whether it has not been in a generation yet.
        synced: Whether it has asked for its assignment of this generation.
    """

    id: str
    instance: str | None
    client_id: str
    client_host: str
    session_timeout: float
    rebalance_timeout: float
    protocols: dict[str, bytes]
    assignment: bytes = b""
    on_joined: Callable[[Joined], None] | None = None
    on_synced: Callable[[Synced], None] | None = None
    session: Timer | None = None
    is_new: bool = True
    synced: bool = False

    def dismiss(self, error: ErrorCode) -> None:
        """End its session, and answer whatever it waits for."""
        if self.session is not None:
            self.session.cancel()
        if self.on_joined is not None:
            self.on_joined(Joined(error, member=self.id))
        if self.on_synced is not None:
            self.on_synced(Synced(error))
        self.on_joined = self.on_synced = None

    def take_over(self, newer: "Member") -> None:
        """Take what a later join of the same member brings."""
        self.protocols = newer.protocols
        self.session_timeout = newer.session_timeout
        self.rebalance_timeout = newer.rebalance_timeout
        self.client_id, self.client_host = newer.client_id, newer.client_host


def subscription(metadata: bytes) -> list[str]:
    """Return the topics in a consumer's metadata; none where it is something else."""
    reader = Reader(metadata)
    try:
        I16.read(reader, 0)  # its version; the topics stand at the same place in all
        return [name for name in _TOPICS.read(reader, 0) or () if name]
    except MalformedRequest:
        return []


_TOPICS = Array(TEXT)
