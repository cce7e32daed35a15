"""What an actor may watch: others of its process, and those of other nodes."""

from typing import Protocol

from ._messages import Terminated
from ._path import ActorPath
from ._ref import ActorRef


class Watcher(Protocol):
    """An actor that watches."""

    def notice(self, target: "Watchable", notice: Terminated) -> None:
        """Be told that what it watches has stopped."""
        ...


class Watchable:
    """Something whose end others can be told of."""

    __slots__ = ()

    @property
    def path(self) -> ActorPath:
        """Where it is."""
        raise NotImplementedError

    def watched_by(self, watcher: Watcher, ref: ActorRef[object]) -> None:
        """Tell `watcher` when this has stopped; at once if it has."""
        raise NotImplementedError

    def unwatched_by(self, watcher: Watcher) -> None:
        """Take `watched_by` back; nothing to do where nobody was told to."""
