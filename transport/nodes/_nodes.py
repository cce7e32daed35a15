"""A node among the others: what it hears of them, says to them, and takes from them."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from ...actors import (
    ActorRef,
    ActorSystem,
    Address,
    NodeDown,
    NodeUp,
    Recipient,
    TransportError,
)
from ...schemas import Heartbeat, ProtobufDecodeError
from ..delivery import Codec, Inbound, TopicPartition, members_topic
from ._announcer import INTERVAL, Announcer
from ._arrivals import Arrivals
from ._membership import Membership
from ._post import Post
from ._remote import RemotePort
from ._replies import Replies, inbox_of
from ._sender import Sender
from ._senders import Senders
from ._watches import Watches

_POLL = 5.0
_PAUSE = 0.2
_LOOK = 0.02


class Followed(Protocol):
    """Partitions that are followed."""

    async def next(self, timeout: float) -> Mapping[TopicPartition, Sequence[Inbound]]:  # noqa: ASYNC109 the client's own time-out
        """Return what has come."""
        ...

    async def reached(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Tell whether everything below these offsets has been returned."""
        ...

    async def aclose(self) -> None:
        """Stop following."""
        ...


class Nodes:
    """Membership, and the mail between nodes.

    Order of events on start: it follows its inbox and the heartbeats from now on, then says that
    it is there. On close: it says that it has gone, then stops following.

    Args:
        system: The node.
        codec: Writes and reads messages.
        sender: Writes records.
        run: Tells this run of the node from others of its name.
        timeout: Seconds of silence after which a node is down.
        owned: Returns the partitions this node runs.
        counters: Returns its counts.
        ready: Returns when the transport has started.
        reach: Makes a ref of an address.
    """

    def __init__(
        self,
        system: ActorSystem,
        codec: Codec,
        sender: Sender,
        *,
        run: str,
        timeout: float,
        owned: Callable[[], Sequence[TopicPartition]],
        counters: Callable[[], dict[str, int]],
        ready: Callable[[], Awaitable[None]],
        reach: Callable[[str], Recipient[Any]],
    ) -> None:
        self._system = system
        self._key = system.node.encode()
        self._members = TopicPartition(members_topic(system.name), 0)
        self.replies = Replies(system, codec)
        """Who waits for answers."""
        self.membership = Membership(system.node, run, timeout=timeout, interval=INTERVAL)
        """Who is there."""
        self.announcer = Announcer(system, sender, run, owned, counters)
        """What says that this node is there."""
        self.on_heard: Callable[[], None] | None = None
        """Called after each heartbeat."""
        self._post = Post(
            system,
            codec,
            sender,
            replies=self.replies,
            membership=self.membership,
            ready=ready,
        )
        self._watches = Watches(system, self._post, self.membership)
        senders = Senders(reach)
        self._arrivals = Arrivals(
            system,
            codec,
            sender,
            replies=self.replies,
            watches=self._watches,
            senders=senders,
        )
        self._services: dict[str, bytes] = {}
        self._told_of_namesake = False
        self._tail: Followed | None = None
        self._task: asyncio.Task[None] | None = None

    def actor(self, at: Address) -> ActorRef[Any]:
        """Return the ref of an actor on another node."""
        return ActorRef(RemotePort(at, self._post, self._watches, self._system.deadlines))

    # -- life -----------------------------------------------------------------

    @property
    def followed(self) -> list[TopicPartition]:
        """The partitions that have to be followed from now on."""
        return [inbox_of(self._system.name, self._system.node), self._members]

    def start(self, tail: Followed) -> None:
        """Take what comes, and say that this node is there."""
        self._tail = tail
        self._task = asyncio.create_task(self._follow(tail), name="callboard-nodes")
        self.announcer.start()

    async def reached(self, ends: Mapping[TopicPartition, int]) -> None:
        """Return when everything below these offsets has been taken."""
        assert self._tail is not None, "start() comes first"
        while not await self._tail.reached(ends):  # noqa: ASYNC110 the client says it in no other way
            await asyncio.sleep(_LOOK)

    async def aclose(self) -> None:
        """Give up what never left, and stop taking. Asks still open end by their deadlines."""
        self._post.close()
        if self._task is not None:
            # Within the client this leaks; but not what a client without a group would miss.
            self._task.cancel()
            await asyncio.wait([self._task], timeout=2.0)

    # -- inside -------------------------------------------------------------------

    async def _follow(self, tail: Followed) -> None:
        try:
            while True:
                try:
                    fetched = await tail.next(_POLL)
                except TransportError as error:
                    self._system.log.warning("the inbox is not reached", error=str(error))
                    await asyncio.sleep(_PAUSE)
                    continue
                for partition, records in fetched.items():
                    take = self._heard if partition == self._members else self._arrived
                    for record in records:
                        self._guarded(take, record)
        finally:
            with contextlib.suppress(TransportError):
                await tail.aclose()

    def _guarded(self, take: Callable[[Inbound], None], record: Inbound) -> None:
        try:
            take(record)
        except Exception as error:
            self._system.log.error(
                "a record from another node could not be taken",
                offset=record.offset,
                error=repr(error),
                exc_info=error,
            )

    def _arrived(self, record: Inbound) -> None:
        if record.key == self._key:
            self._arrivals.take(record)

    def _heard(self, record: Inbound) -> None:
        try:
            beat = Heartbeat.FromString(record.value or b"")
        except ProtobufDecodeError:
            self._system.log.warning("a heartbeat that nobody can read", offset=record.offset)
            return
        events = self.membership.heard(beat, asyncio.get_running_loop().time())
        if beat.node != self._system.node and self.membership.is_up(beat.node):
            self._learn(beat)
        for event in events:
            if isinstance(event, NodeDown):
                self._down(event)
            elif isinstance(event, NodeUp):
                self._up(event.node)
            self._system.events.publish(event)
        if beat.node == self._system.node:
            self._look()
        if self.on_heard is not None:
            self.on_heard()

    def _up(self, node: str) -> None:
        """Let it know at once that this node is there, and what is wanted of it."""
        if node != self._system.node:
            self.announcer.soon()
        self._post.up(node)
        self._watches.up(node)

    def _learn(self, beat: Heartbeat) -> None:
        said = b"".join(each.SerializeToString(deterministic=True) for each in beat.services)
        if self._services.get(beat.node, b"") == said:
            return
        self._services[beat.node] = said
        services: dict[str, tuple[ActorRef[Any], ...]] = {}
        for each in beat.services:
            at = Address(self._system.name, beat.node, tuple(each.names), "")
            services[each.key] = (*services.get(each.key, ()), self.actor(at))
        self._system.receptionist.learned(beat.node, services)

    def _down(self, event: NodeDown) -> None:
        self._watches.gone(event)
        self._post.gone(event.node, event.reason)
        if not self.membership.is_up(event.node):  # else another run of it is
            self._services.pop(event.node, None)
            self._system.receptionist.learned(event.node, {})

    def _look(self) -> None:
        """End what waits for nodes that are not there, and never were."""
        if self.membership.namesake and not self._told_of_namesake:
            self._told_of_namesake = True
            self._system.log.error(
                "another process has the same node name: each gets mail that is for the other. "
                "Give every process a name of its own",
                node=self._system.node,
            )
        for node in {**dict.fromkeys(self._watches.nodes), **dict.fromkeys(self._post.awaited)}:
            reason = self.membership.missing(node)
            if reason is not None:
                self._watches.gone(NodeDown(node, reason))
                self._post.gone(node, reason)
