"""A kill in the very moment in which the fall of a supervisor's children ends."""

import asyncio
from typing import Any

import pytest
from support.actor_lives import Crash
from support.families import Host, Life, World, found, hosted, life, states

from callboard import DeadLetter
from callboard.supervision import Backoff, OneForAll, child

pytestmark = pytest.mark.usefixtures("logged")


def test_a_kill_in_the_last_moment_starts_nobody_ahead_of_the_group(virtually: Any) -> None:
    """Who is down by the kill does not also go on with the restart that waited for its children."""
    world = World()

    class Mother(Host):
        async def started(self) -> None:
            world.log.append(("up", "b"))
            await super().started()

    async def main() -> None:
        mother = child(Mother, None, (Life, world, "k", "k"), name="b")
        strategy = OneForAll(100, 5.0, Backoff(10.0, 10.0))
        async with hosted(strategy, life(world, "a"), mother) as system:
            mothers, grandchild = found(system, "host/b"), found(system, "host/b/k")
            # Its mail is turned away in the middle of its end.
            system.events.subscribe(DeadLetter, lambda letter: system.kill(mothers))
            world.take()
            grandchild.tell(0.5)
            grandchild.tell("mail")
            await asyncio.sleep(0.1)
            found(system, "host/a").tell(Crash())
            await asyncio.sleep(5.0)
            assert world.take() == ["-k", "-a"]
            assert states(system) == dict.fromkeys("ab", "restarting")
            await asyncio.sleep(20.0)
            assert world.take() == ["+a", "+b", "+k"]
            assert states(system) == dict.fromkeys("ab", "running")

    virtually(main())
