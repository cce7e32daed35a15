"""The root of the tree: supervises top-level actors, and stops them in the end."""

import asyncio
from collections.abc import Callable
from typing import Any

from ._cell import Cell, bear
from ._failure import Escalate, Restart, Stop
from ._family import Family
from ._judge import judge, report
from ._path import ActorPath
from ._props import Props
from ._ref import ActorRef
from ._runtime import System

# Seconds that killed actors have to notice it.
_GRACE = 1.0


class Guardian:
    """The parent of all top-level actors. It is no actor: it decides at once and never fails.

    Args:
        system: the system it is the root of.
        escalate: called with path and error when a failure got up here.
    """

    def __init__(self, system: System, escalate: Callable[[str, BaseException], None]) -> None:
        self.path = ActorPath(system.name, ("user",))
        self.family: Family[Cell] = Family()
        self._system = system
        self._escalate = escalate
        self._stopping = False

    def spawn(self, name: str | None, props: Props) -> ActorRef[Any]:
        """Start a top-level actor."""
        return bear(self._system, self, self.family, name, props).self_ref

    def child_failed(self, child: Cell, error: BaseException, message: object) -> None:
        """Decide by the system's default strategy, at once."""
        failure = child.failure(error, message, self.family.history)
        if self._stopping:
            report(self._system, failure, Stop())
            child.stop(f"failed: {type(error).__name__}: {error}")
            return
        decision = judge(self._system, None, failure)
        if isinstance(decision, Restart):
            self.family.history = decision.history
        child.obey(decision, error)
        if isinstance(decision, Escalate):
            self._escalate(str(child.path), decision.error or error)

    def child_gone(self, child: Cell) -> None:
        """Forget a child that has stopped."""
        self.family.remove(child)

    async def stop(self, timeout: float, hurry: asyncio.Event) -> list[str]:  # noqa: ASYNC109 - one deadline for all
        """Stop the top-level actors one after another, newest first, each with all below it.

        Args:
            timeout: seconds for all of them together; then the rest is killed.
            hurry: when set, the time is over.

        Returns:
            Paths of the actors that had to be killed, and did not end even so.
        """
        self._stopping = True
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout
        hurried = asyncio.ensure_future(hurry.wait())
        try:
            for child in self.family.newest_first():
                child.stop()
                left = until - loop.time()
                await asyncio.wait(
                    (child.gone(), hurried),
                    timeout=max(left, 0.0),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if not child.gone().done():
                    return await self._kill()
            return []
        finally:
            hurried.cancel()

    async def _kill(self) -> list[str]:
        cells = [one for child in self.family.newest_first() for one in _with_descendants(child)]
        for child in self.family.newest_first():
            child.kill()
        await asyncio.wait([cell.gone() for cell in cells], timeout=_GRACE)
        killed = [str(cell.path) for cell in cells]
        self._system.log.warning(
            "actors did not stop in time and were killed",
            actors=killed[:20],
            count=len(killed),
            alive=[str(cell.path) for cell in cells if not cell.gone().done()][:20],
        )
        return killed


def _with_descendants(cell: Cell) -> list[Cell]:
    """Return a cell and all below it, children before parents."""
    below = [one for child in cell.children() for one in _with_descendants(child)]
    return [*below, cell]
