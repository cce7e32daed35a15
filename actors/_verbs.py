"""What is behind `self.context`: the verbs of an actor, carried out on its cell."""

from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any

from ._cell import Cell
from ._errors import NotRunning
from ._handlers import table_of
from ._mailbox import Envelope, MailboxOptions, MailboxStatistics, unpack
from ._messages import ReceiveTimeout
from ._path import ActorPath
from ._props import ChildSpec
from ._ref import ActorPort, ActorRef, EntityRef, Recipient, port_of
from ._reply import DeferredReply
from ._runtime import System
from ._spawning import bear, bear_in_order
from ._tools import LastMail, Tools
from ._turns import State


class Verbs:
    """The verbs of one actor; made with its context, and like that it outlives restarts."""

    __slots__ = ("_cell",)

    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    # --- where this is ----------------------------------------------------------------------------

    @property
    def system(self) -> System:
        """The actor system."""
        return self._cell.system

    @property
    def self_ref(self) -> ActorRef[Any]:
        """The ref of this actor."""
        return self._cell.self_ref

    @property
    def restarts(self) -> int:
        """Restarts in a row."""
        return self._cell.restarts

    @property
    def path(self) -> ActorPath:
        """Where this actor is."""
        return self._cell.path

    @property
    def sender(self) -> Recipient[Any] | None:
        """Who sent the message in hand."""
        item = self._cell.item
        return item[1] if type(item) is tuple else None

    def parent_ref(self) -> ActorRef[Any] | None:
        """Return the parent, or None if that is the system."""
        return self._cell.parent_ref()

    def child_refs(self) -> Sequence[ActorRef[Any]]:
        """Return the living children, oldest first."""
        return self._cell.child_refs()

    def statistics(self) -> MailboxStatistics:
        """Return how full the mailbox is."""
        return self._cell.statistics()

    # --- other actors -----------------------------------------------------------------------------

    def spawn(
        self,
        actor: type[Any] | ChildSpec,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        name: str | None,
        mailbox: MailboxOptions | None,
    ) -> ActorRef[Any]:
        """Start a child."""
        cell = self._parent()
        return bear(cell.system, cell, cell.family, actor, args, kwargs, name, mailbox).self_ref

    def start(self, specs: Sequence[ChildSpec]) -> Sequence[ActorRef[Any]]:
        """Start children in order."""
        cell = self._parent()
        cells = bear_in_order(cell.system, cell, cell.family, specs)
        return [one.self_ref for one in cells]

    def watch(self, ref: Recipient[Any]) -> None:
        """Be told when that actor stops."""
        self._cell.watch(ref)

    def unwatch(self, ref: Recipient[Any]) -> None:
        """Take `watch` back."""
        self._cell.unwatch(ref)

    def link(self, ref: ActorRef[Any]) -> None:
        """Die together."""
        self._cell.link(ref)

    def unlink(self, ref: ActorRef[Any]) -> None:
        """Take `link` back."""
        self._cell.unlink(ref)

    def stop_within(self, ref: ActorRef[Any], *, after_mail: bool) -> None:
        """Stop this actor or a child of it."""
        if port_of(ref) == self._cell:
            cell, final = self._cell, False
        else:
            cell, final = self._child(ref, "stop"), True
        if after_mail:
            cell.put(LastMail(final=final))
        else:
            cell.stop(final=final)

    def kill_within(self, ref: ActorRef[Any]) -> None:
        """Kill a child."""
        self._child(ref, "kill").kill(final=True)

    # --- the message in hand ----------------------------------------------------------------------

    @property
    def message(self) -> object:
        """The message in hand."""
        return unpack(self._cell.item)[0]

    def forward_to_all(self, refs: Sequence[ActorRef[Any]]) -> None:
        """Pass the message in hand on to several."""
        envelope = self._envelope(self.message)
        for ref in refs:
            port_of(ref).take_in(envelope)
        if refs:
            self._give_away(None)

    def forward(self, ref: Recipient[Any], message: object) -> None:
        """Pass the message in hand on, with its sender and its asker."""
        if isinstance(ref, EntityRef):
            item = unpack(self._cell.item)
            if item[2] is not None:
                raise TypeError(
                    f"{self.path} cannot forward an ask to {ref.path}, which may live on another "
                    "node; write `return await ref.ask(message, timeout=...)` in the handler"
                )
            ref.tell(message)
            return
        if not isinstance(ref, ActorRef):
            raise TypeError(f"{ref!r} is no ref, so nothing can be forwarded to it")
        port = port_of(ref)
        port.take_in(self._envelope(message))
        self._give_away(port)

    async def forward_when_room(self, ref: ActorRef[Any], message: object) -> None:
        """Pass the message in hand on, when the other's mailbox has room."""
        await port_of(ref).accept_envelope(self._envelope(message))
        self._give_away(port_of(ref))

    def defer_reply(self) -> DeferredReply:
        """Take the asker of the message in hand away from its handler."""
        cell = self._cell
        reply = self._envelope(None)[2]
        self._give_away(None)
        if reply is not None:
            self._tools().promise(reply)
        return DeferredReply(reply, cell.answer)

    def stash(self) -> None:
        """Put the message in hand aside."""
        self._tools().put_aside(self._cell.actor_class.stash_capacity)

    def unstash_all(self) -> None:
        """Put back what was put aside."""
        if self._cell.tools is not None:
            self._cell.tools.unstash()

    def become(self, methods: Sequence[Callable[..., Any]], *, discard_old: bool) -> None:
        """Handle messages with other methods."""
        cell = self._cell
        table = table_of(cell.actor_class, methods)
        tools = self._tools()
        if not discard_old or not tools.behaviors:
            tools.behaviors.append(cell.behavior)
        cell.behavior = table

    def unbecome(self) -> None:
        """Go back to what was in force before."""
        tools = self._cell.tools
        if tools is not None and tools.behaviors:
            self._cell.behavior = tools.behaviors.pop()

    # --- time and tasks ---------------------------------------------------------------------------

    def start_timer(
        self, key: object, delay: float, message: object, interval: float | None
    ) -> None:
        """Start a timer in place of the one with its key."""
        self._tools().start_timer(key, delay, message, interval)

    def cancel_timer(self, key: object) -> bool:
        """Cancel a timer."""
        tools = self._cell.tools
        return tools is not None and tools.cancel_timer(key)

    def active_timers(self) -> Collection[object]:
        """Return the keys of the timers."""
        tools = self._cell.tools
        return () if tools is None else tuple(tools.timers)

    def set_receive_timeout(self, seconds: float | None, message: object) -> None:
        """Notice when no message comes."""
        self._tools().set_receive_timeout(seconds, ReceiveTimeout() if message is None else message)

    def pipe_to_self(
        self,
        coroutine: Coroutine[Any, Any, Any],
        on_success: Callable[[Any], object],
        on_failure: Callable[[BaseException], object] | None,
        seconds: float | None,
    ) -> None:
        """Run a coroutine beside the actor."""
        self._tools().run(coroutine, on_success, on_failure, seconds)

    # ----------------------------------------------------------------------------------------------

    def _tools(self) -> Tools:
        cell = self._cell
        if cell.tools is None:
            cell.tools = Tools(cell)
        return cell.tools

    def _envelope(self, message: object) -> Envelope:
        """Return the envelope in hand with another message."""
        _, sender, reply = unpack(self._cell.item)
        return (message, sender, reply)

    def _give_away(self, to: ActorPort | None) -> None:
        """Leave the asker of the message in hand to somebody else: only once that one has it."""
        message, sender, reply = unpack(self._cell.item)
        self._cell.system.asks.passed_on(reply, to)
        self._cell.item = (message, sender, None)

    def _parent(self) -> Cell:
        cell = self._cell
        if cell.state not in (State.STARTING, State.RUNNING):
            raise NotRunning(
                f"{cell.path} is {cell.state.value} and takes no children; spawn in a handler or "
                "in `started`"
            )
        return cell

    def _child(self, ref: ActorRef[Any], verb: str) -> Cell:
        cell = port_of(ref)
        if not (isinstance(cell, Cell) and cell.parent is self._cell):
            raise ValueError(
                f"{self.path} cannot {verb} {ref.path}: an actor stops itself and its own "
                "children. Tell that actor a message on which it stops itself, or use "
                f"system.{verb}(ref)."
            )
        return cell
