"""Groups that go down and up while something else happens to their members."""

import asyncio
from typing import Any

import pytest
from support.actor_lives import Crash
from support.families import (
    Host,
    Life,
    World,
    does,
    does_later,
    found,
    hosted,
    life,
    lives,
    running,
    states,
)

from callboard import Actor, FailureEvent, ShutdownOverrun, handler
from callboard.supervision import Backoff, OneForAll, OneForOne, RestForOne, child

ALL = OneForAll(100, 5.0, Backoff(0.1, 0.1))
REST = RestForOne(100, 5.0, Backoff(0.1, 0.1))
SLOW = OneForAll(100, 5.0, Backoff(10.0, 10.0))

pytestmark = pytest.mark.usefixtures("logged")


def test_one_that_was_lowered_twice_restarts_later(virtually: Any) -> None:
    """A child brought down by two failures one after another comes back from its own next one."""
    world = World()

    async def main() -> None:
        async with hosted(REST, *lives(world, "abc")) as system:
            world.falling["c"] = 1.0
            found(system, "host/b").tell(Crash())
            await asyncio.sleep(0.5)
            found(system, "host/a").tell(Crash())
            await asyncio.sleep(5.0)
            found(system, "host/c").tell(Crash())
            await asyncio.sleep(5.0)
            assert states(system) == running("abc")

    virtually(main())


def test_a_crash_while_the_host_restarts_does_not_hold_it_up(virtually: Any) -> None:
    """A child that crashes while its supervisor brings all down just ends, and all come new."""
    world = World(falling={"b": 2.0})

    async def main() -> None:
        async with hosted(ALL, *lives(world, "ab")) as system:
            found(system, "host").tell(Crash())
            await asyncio.sleep(0.5)
            found(system, "host/a").tell(Crash())
            await asyncio.sleep(20.0)
            assert states(system) == running("ab")
            assert world.made == {"a": 2, "b": 2}

    virtually(main())


@pytest.mark.parametrize("verb", ["stop", "kill"])
@pytest.mark.parametrize(
    ("fall", "delay"),
    [
        pytest.param(2.0, 0.1, id="others_fall"),
        pytest.param(0.0, 2.0, id="backoff"),
    ],
)
def test_one_that_ends_while_it_is_down_comes_up_with_its_group(
    verb: str, fall: float, delay: float, virtually: Any
) -> None:
    """Stopping or killing a permanent child that waits for its group to rise changes nothing."""
    world = World(falling={"b": fall})

    async def main() -> None:
        strategy = OneForAll(100, 5.0, Backoff(delay, delay))
        async with hosted(strategy, *lives(world, "abc")) as system:
            found(system, "host/a").tell(Crash())
            await asyncio.sleep(0.5)
            end = system.stop if verb == "stop" else system.kill
            end(found(system, "host/c"))
            await asyncio.sleep(20.0)
            assert states(system) == running("abc")
            assert world.made == dict.fromkeys("abc", 2)

    virtually(main())


@pytest.mark.parametrize("verb", ["stop", "kill"])
@pytest.mark.parametrize("strategy", [OneForOne(), ALL], ids=["one", "all"])
def test_one_that_ends_before_its_first_start_holds_up_nobody(
    verb: str, strategy: OneForOne | OneForAll, virtually: Any
) -> None:
    """Ending a child that waits for its first start leaves all three running in the end."""
    world = World(rising={"a": 2.0})

    async def main() -> None:
        async with hosted(strategy, *lives(world, "abc")) as system:
            end = system.stop if verb == "stop" else system.kill
            end(found(system, "host/b"))
            await asyncio.sleep(20.0)
            assert states(system) == running("abc")

    virtually(main())


def test_a_start_that_ends_while_the_group_goes_down_is_done_again(virtually: Any) -> None:
    """A child whose first `started` returns during its group's fall comes up again with it."""
    world = World(rising={"a": 2.0})

    async def main() -> None:
        async with hosted(ALL, life(world, "a"), (Life, world, "n", "n")) as system:
            found(system, "host/n").tell(Crash())
            await asyncio.sleep(20.0)
            assert states(system) == running("an")
            assert world.take() == ["+n", "-n", "+a", "-a", "+a", "+n"]

    virtually(main())


