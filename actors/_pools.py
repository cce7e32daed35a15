"""Actors that pass messages on: to others that exist (Router) or to workers of their own (Pool)."""

from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ._actor import Actor
from ._errors import ActorStopped, HandlerError
from ._handlers import handler
from ._messages import Terminated
from ._policies import SupervisionStrategy
from ._props import ChildSpec
from ._ref import ActorRef
from ._routing import RoundRobin, Routing


@dataclass(frozen=True, slots=True)
class Resize:
    """Tell a pool how many workers it is to have; workers that go finish the mail they have."""

    size: int


@dataclass(frozen=True, slots=True)
class Routees:
    """Ask a router or pool whom it passes messages to; the answer is a tuple of refs."""


@dataclass(frozen=True, slots=True)
class AddRoutee:
    """Tell a router to pass messages to one more."""

    ref: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class RemoveRoutee:
    """Tell a router to pass no more messages to one."""

    ref: ActorRef[Any]


class _Routing(Actor):
    """Passes on whatever it has no handler for."""

    def __init__(self, routing: Routing | None, *, wait: bool) -> None:
        self._routing: Routing = RoundRobin() if routing is None else routing
        self._wait = wait
        self._routees: list[ActorRef[Any]] = []

    @handler
    def tell_routees(self, message: Routees) -> Sequence[ActorRef[Any]]:
        """Say whom messages are passed to."""
        del message
        return tuple(self._routees)

    def unhandled(self, message: object) -> Coroutine[Any, Any, None] | None:
        """Pass a message on."""
        if not self._routees:
            self._nobody(message)
            return None
        chosen = self._routing.choose(self._routees, message)
        if self._wait:
            return self._pass_when_room(chosen)
        if len(chosen) == 1:
            self.context.forward(chosen[0])
        else:
            self.context.forward_to_all(chosen)
        return None

    async def _pass_when_room(self, chosen: Sequence[ActorRef[Any]]) -> None:
        # While this waits the router's own mailbox fills: that is how a `send` to it waits too.
        for ref in chosen:
            try:
                await self.context.forward_when_room(ref)
            except ActorStopped:
                self._nobody(self.context.message)

    def _nobody(self, message: object) -> None:
        context = self.context
        reply = context.defer_reply()
        if reply.wanted:
            reply.fail(ActorStopped(f"{context.path} (no routees)", type(message).__name__))
        else:
            context.system.dead_letter(message, context.path, context.sender, "no routees")


class Router(_Routing):
    """Passes messages on to actors that exist, with their sender and asker.

    ```python
    router = system.spawn(Router, [one, two], routing=LeastMail(), name="router")
    ```

    Routees that stop are taken off. It takes AddRoutee, RemoveRoutee and Routees itself; all else
    is passed on. Without routees a tell becomes a dead letter, and an ask raises ActorStopped.

    Args:
        routees: refs to pass messages to.
        routing: who gets which; RoundRobin when left out.
        wait: wait for room in a full mailbox of a routee whose overflow policy is `wait`.
    """

    def __init__(
        self,
        routees: Iterable[ActorRef[Any]] = (),
        *,
        routing: Routing | None = None,
        wait: bool = False,
    ) -> None:
        super().__init__(routing, wait=wait)
        self._given = tuple(routees)

    async def started(self) -> None:
        """Watch the routees."""
        for ref in self._given:
            self.add(AddRoutee(ref))

    @handler
    def add(self, message: AddRoutee) -> None:
        """Take one on."""
        if message.ref not in self._routees:
            self._routees.append(message.ref)
            self.context.watch(message.ref)

    @handler
    def remove(self, message: RemoveRoutee | Terminated) -> None:
        """Take one off."""
        if message.ref in self._routees:
            self._routees.remove(message.ref)
            self.context.unwatch(message.ref)


class Pool(_Routing):
    """Spreads messages over workers of one spec, its children.

    ```python
    pool = system.spawn(Pool, child(Resizer), 4, routing=LeastMail(), name="resizers")
    await pool.send(Picture(...))
    pool.tell(Resize(8))
    ```

    A worker that fails is restarted by the pool's strategy and keeps its mail. If the workers'
    mailboxes are bounded with overflow `wait`, the pool waits for room before it takes its next
    message; give the pool itself a bounded mailbox, and a `send` to it waits in its turn. It takes
    Resize and Routees itself; all else goes to a worker.

    Args:
        worker: what each worker is; its name is the stem of theirs.
        size: how many.
        routing: who gets which; RoundRobin when left out.
        strategy: what to do when one fails; the system's default when left out.

    Raises:
        HandlerError: the worker is no child spec, or the size is below 1.
    """

    def __init__(
        self,
        worker: ChildSpec,
        size: int,
        *,
        routing: Routing | None = None,
        strategy: SupervisionStrategy | None = None,
    ) -> None:
        if not isinstance(worker, ChildSpec):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            raise HandlerError(
                f"{worker!r} is no worker for a pool; write spawn(Pool, child(Worker), 4)"
            )
        mailbox = worker.mailbox
        bounded = mailbox is not None and mailbox.capacity is not None
        super().__init__(
            routing, wait=bounded and mailbox is not None and mailbox.overflow == "wait"
        )
        self._worker = worker
        self._size = _checked(size)
        self._made = 0
        if strategy is not None:
            self.supervision = strategy

    async def started(self) -> None:
        """Start the workers."""
        self._fit()

    @handler
    def resize(self, message: Resize) -> None:
        """Start workers, or let the newest ones go when they have handled their mail."""
        self._size = _checked(message.size)
        self._fit()

    @handler
    def gone(self, message: Terminated) -> None:
        """Take a worker off that its strategy has given up."""
        if message.ref in self._routees:
            self._routees.remove(message.ref)
            self._size -= 1

    def _fit(self) -> None:
        while len(self._routees) < self._size:
            self._made += 1
            name = f"{self._worker.name or 'worker'}-{self._made}"
            ref = self.context.spawn(replace(self._worker, name=name))
            self.context.watch(ref)
            self._routees.append(ref)
        while len(self._routees) > self._size:
            self.context.stop(self._routees.pop(), after_mail=True)


def _checked(size: int) -> int:
    if size < 1:
        raise HandlerError(f"a pool of size {size} could handle nothing: give 1 or more")
    return size
