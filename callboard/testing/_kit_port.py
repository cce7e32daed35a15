"""What stands behind the context of an actor in a kit: it records, and runs nothing."""

import random
from collections.abc import Callable, Collection, Coroutine, Generator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import structlog

from ..actors import (
    CURRENT,
    ActorPath,
    ActorRef,
    AskTimeout,
    ChildSpec,
    DeferredReply,
    EventStream,
    HandlerTable,
    MailboxOptions,
    MailboxStatistics,
    ReceiveTimeout,
    Recipient,
    table_of,
)
from ._effects import (
    Answered,
    Became,
    Piped,
    ReceiveTimeoutSet,
    Spawned,
    Stashed,
    Stopped,
    TimerCancelled,
    TimerStarted,
    Told,
    Unstashed,
    Watched,
)


class KitView(Protocol):
    """The kit, as its port sees it."""

    effects: list[object]
    answers: list[object]
    now: float
    events: EventStream
    path: ActorPath


class KitRef(ActorRef[Any]):
    """A ref in a kit: telling it is an effect, asking it takes the next answer."""

    __slots__ = ("_owner", "_path")

    def __init__(self, kit: KitView | None, path: ActorPath) -> None:
        self._owner = kit
        self._path = path

    def bind(self, kit: KitView) -> None:
        """Belong to a kit, unless it does to one already."""
        if self._owner is None:
            self._owner = kit

    @property
    def _kit(self) -> KitView:
        if self._owner is None:
            raise AssertionError(f"{self._path} belongs to no kit yet: give it to ActorKit(...)")
        return self._owner

    @property
    def path(self) -> ActorPath:
        """Where it would be."""
        return self._path

    def tell(self, message: Any) -> None:
        """Record the message."""
        self._kit.effects.append(Told(str(self._path), message))

    async def send(self, message: Any) -> None:
        """Record the message."""
        self.tell(message)

    async def ask(self, message: Any, timeout: float, reply_type: Any = None) -> Any:  # noqa: ASYNC109 - as the real one's
        """Record the message and return the next of the kit's answers, or raise it."""
        del reply_type
        self.tell(message)
        answers = self._kit.answers
        if not answers:
            raise AskTimeout(str(self._path), type(message).__name__, timeout)
        answer = answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ActorRef) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self._path)


def kit_ref(name: str) -> ActorRef[Any]:
    """Return a ref to hand to an ActorKit with the arguments of its actor.

    ```python
    kit = ActorKit(Greeter, kit_ref("journal"))
    ```
    """
    return KitRef(None, ActorPath("kit", ("user", name)))


class KitSystem:
    """As much of an actor system as an actor can look at in a kit."""

    name = "kit"
    node = "kit-node"

    def __init__(self, kit: KitView, port: "KitPort") -> None:
        self._kit = kit
        self._port = port
        self.events: EventStream = kit.events
        self.random: random.Random = random.Random(0)
        self.log: Any = structlog.get_logger("callboard", system=self.name, node=self.node)

    def wall_clock(self) -> float:
        """Return the kit's time."""
        return self._kit.now

    def spawn(self, actor: Any, *args: Any, name: str | None = None, **kwargs: Any) -> Any:
        """Record a top-level actor."""
        kwargs.pop("mailbox", None)
        return self._port.spawn(actor, args, kwargs, name, None)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"an ActorKit has no system.{name}; test this actor in a system, in virtual time"
        )


