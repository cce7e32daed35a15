"""Watches between nodes: of ours on others, and of others on ours."""

from collections.abc import Callable
from functools import partial
from typing import Any

from ...actors import (
    ActorPath,
    ActorRef,
    ActorSystem,
    Address,
    NamedPort,
    NodeDown,
    Terminated,
    Watchable,
    Watcher,
)
from ...schemas import Ended, Watch
from ._membership import Membership
from ._post import Post


class Watches:
    """Keeps who watches whom, and tells the watchers.

    The node of the watched actor is asked to say when it has stopped. When that node is down,
    all that is watched there counts as terminated: nobody can tell whether it still lives.

    Args:
        system: The node.
        post: Writes to other nodes.
        membership: Knows who is there.
    """

    def __init__(self, system: ActorSystem, post: Post, membership: Membership) -> None:
        self._system = system
        self._post = post
        self._membership = membership
        self._ours: dict[Address, dict[Watcher, tuple[Watchable, ActorRef[Any]]]] = {}
        self._theirs: dict[tuple[str, ...], _Report] = {}

    # -- ours ---------------------------------------------------------------------

    @property
    def nodes(self) -> list[str]:
        """The nodes whose actors are watched."""
        return list(dict.fromkeys(at.node for at in self._ours))

    def begin(self, port: Watchable, at: Address, watcher: Watcher, ref: ActorRef[Any]) -> None:
        """Tell `watcher` when an actor of another node has stopped."""
        reason = self._membership.missing(at.node)
        if reason is not None:
            watcher.notice(port, _down(ref, NodeDown(at.node, reason)))
            return
        watchers = self._ours.setdefault(at, {})
        watchers[watcher] = (port, ref)
        if len(watchers) == 1:
            self._ask(at)

    def up(self, node: str) -> None:
        """Ask again: what was asked before the node was there, it has not read."""
        for at in self._ours:
            if at.node == node:
                self._ask(at)

    def _ask(self, at: Address) -> None:
        self._post.control(at.node, Watch(names=at.names), lambda: at in self._ours)

    def end(self, at: Address, watcher: Watcher) -> None:
        """Take `begin` back."""
        watchers = self._ours.get(at, {})
        if watcher not in watchers:
            return
        del watchers[watcher]
        if not watchers:
            del self._ours[at]
            self._post.control(
                at.node, Watch(names=at.names, off=True), lambda: at not in self._ours
            )

    def ended(self, node: str, message: Ended) -> None:
        """Take the word of a node that an actor of it has stopped."""
        at = Address(self._system.name, node, tuple(message.names), "")
        for watcher, (port, ref) in self._ours.pop(at, {}).items():
            watcher.notice(port, Terminated(ref, message.reason))

    def gone(self, event: NodeDown) -> None:
        """Tell all that watch an actor of a node that is down."""
        for at in [at for at in self._ours if at.node == event.node]:
            for watcher, (port, ref) in self._ours.pop(at).items():
                watcher.notice(port, _down(ref, event))

    # -- theirs ---------------------------------------------------------------------

    def asked(self, node: str, message: Watch) -> None:
        """Tell a node when an actor of ours has stopped, or no more."""
        names = tuple(message.names)
        report = self._theirs.get(names)
        if message.off:
            if report is not None:
                report.nodes.pop(node, None)
            return
        if report is not None:
            report.nodes[node] = None
            return
        named = NamedPort(self._system, ActorPath(self._system.name, ("user", *names)))
        living = named.living()
        report = self._theirs[names] = _Report({node: None}, partial(self._stopped, names))
        target = living if isinstance(living, Watchable) else named
        target.watched_by(report, ActorRef(named))

    def forget(self, node: str) -> None:
        """Drop the watches of a node that has ended, and will not ask again."""
        for report in self._theirs.values():
            report.nodes.pop(node, None)

    def _stopped(self, names: tuple[str, ...], reason: str) -> None:
        ended = Ended(names=names, reason=reason)
        for node in self._theirs.pop(names).nodes:
            self._post.control(node, ended, partial(self._is_there, node))

    def _is_there(self, node: str) -> bool:
        return self._membership.missing(node) is None


class _Report:
    """Watches an actor of this node for others."""

    def __init__(self, nodes: dict[str, None], stopped: Callable[[str], None]) -> None:
        self.nodes = nodes
        self._stopped = stopped

    def notice(self, target: Watchable, notice: Terminated) -> None:
        """Tell them."""
        del target
        self._stopped(notice.reason)


def _down(ref: ActorRef[Any], event: NodeDown) -> Terminated:
    return Terminated(ref, f"NodeDown: {event.node}: {event.reason}", event)
