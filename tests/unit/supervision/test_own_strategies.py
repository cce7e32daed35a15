"""Strategies of the user's own, also ones that fail."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

import pytest
from support.actor_lives import Crash
from support.families import Life, World, found, hosted, lives, states

from callboard import ActorSystem, FailureEvent
from callboard.actors import Decision, Escalate, Failure, Restart, Stop
from callboard.supervision import Backoff, OneForOne

SHORT = Backoff(0.1, 0.1)

pytestmark = pytest.mark.usefixtures("logged")


class Neighbors:
    """A strategy of one's own: restarts those next to the failed one too, and never waits."""

    def decide(self, failure: Failure) -> Decision:
        if "start" in str(failure.error):
            return Stop()
        return Restart(attempt=failure.restarts + 1, history=failure.history)

    def affected(self, failed: str, order: Sequence[str]) -> Collection[str]:
        at = order.index(failed)
        return {*order[max(at - 1, 0) : at + 2], "a name that nobody has"}


def test_a_strategy_of_ones_own_decides(virtually: Any) -> None:
    """Anything with `decide` and `affected` is a strategy; the order stays that of the children."""
    world = World()

    async def main() -> None:
        async with hosted(Neighbors(), *lives(world, "abcd")) as system:
            world.take()
            found(system, "host/c").tell(Crash())
            await asyncio.sleep(1.0)
            assert world.take() == ["-d", "-c", "-b", "+b", "+c", "+d"]
            world.failing["b"] = 1
            found(system, "host/a").tell(Crash())
            await asyncio.sleep(1.0)
            assert world.take() == ["-b", "-a", "+a", "-b"]
            assert states(system) == dict.fromkeys("acd", "running")

    virtually(main())


class Failing(OneForOne):
    """Raises, or answers nonsense."""

    def __init__(self, where: str) -> None:
        super().__init__(backoff=SHORT)
        self.where = where

    def decide(self, failure: Failure) -> Any:
        if self.where == "decide":
            raise LookupError("no decision")
        return super().decide(failure) if self.where == "affected" else "restart"

    def affected(self, failed: str, order: Sequence[str]) -> Collection[str]:
        raise LookupError("no group")


@pytest.mark.parametrize("where", ["decide", "affected", "nonsense"])
def test_a_strategy_that_fails_is_a_failure_of_the_supervisor(where: str, virtually: Any) -> None:
    """Whoever uses it is restarted by its own supervisor, with new children."""
    world, events = World(), list[FailureEvent]()

    async def main() -> None:
        async with hosted(Failing(where), *lives(world, "ab")) as system:
            system.events.subscribe(FailureEvent, events.append)
            found(system, "host/a").tell(Crash())
            await asyncio.sleep(5.0)
            assert world.made == {"a": 2, "b": 2}
            assert states(system) == dict.fromkeys("ab", "running")
            assert events[-1].path.endswith("/host")
            assert events[-1].decision == "restart"

    virtually(main())


@pytest.mark.parametrize("where", ["decide", "affected", "nonsense"])
def test_a_strategy_that_fails_at_the_root_ends_the_system(where: str, virtually: Any) -> None:
    """There is no one above to decide about it."""

    async def main() -> None:
        async with ActorSystem("t", supervision=Failing(where)) as system:
            system.spawn(Life, World(), "a").tell(Crash())
            await asyncio.wait_for(system.wait_stopped(), 20.0)
            assert system.exit_code == 70

    virtually(main())


def test_escalation_of_ones_own_carries_its_error(virtually: Any) -> None:
    """`Escalate(error)` fails the supervisor with that error."""
    events = list[FailureEvent]()

    class Up(OneForOne):
        def decide(self, failure: Failure) -> Decision:
            return Escalate(RuntimeError("enough"))

    async def main() -> None:
        async with hosted(Up(), *lives(World(), "a")) as system:
            system.events.subscribe(FailureEvent, events.append)
            found(system, "host/a").tell(Crash())
            await asyncio.sleep(5.0)
            assert [(one.error, one.decision) for one in events] == [
                ("crash of a", "escalate"),
                ("enough", "restart"),
            ]

    virtually(main())