def test_one_that_stops_by_itself_when_its_group_falls_comes_back(virtually: Any) -> None:
    """A permanent child in the middle of its own end is restarted with its group, in no hurry."""
    world, overruns = World(), list[ShutdownOverrun]()

    class Mother(Host):
        stop_timeout = 60.0

    async def main() -> None:
        mother = child(Mother, None, (Life, world, "k", "k"), name="b")
        async with hosted(ALL, life(world, "a"), mother) as system:
            system.events.subscribe(ShutdownOverrun, overruns.append)
            world.falling["k"] = 2.0
            system.stop(found(system, "host/b"))
            await asyncio.sleep(0.5)
            found(system, "host/a").tell(Crash())
            await asyncio.sleep(100.0)
            assert states(system) == running("ab")
            assert overruns == []

    virtually(main())


@pytest.mark.parametrize("kind", ["permanent", "transient", None])
def test_a_sibling_killed_in_a_group_restart_comes_back(kind: Any, virtually: Any) -> None:
    """One whose handler outlasts its deadline is killed, which is told, and started anew."""
    world, overruns = World(), list[ShutdownOverrun]()

    async def main() -> None:
        slow = (Life, world, "b", "b") if kind is None else life(world, "b", restart=kind)
        async with hosted(ALL, life(world, "a"), slow) as system:
            system.events.subscribe(ShutdownOverrun, overruns.append)
            world.take()
            found(system, "host/b").tell(60.0)
            found(system, "host/b").tell("mail")
            await asyncio.sleep(0.5)
            found(system, "host/a").tell(Crash())
            await asyncio.sleep(20.0)
            assert [(one.path.name, one.seconds, one.outcome) for one in overruns] == [
                ("b", 5.0, "killed")
            ]
            assert states(system) == running("ab")
            assert world.take() == ["-a", "+a", "+b"]
            assert world.handled == [("b", 2, "mail")]

    virtually(main())


def test_children_of_a_sibling_take_their_own_time(virtually: Any) -> None:
    """In a group restart too, the deadline of one counts from when its own children are gone."""
    world, overruns = World(falling={"k": 9.5}), list[ShutdownOverrun]()

    class Slow(Host):
        async def stopped(self) -> None:
            await asyncio.sleep(2.0)

    class Grandchild(Life):
        stop_timeout = 20.0

    async def main() -> None:
        slow = child(Slow, None, (Grandchild, world, "k", "k"), name="b")
        async with hosted(ALL, life(world, "a"), slow) as system:
            system.events.subscribe(ShutdownOverrun, overruns.append)
            found(system, "host/a").tell(Crash())
            await asyncio.sleep(60.0)
            assert states(system) == running("ab")
            assert overruns == []

    virtually(main())


def test_a_crash_while_the_group_goes_down_is_told(virtually: Any) -> None:
    """Each crash has its event, also one whose restart was decided before."""
    world, events = World(falling={"c": 2.0}), list[FailureEvent]()

    async def main() -> None:
        async with hosted(ALL, *lives(world, "abc")) as system:
            system.events.subscribe(FailureEvent, events.append)
            found(system, "host/a").tell(Crash())
            await asyncio.sleep(0.5)
            found(system, "host/b").tell(Crash())
            await asyncio.sleep(20.0)
            assert [(one.path[-1], one.decision) for one in events] == [
                ("a", "restart"),
                ("b", "restart"),
            ]
            assert states(system) == running("abc")

    virtually(main())


def test_stopping_the_oldest_does_not_cut_the_backoff_short(virtually: Any) -> None:
    """The others wait for the whole delay."""
    world = World()

    async def main() -> None:
        async with hosted(SLOW, *lives(world, "ab")) as system:
            first = found(system, "host/a")
            first.tell(Crash())
            await asyncio.sleep(0.5)
            await does(found(system, "host"), lambda me: me.context.stop(first))
            world.take()
            await asyncio.sleep(9.0)
            assert world.take() == []
            await asyncio.sleep(1.0)
            assert world.take() == ["+b"]

    virtually(main())


@pytest.mark.parametrize("how", ["killed", "childless"])
def test_a_group_leaves_no_timer_behind(how: str, virtually: Any) -> None:
    """A supervisor that ends during the backoff of its children takes the timer with it."""
    world = World()

    async def main() -> None:
        async with hosted(SLOW, *lives(world, "ab", restart="transient")) as system:
            found(system, "host/a").tell(Crash())
            await asyncio.sleep(0.5)
            if how == "killed":
                system.kill(found(system, "host"))
            else:
                system.stop(found(system, "host/a"))
                system.stop(found(system, "host/b"))
            await asyncio.sleep(0.5)

    virtually(main())


