"""Refs: the only way to reach an actor or entity."""

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Generic, Protocol, TypeVar, overload

from ._ask import Deadlines
from ._errors import AskTimeout, UnexpectedReply
from ._mailbox import Envelope, Mail, MailboxStatistics
from ._path import ActorPath
from ._runnable import CURRENT

_current = CURRENT.get

R = TypeVar("R")
M_contra = TypeVar("M_contra", contravariant=True)


class Recipient(Protocol[M_contra]):
    """What is true of every ref, wherever its target lives."""

    @property
    def path(self) -> ActorPath:
        """Where the target is."""
        ...

    @property
    def address(self) -> str:
        """What `system.ref` takes on any node."""
        ...

    def tell(self, message: M_contra) -> None:
        """Fire and forget."""
        ...

    async def send(self, message: M_contra) -> None:
        """Return when the message was accepted."""
        ...

    async def ask(self, message: M_contra, timeout: float) -> Any:  # noqa: ASYNC109 - swept by the system
        """Return the reply, or raise before `timeout` seconds have passed."""
        ...


class ActorPort(Protocol):
    """A cell as its refs see it."""

    open_mail: Mail | None  # the mailbox, while it takes everything at once
    held: bool  # nobody need call `wake`

    @property
    def path(self) -> ActorPath: ...
    @property
    def address(self) -> str: ...
    @property
    def deadlines(self) -> Deadlines: ...
    def wake(self) -> None: ...
    def lend(self) -> None: ...
    def when_gone(self, call: Callable[[], None]) -> None: ...
    def stop(self, reason: str = "stopped", *, final: bool = False) -> None: ...
    def kill(self, *, final: bool = False) -> None: ...
    def asked_by(
        self, asker: object, reply: "asyncio.Future[Any]"
    ) -> Callable[[], object] | None: ...
    def take_in(self, envelope: Envelope) -> None: ...
    async def accept_envelope(self, envelope: Envelope) -> None: ...
    def statistics(self) -> MailboxStatistics: ...
    def deliver(
        self, message: Any, reply: "asyncio.Future[Any] | None", timeout: float | None = None
    ) -> None: ...
    async def accept(self, message: Any) -> None: ...


