"""Supervisors that are killed while they, or their group, stop."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from support.actor_lives import Crash
from support.families import Host, Life, World, found, hosted, life, running, states

from callboard import FailureEvent, handler
from callboard.supervision import Backoff, OneForAll, child

ALL = OneForAll(100, 5.0, Backoff(0.1, 0.1))

pytestmark = pytest.mark.usefixtures("logged")


def test_a_supervisor_that_is_killed_while_it_stops_comes_up_once(virtually: Any) -> None:
    """The end of its children does not end it a second time, when its group has it down already."""
    world = World()

    async def main() -> None:
        mother = child(Host, None, (Life, world, "k", "k"), name="b")
        async with hosted(ALL, life(world, "a"), mother) as system:
            found(system, "host/b/k").tell(3.0)
            await asyncio.sleep(0.1)
            system.stop(found(system, "host/b"))
            await asyncio.sleep(0.5)
            found(system, "host/a").tell(Crash())
            await asyncio.sleep(0.5)
            system.kill(found(system, "host/b"))
            await asyncio.sleep(20.0)
            assert states(system) == running("ab")

    virtually(main())


class Stubborn(Life):
    """Does not let itself be cancelled for some seconds."""

    @handler
    async def work(self, message: bytes) -> None:
        end = asyncio.get_running_loop().time() + message[0]
        while (left := end - asyncio.get_running_loop().time()) > 0.0:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(left)


def test_a_supervisor_that_is_killed_in_a_falling_group_waits_for_its_children(
    virtually: Any,
) -> None:
    """It comes up when the names of its old children are free, as after any other kill."""
    world, events = World(), list[FailureEvent]()

    async def main() -> None:
        mother = child(Host, None, (Stubborn, world, "k", "k"), name="b")
        async with hosted(ALL, life(world, "a"), mother) as system:
            system.events.subscribe(FailureEvent, events.append)
            found(system, "host/b/k").tell(bytes([8]))
            await asyncio.sleep(0.1)
            found(system, "host/a").tell(Crash())
            await asyncio.sleep(0.5)
            system.kill(found(system, "host/b"))
            await asyncio.sleep(20.0)
            assert [one.error for one in events] == ["crash of a"]
            assert states(system) == running("ab")
            assert world.made == {"a": 2, "k": 2}

    virtually(main())
