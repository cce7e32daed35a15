"""Children that take too long to stop: killed after their deadline, and abandoned after that."""

import asyncio
from typing import Any

import pytest
from support.families import Host, Life, World, does, found, hosted, life, lives, states

from callboard import Actor, ActorRef, ActorSystem, ShutdownOverrun, Terminated, handler
from callboard.supervision import Supervisor, child

pytestmark = pytest.mark.usefixtures("logged")


def now() -> float:
    """Return the virtual time."""
    return asyncio.get_running_loop().time()


def told(overruns: list[ShutdownOverrun]) -> list[tuple[str, float, str]]:
    """Return what the events say."""
    return [(one.path.name, one.seconds, one.outcome) for one in overruns]


@pytest.mark.parametrize(
    ("how", "seconds"), [("stopped", 5.0), ("handler", 5.0), ("stopped", 0.5), ("handler", 0.0)]
)
def test_one_that_does_not_stop_is_killed_after_its_deadline(
    how: str, seconds: float, virtually: Any
) -> None:
    """`stopped` or a handler without end is cut off after `shutdown`; older siblings stop then."""
    world, overruns = World(), list[ShutdownOverrun]()

    async def main() -> None:
        slow = life(world, "b", shutdown=seconds)
        async with hosted(None, life(world, "a"), slow, life(world, "c")) as system:
            system.events.subscribe(ShutdownOverrun, overruns.append)
            world.take()
            if how == "stopped":
                world.falling["b"] = 1e6
            else:
                found(system, "host/b").tell(1e6)
                await asyncio.sleep(0.1)
            begin = now()
            system.stop(found(system, "host"))
            while system.find("host") is not None:
                await asyncio.sleep(0.01)
            assert now() - begin == pytest.approx(seconds, abs=0.05)
            assert world.take() == ["-c", "-a"]
            assert told(overruns) == [("b", seconds, "killed")]

    virtually(main())


def test_the_class_says_the_deadline_when_the_spec_does_not(virtually: Any) -> None:
    """`stop_timeout` holds for all children of a class."""
    world, overruns = World(falling={"b": 1e6}), list[ShutdownOverrun]()

    class Quick(Life):
        stop_timeout = 0.25

    async def main() -> None:
        async with hosted(None, child(Quick, world, "b", name="b")) as system:
            system.events.subscribe(ShutdownOverrun, overruns.append)
        assert told(overruns) == [("b", 0.25, "killed")]

    virtually(main())


class Stubborn(Actor):
    """Does not let itself be cancelled for some seconds."""

    @handler
    async def work(self, message: float) -> None:
        end = now() + message
        while now() < end:
            try:
                await asyncio.sleep(end - now())
            except asyncio.CancelledError:
                continue


def test_one_that_swallows_its_cancellation_is_abandoned(virtually: Any) -> None:
    """A second after it was killed its place is given up: siblings stop, watchers are told."""
    world, events = World(), list[Any]()

    class Watcher(Actor):
        @handler
        def gone(self, message: Terminated) -> None:
            events.append(message.reason)

        @handler
        def watch(self, message: ActorRef) -> None:  # type: ignore[type-arg]
            self.context.watch(message)

    async def main() -> None:
        stubborn = child(Stubborn, name="b", shutdown=2.0)
        async with hosted(None, life(world, "a"), stubborn) as system:
            system.events.subscribe(ShutdownOverrun, events.append)
            system.spawn(Watcher).tell(found(system, "host/b"))
            found(system, "host/b").tell(20.0)
            await asyncio.sleep(0.1)
            begin = now()
            system.stop(found(system, "host"))
            while system.find("host") is not None:
                await asyncio.sleep(0.01)
            assert now() - begin == pytest.approx(3.0, abs=0.05)
            assert world.take() == ["+a", "-a"]
            await asyncio.sleep(0.1)
            assert events.pop(1 if events[1] == "killed" else 2) == "killed"
            assert told(events) == [("b", 2.0, "killed"), ("b", 1.0, "abandoned")]
            await asyncio.sleep(30.0)  # its handler ends, and nobody minds

    virtually(main())


