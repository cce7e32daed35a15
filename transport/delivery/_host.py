"""What the delivery core needs of the node around it, in one object."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

from ...actors import ActorSystem, Dispatcher, EntityRef, FailureEvent
from ._codec import Codec
from ._local_store import LocalStore
from ._records import Outbound
from ._tracker import Load


@dataclass(slots=True)
class Counters:
    """Counts since the node started. Written into every heartbeat."""

    handled: int = 0
    redeliveries_skipped: int = 0
    retries: int = 0
    quarantined: int = 0
    restored: int = 0
    rebalances: int = 0
    """How often partitions have come, with the first time."""
    standstill_ms: int = 0
    """For how long, in all, this node's partitions stood still meanwhile."""

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return {
            "handled": self.handled,
            "redeliveries_skipped": self.redeliveries_skipped,
            "retries": self.retries,
            "quarantined": self.quarantined,
            "restored": self.restored,
            "rebalances": self.rebalances,
            "standstill_ms": self.standstill_ms,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOptions:
    """How the delivery core works; all durations in seconds.

    Attributes:
        max_in_flight: Records of one partition taken in and not finished; a
            partition that has as many is not asked for more.
        max_node_in_flight: The same for all partitions of a node together.
        max_node_bytes: The same in bytes. A partition with nothing in flight is
            asked all the same, so none is held up by the others for ever.
        commit_interval: Time between commits of what is finished.
        lease: How old the last proof of ownership may be when something is
            written; below the group's session time-out.
        guard_interval: Time between looks for states that a former owner wrote
            late; far below the state topic's `min.compaction.lag.ms`.
        drain_timeout: How long a partition that is taken away may finish what
            its handlers have in hand.
        idle_timeout: An entity without mail for as long is passivated.
        max_entities: Entities of a node that are kept as living instances; above
            it, those idle longest are passivated first.
        retry_initial: First delay before a failed write is tried again; it
            doubles up to `retry_maximum`.
        retry_maximum: Longest delay between tries.
        stop_timeout: How long a stopping node may take to write what it owes.
        exactly_once: Write outputs, states and positions of a partition in one
            Kafka transaction. Readers of the topics that are not callboard then
            see each output once, too, if they read committed records only. It
            takes a producer per owned partition and some milliseconds per
            flush; see the page on costs.
        state_dir: A folder for a copy of the states on this machine's disk, one
            for each node. A restart then reads only what came after the last
            checkpoint, entities are loaded when their first message comes, and
            memory holds only those in use. None for no copy.
        checkpoint_interval: Time between updates of that copy.
    """

    max_in_flight: int = 1_000
    max_node_in_flight: int = 20_000
    max_node_bytes: int = 64 * 1024 * 1024
    commit_interval: float = 0.5
    lease: float = 4.0
    guard_interval: float = 30.0
    drain_timeout: float = 5.0
    idle_timeout: float = 120.0
    max_entities: int = 200_000
    retry_initial: float = 0.1
    retry_maximum: float = 5.0
    stop_timeout: float = 10.0
    exactly_once: bool = False
    state_dir: str | PathLike[str] | None = None
    checkpoint_interval: float = 5.0


@dataclass(slots=True)
class Host:
    """The node, as lanes and partitions see it."""

    system: ActorSystem
    dispatcher: Dispatcher
    codec: Codec
    options: DeliveryOptions
    reference: Callable[[str, str], EntityRef[Any]]
    """Makes the reference of an entity from kind and id."""
    reply: Callable[[Outbound], None]
    """Sends an answer to an ask; called when the state it speaks of is durable."""
    reach: Callable[[], Awaitable[None]]
    """Makes sure the topics of every kind referred to so far exist; quick when they do."""
    store: LocalStore | None = None
    """Where copies of states are kept on this machine."""
    offload: Callable[[Callable[[], None]], Awaitable[None]] = asyncio.to_thread
    """Calls something that takes long beside the loop."""
    counters: Counters = field(default_factory=Counters)
    load: Load = field(default_factory=Load)

    @property
    def random(self) -> random.Random:
        """The system's randomness, so that a seed fixes retry delays too."""
        return self.system.random

    def publish(self, event: FailureEvent) -> None:
        """Publish a failure event on the system's event stream."""
        self.system.events.publish(event)

    def later(self, delay: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        """Call something after a delay, on the loop's own clock."""
        return asyncio.get_running_loop().call_later(delay, call)