def test_killing_twice_is_one_end(virtually: Any) -> None:
    """A child that is killed again before it has noticed counts once."""
    world = World()

    class Suicidal(Actor):
        @handler
        async def end(self, message: str) -> None:
            await asyncio.sleep(0)
            self.context.system.kill(self.context.self_ref)

    async def main() -> None:
        strategy = OneForOne(backoff=Backoff(0.1, 0.1))
        async with hosted(strategy, life(world, "a"), child(Suicidal, name="s")) as system:
            first = found(system, "host/a")
            system.kill(first)
            system.kill(first)
            await asyncio.sleep(1.0)
            assert system.statistics().restarts == 1
            found(system, "host/s").tell("now")
            await asyncio.sleep(1.0)
            assert system.statistics().restarts == 2

    virtually(main())


def test_a_delay_that_runs_out_while_one_is_lowered(virtually: Any) -> None:
    """A child in its own backoff goes down with its group, also when its time has just come."""
    world = World()

    class Blocking(Actor):
        @handler
        def block(self, message: float) -> None:
            loop: Any = asyncio.get_running_loop()
            loop._now += message  # what a handler does that blocks the loop

    async def main() -> None:
        strategy = RestForOne(100, 5.0, Backoff(1.0, 1.0))

        def block_all(me: Any) -> None:
            for one in blocking:
                one.tell(0.1)

        async with hosted(strategy, *lives(world, "abc")) as system:
            # Several, since not after each short turn does the dispatcher look at the clock.
            blocking = [system.spawn(Blocking) for _ in range(8)]
            second = system.spawn(Life, World(), "x")
            world.falling["b"] = 3.0
            found(system, "host/c").tell(Crash())
            await asyncio.sleep(0.5)
            world.take()
            # In this order: a crashes, the host lowers c, the loop is blocked, c has its turn.
            found(system, "host/a").tell(Crash())
            does_later(second, block_all)
            await asyncio.sleep(20.0)
            assert states(system) == running("abc")
            assert world.take() == ["-b", "-a", "+a", "+b", "+c"]

    virtually(main())


def test_one_that_is_gone_before_its_turn_is_not_waited_for(virtually: Any) -> None:
    """A child that its supervisor stopped while others go down is passed over at once."""
    world, overruns = World(falling={"b": 2.0}), list[ShutdownOverrun]()

    async def main() -> None:
        async with hosted(ALL, *lives(world, "ab")) as system:
            system.events.subscribe(ShutdownOverrun, overruns.append)
            host, first = found(system, "host"), found(system, "host/a")
            found(system, "host/b").tell(Crash())
            await asyncio.sleep(0.5)
            await does(host, lambda me: me.context.stop(first))
            await asyncio.sleep(20.0)
            assert states(system) == running("b")
            assert overruns == []

    virtually(main())


def test_one_that_has_just_been_told_to_rise_goes_down_again(virtually: Any) -> None:
    """A crash in the very moment in which the next one is started takes that one down, too."""
    world = World()

    class Touchy(Life):
        async def started(self) -> None:
            await super().started()
            if self.number == 2:
                self.context.self_ref.tell(Crash())

    async def main() -> None:
        world.failing["b"] = 0
        async with hosted(ALL, child(Touchy, world, "a", name="a"), life(world, "b")) as system:
            world.failing["b"] = 1
            found(system, "host/a").tell(Crash())
            await asyncio.sleep(20.0)
            assert states(system) == running("ab")

    virtually(main())


@pytest.mark.parametrize("meanwhile", ["quiet", "group_falls"])
def test_one_that_is_killed_while_it_stops_by_itself_is_gone(
    meanwhile: str, virtually: Any
) -> None:
    """Its end was decided when it stopped; the kill only hastens it, in a falling group too."""
    world = World(falling={"b": 2.0})

    async def main() -> None:
        slow = life(world, "b", restart="transient")
        async with hosted(ALL, life(world, "a"), slow) as system:
            system.stop(found(system, "host/b"))
            await asyncio.sleep(0.5)
            if meanwhile == "group_falls":
                found(system, "host/a").tell(Crash())
                await asyncio.sleep(0.5)
            system.kill(found(system, "host/b"))
            await asyncio.sleep(20.0)
            assert states(system) == running("a")

    virtually(main())