def test_the_deadline_counts_from_when_the_children_are_gone(virtually: Any) -> None:
    """A supervisor is not killed because its children take their time, each within its own."""
    world, overruns = World(falling=dict.fromkeys("abc", 4.0)), list[ShutdownOverrun]()

    class Mother(Host):
        async def stopped(self) -> None:
            await asyncio.sleep(4.0)

    async def main() -> None:
        async with ActorSystem("t", shutdown_timeout=60.0) as system:
            system.events.subscribe(ShutdownOverrun, overruns.append)
            system.spawn(Mother, None, *lives(world, "abc"), name="host")
            await asyncio.sleep(1.0)
            begin = now()
        assert now() - begin == pytest.approx(16.0)
        assert world.take() == ["+a", "+b", "+c", "-c", "-b", "-a"]
        assert overruns == []

    virtually(main())


def test_many_that_overrun_are_killed_one_after_another(virtually: Any) -> None:
    """Each has its whole deadline, the newest first."""
    world, overruns = World(falling=dict.fromkeys("abc", 1e6)), list[tuple[str, float]]()

    async def main() -> None:
        async with hosted(None, *lives(world, "abc", shutdown=1.0)) as system:
            system.events.subscribe(
                ShutdownOverrun, lambda event: overruns.append((event.path.name, now() - begin))
            )
            begin = now()
            system.stop(found(system, "host"))
            await asyncio.sleep(10.0)
        assert overruns == [("c", 1.0), ("b", 2.0), ("a", 3.0)]

    virtually(main())


def test_a_single_child_stopped_by_its_supervisor_has_no_deadline(virtually: Any) -> None:
    """`context.stop(child)` waits for the handler in hand, however long; `kill` does not."""
    world, overruns = World(), list[ShutdownOverrun]()

    async def main() -> None:
        async with hosted(None, *lives(world, "ab")) as system:
            system.events.subscribe(ShutdownOverrun, overruns.append)
            host = found(system, "host")
            for name in "ab":
                found(system, f"host/{name}").tell(100.0)
            await asyncio.sleep(0.1)
            await does(host, lambda me: me.context.stop(me.context.children[0]))
            await does(host, lambda me: me.context.kill(me.context.children[1]))
            await asyncio.sleep(50.0)
            assert list(states(system)) == ["a"]
            await asyncio.sleep(50.0)
            assert states(system) == {}
            assert overruns == []

    virtually(main())


def test_the_shutdown_of_the_system_has_a_deadline_for_all(virtually: Any) -> None:
    """When `shutdown_timeout` is over, everyone who is left is killed at once."""
    world = World(falling=dict.fromkeys("abc", 1e6))

    async def main() -> None:
        async with ActorSystem("t", shutdown_timeout=2.0) as system:
            system.spawn(Supervisor, *lives(world, "abc"), name="host")
            await asyncio.sleep(1.0)
            begin = now()
        assert now() - begin == pytest.approx(2.0)
        assert system.statistics().actors == 0

    virtually(main())


def test_a_restart_does_not_wait_for_a_stopped_without_end(virtually: Any) -> None:
    """`stopped` of an old instance is cut off after the deadline, and the new one comes."""
    world = World(falling={"a": 1e6})

    async def main() -> None:
        async with hosted(None, life(world, "a", shutdown=2.0)) as system:
            system.kill(found(system, "host/a"))  # without `stopped`
            await asyncio.sleep(1.0)
            assert world.made["a"] == 2
            system.stop(found(system, "host/a"))
            await asyncio.sleep(1.5)
            assert states(system) == {"a": "stopping"}
            await asyncio.sleep(1.0)
            assert states(system) == {"a": "running"}
            assert world.made["a"] == 3

    virtually(main())