class KitPort:
    """The port of the actor's context."""

    def __init__(self, kit: KitView, handlers: HandlerTable) -> None:
        self._kit = kit
        self._made = 0
        self._timers: dict[object, None] = {}
        self._children: dict[str, ActorRef[Any]] = {}
        self._behaviors: list[HandlerTable] = []
        self._stash: list[object] = []
        self._passed_on = False
        self.behavior = handlers
        self.in_hand: object = None
        self.in_hand_sender: Recipient[Any] | None = None
        self.actor_class: type[Any] = object
        self.system: Any = KitSystem(kit, self)
        self.self_ref: ActorRef[Any] = KitRef(kit, kit.path)
        self.restarts = 0

    @contextmanager
    def acting(self) -> Generator[None]:
        """Be the sender of what is told meanwhile."""
        token = CURRENT.set(self.self_ref)
        try:
            yield
        finally:
            CURRENT.reset(token)

    def take(self, message: object, sender: Recipient[Any] | None) -> None:
        """Have a message in hand."""
        self.in_hand, self.in_hand_sender, self._passed_on = message, sender, False

    def answered(self, result: object) -> object:
        """Return what the handler answers, None if it gave its asker away."""
        return None if self._passed_on else result

    # --- the port ---------------------------------------------------------------------------------

    @property
    def path(self) -> ActorPath:
        """Where the actor is."""
        return self._kit.path

    @property
    def sender(self) -> Recipient[Any] | None:
        """Who sent the message in hand."""
        return self.in_hand_sender

    @property
    def message(self) -> object:
        """The message in hand."""
        return self.in_hand

    def parent_ref(self) -> ActorRef[Any] | None:
        """Return no parent."""
        return None

    def child_refs(self) -> Sequence[ActorRef[Any]]:
        """Return refs of the children that were spawned."""
        return tuple(self._children.values())

    def statistics(self) -> MailboxStatistics:
        """Return those of an empty mailbox."""
        return MailboxStatistics(waiting=0, capacity=None, senders=0, dropped=0)

    def spawn(
        self,
        actor: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        name: str | None,
        mailbox: MailboxOptions | None,
    ) -> ActorRef[Any]:
        """Record a child."""
        del mailbox
        if isinstance(actor, ChildSpec):
            actor, args, kwargs, name = actor.actor, actor.args, dict(actor.kwargs), actor.name
        if name is None:
            self._made += 1
            name = f"${self._made}"
        self._kit.effects.append(Spawned(actor, args, name, kwargs))
        ref = self._children[name] = KitRef(self._kit, self.path / name)
        return ref

    def start(self, specs: Sequence[ChildSpec]) -> Sequence[ActorRef[Any]]:
        """Record children."""
        return [self.spawn(spec, (), {}, None, None) for spec in specs]

    def watch(self, ref: Recipient[Any]) -> None:
        """Record it."""
        self._kit.effects.append(Watched(str(ref.path), "watch"))

    def unwatch(self, ref: Recipient[Any]) -> None:
        """Record it."""
        self._kit.effects.append(Watched(str(ref.path), "unwatch"))

    def link(self, ref: ActorRef[Any]) -> None:
        """Record it."""
        self._kit.effects.append(Watched(str(ref.path), "link"))

    def unlink(self, ref: ActorRef[Any]) -> None:
        """Record it."""
        self._kit.effects.append(Watched(str(ref.path), "unlink"))

    def stop_within(self, ref: ActorRef[Any], *, after_mail: bool) -> None:
        """Record it."""
        self._children.pop(ref.path.name, None)
        self._kit.effects.append(Stopped(str(ref.path), "after mail" if after_mail else "stop"))

    def kill_within(self, ref: ActorRef[Any]) -> None:
        """Record it."""
        self._children.pop(ref.path.name, None)
        self._kit.effects.append(Stopped(str(ref.path), "kill"))

    def become(self, methods: Sequence[Callable[..., Any]], *, discard_old: bool) -> None:
        """Change the handlers, and record it."""
        if not discard_old or not self._behaviors:
            self._behaviors.append(self.behavior)
        self.behavior = table_of(self.actor_class, methods)
        self._kit.effects.append(Became(tuple(one.__name__ for one in methods)))

    def unbecome(self) -> None:
        """Change the handlers back, and record it."""
        if self._behaviors:
            self.behavior = self._behaviors.pop()
        self._kit.effects.append(Became(()))

    def stash(self) -> None:
        """Record it."""
        self._passed_on = True
        self._stash.append(self.in_hand)
        self._kit.effects.append(Stashed(self.in_hand))

    def unstash_all(self) -> None:
        """Record what comes back; the test hands it over."""
        stash, self._stash = self._stash, []
        self._kit.effects.append(Unstashed(tuple(stash)))

    def forward(self, ref: Recipient[Any], message: object) -> None:
        """Record it."""
        self._passed_on = True
        ref.tell(message)

    def forward_to_all(self, refs: Sequence[ActorRef[Any]]) -> None:
        """Record it."""
        self._passed_on = True
        for ref in refs:
            ref.tell(self.in_hand)

    async def forward_when_room(self, ref: ActorRef[Any], message: object) -> None:
        """Record it."""
        self.forward(ref, message)

    def defer_reply(self) -> DeferredReply:
        """Return a reply whose answer is an effect."""
        self._passed_on = True
        return KitReply(self._kit)

    def start_timer(
        self, key: object, delay: float, message: object, interval: float | None
    ) -> None:
        """Record it."""
        self._timers[key] = None
        self._kit.effects.append(TimerStarted(key, delay, message, interval))

    def cancel_timer(self, key: object) -> bool:
        """Record it."""
        self._kit.effects.append(TimerCancelled(key))
        return self._timers.pop(key, self) is None

    def active_timers(self) -> Collection[object]:
        """Return the keys of timers that were started and not cancelled."""
        return tuple(self._timers)

    def set_receive_timeout(self, seconds: float | None, message: object) -> None:
        """Record it."""
        given = ReceiveTimeout() if message is None else message
        self._kit.effects.append(ReceiveTimeoutSet(seconds, given))

    def pipe_to_self(
        self,
        coroutine: Coroutine[Any, Any, Any],
        on_success: Callable[[Any], object],
        on_failure: Callable[[BaseException], object] | None,
        seconds: float | None,
    ) -> None:
        """Record it."""
        self._kit.effects.append(Piped(coroutine, on_success, on_failure, seconds))


class KitReply(DeferredReply):
    """A deferred reply whose answer is an effect."""

    __slots__ = ("_kit",)

    def __init__(self, kit: KitView) -> None:
        super().__init__(None, lambda _, __: None)
        self._kit = kit

    @property
    def wanted(self) -> bool:
        """Always wanted."""
        return True

    def send(self, result: object) -> None:
        """Record the answer."""
        self._kit.effects.append(Answered(result))

    def fail(self, error: BaseException) -> None:
        """Record the failure."""
        self._kit.effects.append(Answered(error))
