"""The root of the tree: supervises top-level actors, and stops them in the end."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ._cell import Cell
from ._descent import GRACE
from ._errors import failed
from ._family import Family
from ._mailbox import MailboxOptions
from ._messages import ShutdownOverrun
from ._path import ActorPath
from ._policies import SupervisionStrategy
from ._props import ChildSpec
from ._ref import ActorRef
from ._runtime import System
from ._spawning import bear, bear_in_order
from ._turns import Work


class Guardian:
    """The parent of all top-level actors. It is no actor: it decides at once and never fails.

    Args:
        system: the system it is the root of.
        strategy: what it decides by; None for the system's default.
        escalate: called with path and error when a failure got up here.
    """

    def __init__(
        self,
        system: System,
        strategy: SupervisionStrategy | None,
        escalate: Callable[[str, BaseException], None],
    ) -> None:
        self.path = ActorPath(system.name, ("user",))
        self.family = Family(self)
        self.system = system
        self.strategy = strategy
        self.stopping = False
        self._escalate = escalate

    def spawn(
        self,
        actor: type[Any] | ChildSpec,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        name: str | None,
        mailbox: MailboxOptions | None,
    ) -> ActorRef[Any]:
        """Start a top-level actor."""
        return bear(self.system, self, self.family, actor, args, kwargs, name, mailbox).self_ref

    def start(self, specs: Sequence[ChildSpec]) -> None:
        """Start top-level actors in order."""
        bear_in_order(self.system, self, self.family, specs)

    def signal(self, call: Callable[[], Work | None]) -> None:
        """Make the call at once."""
        work = call()
        assert work is None, "the guardian has no coroutines"

    def give_up(self, child: Cell, error: BaseException) -> None:
        """Take a failure that nobody below could deal with."""
        child.stop(failed(error), final=True)
        self._escalate(str(child.path), error)

    async def stop(self, timeout: float, hurry: asyncio.Event) -> list[str]:  # noqa: ASYNC109 - one deadline for all
        """Stop the top-level actors one after another, newest first, each with all below it.

        Args:
            timeout: seconds for all of them together; then the rest is killed.
            hurry: when set, the time is over.

        Returns:
            Paths of the actors that had to be killed because all their time was over.
        """
        self.stopping = True
        done = asyncio.Event()
        self.family.stop_all(done.set)
        waits = [asyncio.ensure_future(done.wait()), asyncio.ensure_future(hurry.wait())]
        try:
            await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            return [] if done.is_set() else await self._kill(timeout)
        finally:
            for wait in waits:
                wait.cancel()

    async def _kill(self, timeout: float) -> list[str]:  # noqa: ASYNC109 - only told
        cells = [one for child in self.family.newest_first() for one in _with_descendants(child)]
        for child in self.family.newest_first():
            child.kill(final=True)
        await asyncio.wait([_gone(cell) for cell in cells], timeout=GRACE)
        killed = [str(cell.path) for cell in cells]
        self.system.log.warning(
            "actors did not stop in time and were killed",
            actors=killed[:20],
            count=len(killed),
            alive=[str(cell.path) for cell in cells if not cell.is_gone][:20],
        )
        for cell in cells:
            outcome = "killed" if cell.is_gone else "abandoned"
            if not cell.is_gone:
                cell.abandon()
            self.system.events.publish(ShutdownOverrun(cell.path, timeout, outcome))
        return killed


def _gone(cell: Cell) -> "asyncio.Future[None]":
    """Return a future that is done when an actor has stopped."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    cell.when_gone(partial(future.set_result, None))
    return future


def _with_descendants(cell: Cell) -> list[Cell]:
    """Return a cell and all below it, children before parents."""
    below = [one for child in cell.children() for one in _with_descendants(child)]
    return [*below, cell]
