"""Who is there, told from heartbeats. Pure: no clock of its own, no client."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from ...actors import NodeDown, NodeLeaving, NodeUp
from ...schemas import Heartbeat

NodeEvent = NodeUp | NodeLeaving | NodeDown

_FORMER = 8
_MAX_GONE = 1_000


@dataclass(slots=True)
class _Peer:
    run: str
    heard: float
    leaving: bool = False


class Membership:
    """Decides from heartbeats which nodes are up, leaving or down.

    A node is down when nothing has been heard of it for `timeout` seconds *in which this node's
    own heartbeats came back through the log*. So a log that stands still, or an observer that
    slept, makes nobody look dead: silence only counts while one would have heard.

    Args:
        node: The name of this node.
        run: Tells this run of it from others of the same name.
        timeout: Seconds of silence after which a node is down.
        interval: Seconds between heartbeats.
    """

    def __init__(self, node: str, run: str, *, timeout: float, interval: float) -> None:
        self._node = node
        self._run = run
        self._timeout = timeout
        self._longest = 2 * interval
        self._witnessed = 0.0  # seconds in which one would have heard
        self._last: float | None = None
        self._peers: dict[str, _Peer] = {}
        self._former: dict[str, deque[str]] = {}
        self._gone: dict[str, str] = {}
        self._looked_for: dict[str, float] = {}
        self.namesake = ""
        """A run of another process that has this node's name, if one was heard."""

    @property
    def up(self) -> tuple[str, ...]:
        """The nodes that are there, in the order of their names; leaving ones included."""
        return tuple(sorted(self._peers))

    def is_up(self, node: str) -> bool:
        """Tell whether a node is there."""
        return node in self._peers

    def missing(self, node: str) -> str | None:
        """Return why a node is not there; None if it is, or nobody can tell yet.

        Of one that was never heard of, that is said when this node has listened for the time-out,
        and for two heartbeats since it was first asked for: it may be about to come.
        """
        if node in self._peers:
            return None
        if node in self._gone:
            return f"of its node {node!r} is known that {self._gone[node]}"
        since = self._looked_for.setdefault(node, self._witnessed)
        if len(self._looked_for) > _MAX_GONE:
            del self._looked_for[next(iter(self._looked_for))]
        if self._witnessed >= self._timeout and self._witnessed - since >= self._longest:
            return f"no node {node!r} was ever heard of"
        return None

    def silence(self, now: float) -> float:
        """Return for how many seconds this node has not heard itself."""
        return 0.0 if self._last is None else now - self._last

    def heard(self, beat: Heartbeat, now: float) -> Sequence[NodeEvent]:
        """Take a heartbeat, this node's own as well, and return what follows from it.

        Args:
            beat: As it was read.
            now: Loop time.
        """
        node, run = beat.node, beat.run
        if node == self._node and run != self._run:
            if not beat.leaving and self._last is not None:
                self.namesake = run
            return ()
        if run in self._former.get(node, ()):
            return ()  # written twice, or late
        events: list[NodeEvent] = []
        peer = self._peers.get(node)
        if peer is not None and peer.run != run:
            events.append(self._down(node, "it was started anew"))
            peer = None
        if beat.leaving:
            if peer is not None:
                events.append(self._down(node, "it has stopped"))
            else:
                self._forget(node, run)
            return events
        if peer is None:
            peer = self._peers[node] = _Peer(run, self._witnessed)
            self._gone.pop(node, None)
            self._looked_for.pop(node, None)
            events.append(NodeUp(node))
        peer.heard = self._witnessed
        if beat.stopping and not peer.leaving:
            peer.leaving = True
            events.append(NodeLeaving(node))
        if node == self._node:
            events.extend(self._witness(now))
        return events

    def _witness(self, now: float) -> list[NodeEvent]:
        if self._last is not None:
            self._witnessed += min(now - self._last, self._longest)
        self._last = now
        reason = f"nothing was heard of it for {self._timeout:g} s"
        silent = [
            node
            for node, peer in self._peers.items()
            if node != self._node and self._witnessed - peer.heard > self._timeout
        ]
        return [self._down(node, reason, final=False) for node in silent]

    def _down(self, node: str, reason: str, *, final: bool = True) -> NodeDown:
        peer = self._peers.pop(node)
        if final:
            self._forget(node, peer.run)
        self._gone[node] = reason
        if len(self._gone) > _MAX_GONE:
            del self._gone[next(iter(self._gone))]
        return NodeDown(node, reason)

    def _forget(self, node: str, run: str) -> None:
        """Take no more heartbeats of a run that has ended."""
        self._former.setdefault(node, deque(maxlen=_FORMER)).append(run)
        if len(self._former) > _MAX_GONE:
            del self._former[next(iter(self._former))]
