"""What goes to actors of other nodes, and who waits for their answers."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple

from ...actors import (
    ActorSystem,
    Address,
    NodeUnreachable,
    SchemaError,
    TransportClosed,
    TransportError,
    TransportUnavailable,
    current_sender,
)
from ...schemas import Message
from ..delivery import (
    Codec,
    Header,
    Outbound,
    hold_back,
    message_headers,
    node_source,
    source_now,
)
from ._mail import deadline_header, to_header
from ._membership import Membership
from ._replies import Replies, inbox_of
from ._sender import Lost, Make, Sender

_MAX_HELD = 10_000
_AGAIN = 1.0


class _Held(NamedTuple):
    """What waits for a node to come.

    Attributes:
        make: builds the record.
        lost: called with the reason when it is given up.
        done: whoever waits until the log has it; None when nobody does.
    """

    make: Make
    lost: Lost
    done: asyncio.Future[None] | None = None


class Post:
    """Writes messages for actors of other nodes into the nodes' inboxes.

    As with entities, what an entity's handler tells and sends is held back until the handler has
    succeeded; an ask leaves at once.

    Args:
        system: The node.
        codec: Writes messages.
        sender: Writes records.
        replies: Takes answers.
        membership: Knows who is there.
        ready: Returns when the transport has started.
    """

    def __init__(
        self,
        system: ActorSystem,
        codec: Codec,
        sender: Sender,
        *,
        replies: Replies,
        membership: Membership,
        ready: Callable[[], Awaitable[None]],
    ) -> None:
        self._system = system
        self._codec = codec
        self._sender = sender
        self._replies = replies
        self._membership = membership
        self._ready = ready
        self._source = node_source(system)
        self._closed = False
        self._held: dict[str, list[_Held]] = {}
        self._holds = 0  # those that nobody waits for
        self._asked: dict[str, dict[asyncio.Future[Any], Address]] = {}

    # -- life -----------------------------------------------------------------

    def close(self) -> None:
        """Give up what never left."""
        self._closed = True
        for node in list(self._held):
            self._give_up(node, TransportClosed("the transport closed before it was reached"))

    @property
    def awaited(self) -> list[str]:
        """The nodes that something waits for: their answers, or that they come."""
        return list(dict.fromkeys((*self._held, *self._asked)))

    def up(self, node: str) -> None:
        """Let go, in its order, what waited for a node to come."""
        for make, lost, done in self._release(node):
            if done is None:
                self._post(make, lost)
            elif not done.done():  # else its sender was cancelled
                try:
                    self._sender.put(make, done)
                except TransportError as error:
                    lost(error)

    def gone(self, node: str, reason: str) -> None:
        """Give up what waits for a node."""
        path = Address(self._system.name, node, (), "").path
        self._give_up(node, NodeUnreachable(str(path), node, reason))
        for reply, at in self._asked.pop(node, {}).items():
            _fail(reply, NodeUnreachable(str(at.path), node, reason))

    # -- verbs ------------------------------------------------------------------

    def tell(self, at: Address, message: object, sender: Any = None) -> None:
        """Send without waiting; what does not arrive is a dead letter.

        Raises:
            SchemaError: It is no protobuf message, or too large.
        """
        make = self._message(at, message, sender, [])
        if not hold_back(make):
            who = sender or current_sender()
            lost = self._system.dead_letter
            self._give(at, make, lambda error: lost(message, at.path, who, str(error)))

    async def send(self, at: Address, message: object, sender: Any = None) -> None:
        """Send, and wait until the log has it.

        Raises:
            NodeUnreachable: The node is not there.
            TransportError: It could not be written, or nobody knows whether it was.
            SchemaError: It is no protobuf message, or too large.
        """
        make = self._message(at, message, sender, [])
        if hold_back(make):
            return
        await self._ready()
        if self._membership.is_up(at.node) and at.node not in self._held:
            await self._sender.send(make)
            return
        if (reason := self._membership.missing(at.node)) is not None:
            raise NodeUnreachable(str(at.path), at.node, reason)
        if self._closed:
            raise TransportClosed("the transport is closed; the system has stopped")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._held.setdefault(at.node, []).append(_Held(make, partial(_fail, done), done))
        await done  # ends: its node comes, or is known not to be there

    def ask(
        self,
        at: Address,
        message: object,
        reply: asyncio.Future[Any],
        timeout: float | None,
        sender: Any = None,
    ) -> None:
        """Send, and give the answer to `reply`, which has a deadline of its own."""
        extra = self._replies.expect(reply)
        if timeout is not None:
            extra.append(deadline_header(self._system.wall_clock() + timeout))
        try:
            make = self._message(at, message, sender, extra)
        except SchemaError as error:
            _fail(reply, error)
            return
        self._asked.setdefault(at.node, {})[reply] = at
        reply.add_done_callback(partial(self._answered, at.node))
        self._give(at, make, partial(_fail, reply))

    def control(self, node: str, message: Message, still: Callable[[], bool]) -> None:
        """Send a message to a node itself; again, if it was lost, as long as `still` says so."""
        kind, value = self._codec.encode(message)
        to, key = inbox_of(self._system.name, node), node.encode()
        at = Address(self._system.name, node, (), "")

        def make(message_id: str) -> Outbound:
            return Outbound(to, key, value, message_headers(kind, self._source, message_id))

        def again(error: BaseException) -> None:
            if not isinstance(error, NodeUnreachable | TransportClosed) and still():
                loop = asyncio.get_running_loop()
                loop.call_later(_AGAIN, self.control, node, message, still)

        self._give(at, make, again)

    # -- inside -------------------------------------------------------------------

    def _message(self, at: Address, message: object, sender: Any, extra: list[Header]) -> Make:
        kind, value = self._codec.encode(message)
        to, key = inbox_of(at.system, at.node), at.node.encode()
        source = source_now(self._source) if sender is None else (self._source[0], _name(sender))
        to_whom = to_header(at.names)

        def make(message_id: str) -> Outbound:
            headers = [*message_headers(kind, source, message_id), to_whom, *extra]
            return Outbound(to, key, value, headers)

        return make

    def _give(self, at: Address, make: Make, lost: Lost) -> None:
        """Write a message, or keep it until its node is there: what is not read yet is lost."""
        if self._membership.is_up(at.node) and at.node not in self._held:
            self._post(make, lost)
        elif (reason := self._membership.missing(at.node)) is not None:
            lost(NodeUnreachable(str(at.path), at.node, reason))
        elif self._closed:
            lost(TransportClosed("the transport is closed; the system has stopped"))
        elif self._holds >= _MAX_HELD:
            lost(TransportUnavailable(f"{_MAX_HELD:,} messages wait for their nodes to come"))
        else:
            self._holds += 1
            self._held.setdefault(at.node, []).append(_Held(make, lost))

    def _post(self, make: Make, lost: Lost) -> None:
        try:
            self._sender.post(make, lost)
        except TransportError as error:
            lost(error)

    def _release(self, node: str) -> list[_Held]:
        held = self._held.pop(node, [])
        self._holds -= sum(each.done is None for each in held)
        return held

    def _give_up(self, node: str, error: BaseException) -> None:
        for each in self._release(node):
            each.lost(error)

    def _answered(self, node: str, reply: asyncio.Future[Any]) -> None:
        waiting = self._asked.get(node)
        if waiting is not None:
            waiting.pop(reply, None)
            if not waiting:
                del self._asked[node]


def _name(sender: Any) -> bytes:
    return str(sender.address).encode()


def _fail(reply: asyncio.Future[Any], error: BaseException) -> None:
    if not reply.done():
        reply.set_exception(error)