class ActorRef(Generic[M_contra]):
    """Reaches an actor, of this process or of another node.

    Refs are equal when their paths are. A ref that `spawn` returned reaches its actor through
    restarts and until it stops: an actor spawned later under the same name has an equal ref, but
    does not get mail through the old one. A ref that `system.ref` made of an address reaches
    whoever has that name when the message comes.

    Per sender, messages are handled in the order they were sent; each at most once. Those to
    another node are protobuf messages, and travel through the log.
    """

    __slots__ = ("__weakref__", "_port")

    def __init__(self, port: ActorPort) -> None:
        self._port = port

    @property
    def path(self) -> ActorPath:
        """Where the actor is, e.g. `callboard://bank/user/greeter`."""
        return self._port.path

    @property
    def address(self) -> str:
        """What `system.ref` takes on any node, e.g. `callboard://bank/node-2/user/greeter`."""
        return self._port.address

    def tell(self, message: M_contra) -> None:
        """Enqueue a message; never blocks, and says nothing of what becomes of it.

        To an actor that has stopped, or whose bounded mailbox is full, it becomes a dead letter.

        Raises:
            MailboxFull: the mailbox is full and its overflow policy is `fail`.
        """
        port = self._port
        mail = port.open_mail
        if mail is None:
            port.deliver(message, None)
            return
        sender = _current()
        # `pack`, written out: this is the hottest line of all.
        mail.append(
            message if sender is None and type(message) is not tuple else (message, sender, None)
        )
        if not port.held:
            port.wake()

    async def send(self, message: M_contra) -> None:
        """Enqueue a message, waiting for room if the mailbox is bounded with overflow `wait`.

        To an actor on another node: return when the log has the message, acknowledged by all
        replicas; a full mailbox there makes it a dead letter there.

        Raises:
            ActorStopped: the actor is gone, or went while this waited.
            MailboxFull: there is no room and the overflow policy does not wait.
            NodeUnreachable: its node is not there.
            TransportError: the log did not take it, or nobody knows whether it did.
            SchemaError: it goes to another node and is no protobuf message.
        """
        await self._port.accept(message)

    @overload
    async def ask(self, message: M_contra, timeout: float) -> Any: ...  # noqa: ASYNC109 - swept by the system
    @overload
    async def ask(self, message: M_contra, timeout: float, reply_type: type[R]) -> R: ...  # noqa: ASYNC109 - swept by the system
    async def ask(
        self,
        message: M_contra,
        timeout: float,  # noqa: ASYNC109 - swept by the system
        reply_type: type[Any] | None = None,
    ) -> Any:
        """Enqueue a message and return what its handler returns.

        If the actor crashes on it, that is known at once, not when the time is over. Cancelling the
        ask does not take the message back. Plain handlers may run before this suspends, on the
        asker's task; so an `ask` does not always give other tasks their turn.

        Args:
            message: what to ask.
            timeout: seconds until AskTimeout.
            reply_type: the class that the answer has, for type checkers and checked.

        Raises:
            AskTimeout: no reply in time; the message may still be handled.
            ActorFailed: the handler raised; its exception is `__cause__`.
            ActorStopped: the actor is gone, or went before it handled the message.
            AskCycle: the actor waits itself, directly or through others, for the one that asks.
            MailboxFull: there is no room, or the message was dropped to make some.
            UnexpectedReply: the answer is no `reply_type`.
            NodeUnreachable: its node is not there, or went before the answer came.
            ValueError: the timeout is negative or no finite number.
        """
        if not 0.0 <= timeout < math.inf:
            raise ValueError(
                f"timeout is {timeout!r}; every ask ends in time: give seconds, 0 or more"
            )
        port = self._port
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        sender = _current()
        over = None if sender is None else port.asked_by(sender, reply)
        try:
            mail = port.open_mail
            if mail is None:
                port.deliver(message, reply, timeout)
            else:
                mail.append((message, sender, reply))
                if not port.held:
                    port.lend()
            if not reply.done():
                port.deadlines.add(reply, timeout, partial(_too_late, port, type(message), timeout))
            result = await reply
        finally:
            if over is not None:
                over()
        if reply_type is not None and not isinstance(result, reply_type):
            raise UnexpectedReply(str(self.path), reply_type.__name__, result)
        return result

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ActorRef):
            return NotImplemented
        return self._port is other._port or self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    def __repr__(self) -> str:
        return f"<ActorRef {self.path}>"


def port_of(ref: ActorRef[Any]) -> ActorPort:
    """Return what is behind a ref; for the core alone."""
    return ref._port  # noqa: SLF001 - the one place that looks behind a ref  # pyright: ignore[reportPrivateUsage]


def _too_late(port: ActorPort, message_type: type, seconds: float) -> AskTimeout:
    return AskTimeout(str(port.path), message_type.__name__, seconds)


class EntityPort(Protocol):
    """The transport as an entity's refs see it."""

    def tell(self, ref: "EntityRef[Any]", message: object) -> None:
        """Fire and forget."""
        ...

    async def send(self, ref: "EntityRef[Any]", message: object) -> None:
        """Return when the entity's mailbox has the message."""
        ...

    async def send_all(self, messages: "Sequence[tuple[EntityRef[Any], object]]") -> None:
        """Return when all mailboxes have their messages."""
        ...

    async def ask(self, ref: "EntityRef[Any]", message: object, timeout: float) -> Any:  # noqa: ASYNC109 - swept by the system
        """Return the reply or raise in time."""
        ...


