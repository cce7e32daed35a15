"""Who is told when an actor stops."""

from functools import partial
from typing import Any

from ._messages import Terminated
from ._props import Props
from ._ref import ActorRef, port_of
from ._runtime import System
from ._turns import Signal, State, Turns, Work


class Ties:
    """Who watches a cell and whom it watches; most cells have none."""

    __slots__ = ("held", "watchers", "watching")

    def __init__(self) -> None:
        # Dicts, because a set's order differs from one process to the next.
        self.watchers: dict[Watching, None] = {}
        self.watching: dict[Watching, None] = {}
        self.held: list[Signal] = []  # notices that came while the actor was not running


class Watching(Turns):
    """The part of a cell that watches others and is watched.

    Attributes:
        self_ref: the ref of this actor.
        reason: why the actor ended, once it has.
    """

    __slots__ = ("reason", "self_ref", "ties")

    def __init__(self, system: System, props: Props) -> None:
        super().__init__(system, props)
        self.self_ref: ActorRef[Any] = ActorRef(self)
        self.reason = "stopped"
        self.ties: Ties | None = None

    def watch(self, ref: ActorRef[Any]) -> None:
        """Be told when the actor of `ref` stops, or at once if it has."""
        target = port_of(ref)
        if not isinstance(target, Watching):
            raise TypeError(f"{ref!r} cannot be watched: it is no ref that `spawn` returned")
        mine = self.ties = self.ties or Ties()
        if target in mine.watching:
            return
        mine.watching[target] = None
        if target.state is State.STOPPED:
            self.signal(partial(self.terminated, target, Terminated(ref, target.reason)))
        else:
            theirs = target.ties = target.ties or Ties()
            theirs.watchers[self] = None

    def unwatch(self, ref: ActorRef[Any]) -> None:
        """Take `watch` back."""
        target = port_of(ref)
        if self.ties is not None and isinstance(target, Watching):
            self.ties.watching.pop(target, None)
            if target.ties is not None:
                target.ties.watchers.pop(self, None)

    def terminated(self, target: "Watching", notice: Terminated) -> Work | None:
        """Hand a notice to the actor, or keep it until there is one that runs."""
        ties = self.ties
        if ties is None or target not in ties.watching:
            return None
        if self.state is not State.RUNNING:
            ties.held.append(partial(self.terminated, target, notice))
            return None
        del ties.watching[target]
        return self.take(notice)

    def give_held(self) -> None:
        """Hand over what was kept while the actor was not running."""
        if self.ties is not None and self.ties.held:
            held, self.ties.held = self.ties.held, []
            for call in held:
                self.signal(call)

    def tell_watchers(self) -> None:
        """Tell all that this actor has ended, and watch nobody any more."""
        ties, self.ties = self.ties, None
        if ties is None:
            return
        for target in ties.watching:
            if target.ties is not None:
                target.ties.watchers.pop(self, None)
        notice = Terminated(self.self_ref, self.reason)
        for watcher in ties.watchers:
            watcher.signal(partial(watcher.terminated, self, notice))
