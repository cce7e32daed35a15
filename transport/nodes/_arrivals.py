"""What comes from other nodes: messages for actors here, answers, and watches."""

import asyncio
from functools import partial
from typing import Any

from ...actors import (
    ActorPath,
    ActorSystem,
    AskTimeout,
    CallboardError,
    DecodeError,
    NamedPort,
    SchemaError,
    address_on,
)
from ...schemas import Ended, Watch
from ..delivery import (
    REPLY_TO,
    SOURCE,
    STATUS,
    TYPE,
    Codec,
    Inbound,
    Window,
    ask_error,
    ask_reply,
    floor_of,
    id_of,
    text,
)
from ._mail import TO, deadline_of, names_of
from ._replies import Replies
from ._sender import Sender
from ._senders import Senders
from ._watches import Watches

_SOURCES = 10_000
_PRUNE = 10_000
# For an ask that says no deadline: one that was forwarded.
_LONGEST = 600.0


class Arrivals:
    """Gives the mail of a node to whom it is for.

    A message is given to an actor at most once: one that was written twice is dropped by its id.

    Args:
        system: The node.
        codec: Reads messages.
        sender: Writes answers.
        replies: Who waits for answers here.
        watches: Watches between nodes.
        senders: Makes refs of those who sent.
    """

    def __init__(
        self,
        system: ActorSystem,
        codec: Codec,
        sender: Sender,
        *,
        replies: Replies,
        watches: Watches,
        senders: Senders,
    ) -> None:
        self._system = system
        self._codec = codec
        self._sender = sender
        self._replies = replies
        self._watches = watches
        self._senders = senders
        self._seen = Window(sources=_SOURCES)
        self._until_prune = _PRUNE

    def take(self, record: Inbound) -> None:
        """Take one record of this node's inbox."""
        headers = dict(record.headers)
        if STATUS in headers:
            self._replies.answered(headers, record.value)
        elif self._is_new(headers):
            if TO in headers:
                self._message(headers, record.value)
            else:
                self._control(headers, record.value)

    def _is_new(self, headers: dict[str, bytes]) -> bool:
        message = id_of(headers)
        if message is None:
            return True  # a stranger's: nothing tells whether it came before
        if self._seen.has(message):
            return False
        self._seen.add(message, floor_of(headers))
        self._until_prune -= 1
        if not self._until_prune:
            self._until_prune = _PRUNE
            self._seen = Window(self._seen.entries(), sources=_SOURCES)
        return True

    def _message(self, headers: dict[str, bytes], value: bytes | None) -> None:
        system = self._system
        path = ActorPath(system.name, ("user", *names_of(headers)))
        sender = self._senders.of(headers.get(SOURCE, b""))
        try:
            message: Any = self._codec.decode(headers.get(TYPE), value)
        except SchemaError as error:
            system.dead_letter(value, path, sender, f"{text(headers, TYPE)}: {error}")
            self._refuse(headers, path, error)
            return
        reply: asyncio.Future[Any] | None = None
        if REPLY_TO in headers:
            deadline = deadline_of(headers)
            left = _LONGEST if deadline is None else deadline - system.wall_clock()
            if left <= 0:
                system.dead_letter(message, path, sender, "its asker's deadline had passed")
                return
            reply = asyncio.get_running_loop().create_future()
            reply.add_done_callback(partial(self._answer, headers, path))
            late = partial(AskTimeout, str(path), type(message).__name__, left)
            system.deadlines.add(reply, left, late)
        try:
            NamedPort(system, path).take_in((message, sender, reply))
        except CallboardError as error:  # a mailbox whose overflow policy is `fail`
            if reply is not None:
                reply.set_exception(error)
            else:
                system.dead_letter(message, path, sender, str(error))

    def _answer(
        self, headers: dict[str, bytes], path: ActorPath, reply: "asyncio.Future[Any]"
    ) -> None:
        if reply.cancelled():
            return
        error = reply.exception()
        if isinstance(error, AskTimeout) and error.target == str(path):
            return  # its asker has given up at the same moment
        if error is not None:
            self._refuse(headers, path, error)
            return
        try:
            answer = ask_reply(headers, reply.result(), self._codec)
        except SchemaError as wrong:
            self._system.log.error("an answer cannot travel", actor=str(path), error=str(wrong))
            self._refuse(headers, path, wrong)
            return
        if answer is not None:
            self._sender.post_record(answer)

    def _refuse(self, headers: dict[str, bytes], path: ActorPath, error: BaseException) -> None:
        answer = ask_error(headers, address_on(path, self._system.node), error)
        if answer is not None:
            self._sender.post_record(answer)

    def _control(self, headers: dict[str, bytes], value: bytes | None) -> None:
        node = self._senders.node_of(headers.get(SOURCE, b""))
        try:
            message = self._codec.decode(headers.get(TYPE), value)
            if isinstance(message, Watch) and node:
                self._watches.asked(node, message)
            elif isinstance(message, Ended) and node:
                self._watches.ended(node, message)
            else:
                kind = text(headers, TYPE)
                raise DecodeError(f"{kind!r} without {TO}: it says not which actor it is for")
        except SchemaError as error:
            self._system.log.warning("mail for this node that nobody can take", error=str(error))