class EntityRef(Generic[M_contra]):
    """Reaches an entity by kind and id, on whichever node it lives.

    Args:
        system: name of the actor system.
        kind: the entity's kind.
        id: its id within the kind, not empty.
        port: what carries the messages.

    Raises:
        ValueError: the id is empty or no str.
    """

    __slots__ = ("__weakref__", "_port", "id", "kind", "system")

    def __init__(self, system: str, kind: str, id: str, port: EntityPort) -> None:  # noqa: A002 - the design's name
        if not isinstance(id, str) or not id:  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            raise ValueError(
                f"{id!r} cannot be the id of an entity: an id is a str of at least one character, "
                "as in "
                f'system.entity({kind}, "42")'
            )
        self.system: str = system
        self.kind: str = kind
        self.id: str = id
        self._port = port

    @property
    def path(self) -> ActorPath:
        """Where the entity is, e.g. `callboard://bank/Account/acc-42`."""
        return ActorPath(self.system, (self.kind, self.id))

    @property
    def address(self) -> str:
        """What `system.ref` takes on any node: the path as text."""
        return str(self.path)

    def tell(self, message: M_contra) -> None:
        """Hand the message to the transport and go on; never blocks, says nothing of its fate."""
        self._port.tell(self, message)

    async def send(self, message: M_contra) -> None:
        """Return when the message is in the entity's durable mailbox.

        Raises:
            TransportError: it could not be put there, or nobody knows whether it was.
            SchemaError: the message cannot be written.
        """
        await self._port.send(self, message)

    @overload
    async def ask(self, message: M_contra, timeout: float) -> Any: ...  # noqa: ASYNC109 - swept by the system
    @overload
    async def ask(self, message: M_contra, timeout: float, reply_type: type[R]) -> R: ...  # noqa: ASYNC109 - swept by the system
    async def ask(
        self,
        message: M_contra,
        timeout: float,  # noqa: ASYNC109 - swept by the system
        reply_type: type[Any] | None = None,
    ) -> Any:
        """Return what the entity's handler returns, once the state it speaks of is durable.

        Args:
            message: what to ask.
            timeout: seconds until AskTimeout.
            reply_type: the class that the answer has, for type checkers and checked.

        Raises:
            AskTimeout: no reply in time; the message may still be handled.
            ActorFailed: the entity failed on it and will not be tried again.
            TransportError: the message could not be put into the mailbox.
            SchemaError: the message cannot be written.
            UnexpectedReply: the answer is no `reply_type`.
        """
        result = await self._port.ask(self, message, timeout)
        if reply_type is not None and not isinstance(result, reply_type):
            raise UnexpectedReply(str(self.path), reply_type.__name__, result)
        return result

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EntityRef):
            return NotImplemented
        return (self.system, self.kind, self.id) == (other.system, other.kind, other.id)

    def __hash__(self) -> int:
        return hash((self.system, self.kind, self.id))

    def __repr__(self) -> str:
        return f"<EntityRef {self.path}>"


async def send_all(messages: Iterable[tuple[EntityRef[Any], Any]]) -> None:
    """Send many messages to entities, and return when all mailboxes have theirs.

    What `asyncio.gather` over `ref.send(...)` does, without a task and a future for each: for
    whoever brings a file, a table or a queue to entities. Messages to one entity keep their order.

    ```python
    await send_all((system.entity(Account, row.id), Deposit(cents=row.cents)) for row in rows)
    ```

    Args:
        messages: entities and what they are sent. Taken as a whole: give a long stream in pieces of
            some thousand.

    Raises:
        TransportError: some could not be put there, or nobody knows whether they were.
        SchemaError: a message cannot be written; none of its transport's messages was sent.
    """
    by_port: dict[EntityPort, list[tuple[EntityRef[Any], Any]]] = {}
    for ref, message in messages:
        port: EntityPort = ref._port  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001 - of this module
        by_port.setdefault(port, []).append((ref, message))
    for port, pairs in by_port.items():
        await port.send_all(pairs)
