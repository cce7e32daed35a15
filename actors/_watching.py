"""Who is told when an actor stops, and who dies with it."""

from collections.abc import Callable
from functools import partial
from typing import Any

from ._messages import Terminated
from ._named import NamedPort
from ._ref import ActorRef, Recipient, port_of
from ._turns import Signal, State, Turns, Work
from ._watchable import Watchable, Watcher


class Ties:
    """Who watches a cell and whom it watches, and to whom it is linked; most cells have none."""

    __slots__ = ("endings", "held", "links", "watchers", "watching")

    def __init__(self) -> None:
        # Dicts, because a set's order differs from one process to the next.
        self.watchers: dict[Watcher, None] = {}
        self.watching: dict[Watchable, None] = {}
        self.links: dict[Watching, None] = {}
        self.endings: list[Callable[[], None]] = []  # called at the end
        self.held: list[Signal] = []  # notices that came while the actor was not running


class Watching(Turns, Watchable):
    """The part of a cell that watches others and is watched.

    Attributes:
        reason: why the actor ended, once it has.
        ties: its watches and links, if it has any.
    """

    __slots__ = ("_ref", "reason", "ties")

    _ref: ActorRef[Any]
    reason: str
    ties: Ties | None

    @property
    def self_ref(self) -> ActorRef[Any]:
        """The ref of this actor."""
        return self._ref

    def watch(self, ref: Recipient[Any]) -> None:
        """Be told when the actor of `ref` stops, or at once if it has."""
        ref, target = _target(ref, "watched")
        mine = self.ties = self.ties or Ties()
        if target not in mine.watching:
            mine.watching[target] = None
            target.watched_by(self, ref)

    def unwatch(self, ref: Recipient[Any]) -> None:
        """Take `watch` back."""
        port: Any = port_of(ref) if isinstance(ref, ActorRef) else None
        by_name = isinstance(port, NamedPort)
        watching = self.ties.watching if self.ties is not None else {}
        for target in [each for each in watching if each.path == ref.path]:
            if by_name or target == port:
                del watching[target]
                target.unwatched_by(self)

    def watched_by(self, watcher: Watcher, ref: ActorRef[Any]) -> None:
        """Tell `watcher` when this actor has stopped; at once if it has."""
        if self.state is State.STOPPED:
            watcher.notice(self, Terminated(ref, self.reason))
        else:
            self.ties = self.ties or Ties()
            self.ties.watchers[watcher] = None

    def unwatched_by(self, watcher: Watcher) -> None:
        """Take `watched_by` back."""
        if self.ties is not None:
            self.ties.watchers.pop(watcher, None)

    def notice(self, target: Watchable, notice: Terminated) -> None:
        """Be told, in its own turn, that what it watches has stopped."""
        self.signal(partial(self.terminated, target, notice))

    def link(self, ref: ActorRef[Any]) -> None:
        """Die with the actor of `ref`, and it with this one, unless the end was a normal one."""
        _, target = _target(ref, "linked")
        if not isinstance(target, Watching):
            raise TypeError(
                f"{ref!r} cannot be linked: only actors of one process die together. Watch it, and "
                "stop when it is Terminated"
            )
        if target is self:
            return
        if target.state is State.STOPPED:
            self.linked_ended(target)
            return
        mine = self.ties = self.ties or Ties()
        theirs = target.ties = target.ties or Ties()
        mine.links[target] = theirs.links[self] = None

    def unlink(self, ref: ActorRef[Any]) -> None:
        """Take `link` back, for both."""
        _, target = _target(ref, "linked")
        if self.ties is not None and isinstance(target, Watching):
            self.ties.links.pop(target, None)
            if target.ties is not None:
                target.ties.links.pop(self, None)

    def when_gone(self, call: Callable[[], None]) -> None:
        """Have `call` made when the actor has stopped, before anybody is told; now if it has."""
        if self.state is State.STOPPED:
            call()
        else:
            self.ties = self.ties or Ties()
            self.ties.endings.append(call)

    def linked_ended(self, other: "Watching") -> None:
        """Stop, if the one this is linked to did not end in good order."""
        if other.reason != "stopped":
            reason = (
                other.reason
                if other.reason.startswith("linked: ")
                else (f"linked: {other.self_ref.path} {other.reason}")
            )
            self.stop(reason)

    def terminated(self, target: Watchable, notice: Terminated) -> Work | None:
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

    def tell_tied(self) -> None:
        """Tell all that this actor has ended, and be tied to nobody any more."""
        ties, self.ties = self.ties, None
        if ties is None:
            return
        for call in ties.endings:
            call()
        for target in ties.watching:
            target.unwatched_by(self)
        notice = Terminated(self.self_ref, self.reason)
        for watcher in ties.watchers:
            watcher.notice(self, notice)
        for other in ties.links:
            if other.ties is not None:
                other.ties.links.pop(self, None)
            other.linked_ended(self)


def _target(ref: Recipient[Any], verb: str) -> tuple[ActorRef[Any], Watchable]:
    port = port_of(ref) if isinstance(ref, ActorRef) else None
    if isinstance(port, NamedPort):
        port = port.living() or port
    if not (isinstance(ref, ActorRef) and isinstance(port, Watchable)):
        raise TypeError(
            f"{ref!r} cannot be {verb}: it is no ref of an actor. An entity is always there, "
            "wherever it lives"
        )
    return ref, port
