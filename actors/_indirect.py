"""What all refs have in common that lead to an actor by its name, wherever that lives."""

import asyncio
from collections.abc import Callable
from typing import Any

from ._ask import Deadlines
from ._mailbox import Mail
from ._path import ActorPath
from ._watchable import Watchable


class IndirectPort(Watchable):
    """The half of an `ActorPort` that has no mailbox of its own.

    Args:
        path: what it is called.
        deadlines: where askers wait.
    """

    __slots__ = ("_path", "deadlines", "held", "open_mail")

    def __init__(self, path: ActorPath, deadlines: Deadlines) -> None:
        self._path = path
        self.deadlines = deadlines
        self.open_mail: Mail | None = None
        self.held = True

    @property
    def path(self) -> ActorPath:
        """What it is called."""
        return self._path

    @property
    def address(self) -> str:
        """What it is called on all nodes."""
        return str(self._path)

    def wake(self) -> None:
        """Never called, since it is held."""

    def lend(self) -> None:
        """Never called, since it is held."""

    def asked_by(self, asker: object, reply: "asyncio.Future[Any]") -> Callable[[], object] | None:
        """Note nothing: a cycle that leads over other nodes ends by its deadlines."""
        del asker, reply
        return None
