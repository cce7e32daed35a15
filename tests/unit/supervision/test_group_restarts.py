"""Groups going down and up, starts in order, and escalation."""

import asyncio
from typing import Any

import pytest
from support.actor_lives import Boom, Crash
from support.families import Host, World, found, hosted, life, lives, states

from callboard import ActorSystem, FailureEvent
from callboard.supervision import (
    Backoff,
    Directive,
    OneForAll,
    OneForOne,
    RestForOne,
    Supervisor,
    child,
)

SHORT = Backoff(0.1, 0.1)

pytestmark = pytest.mark.usefixtures("logged")


def now() -> float:
    """Return the virtual time."""
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize(
    ("strategy", "first", "after", "second", "events"),
    [
        # c is going down when b, whose turn is next, fails too.
        pytest.param(OneForAll(backoff=SHORT), "a", 0.1, "b", "-c -b -a +a +b +c", id="all"),
        # c is down and b is going down when a fails too.
        pytest.param(RestForOne(backoff=SHORT), "b", 0.7, "a", "-c -b -a +a +b +c", id="rest"),
        pytest.param(OneForOne(backoff=SHORT), "b", 0.3, "a", "-b +b -a +a", id="one"),
    ],
)
def test_another_fails_while_one_is_being_restarted(
    strategy: Any, first: str, after: float, second: str, events: str, virtually: Any
) -> None:
    """The group grows by the one that fails meanwhile, and each goes down and up once."""
    world = World(falling=dict.fromkeys("abc", 0.5))

    async def main() -> None:
        async with hosted(strategy, *lives(world, "abc")) as system:
            world.take()
            found(system, f"host/{first}").tell(Crash())
            await asyncio.sleep(after)
            found(system, f"host/{second}").tell(Crash())
            await asyncio.sleep(20.0)
            assert states(system) == dict.fromkeys("abc", "running")
            assert world.take() == events.split()

    virtually(main())


@pytest.mark.parametrize(
    ("strategy", "events"),
    [
        # b fails three times. Who is before it goes down each time, or stays; c waits behind it.
        (OneForAll(10, 60.0, Backoff(1.0, 8.0)), "-c -b -a +a -b -a +a -b -a +a +b +c"),
        (RestForOne(10, 60.0, Backoff(1.0, 8.0)), "-c -b -a +a -b -b +b +c"),
        (OneForOne(10, 60.0, Backoff(1.0, 8.0)), "-a +a"),
    ],
    ids=["all", "rest", "one"],
)
def test_one_fails_to_start_while_its_group_rises(
    strategy: Any, events: str, virtually: Any
) -> None:
    """It is tried again by the strategy, with a growing delay, and those behind it wait."""
    world = World()

    async def main() -> None:
        async with hosted(strategy, *lives(world, "abc")) as system:
            world.take()
            world.failing["b"] = 2
            begin = now()
            found(system, "host/a").tell(Crash())
            while states(system) != dict.fromkeys("abc", "running") or now() == begin:
                await asyncio.sleep(0.25)
                assert now() < begin + 30.0
            assert world.take() == events.split()
            if not isinstance(strategy, OneForOne):
                # 1 s for a's crash, then 1 s and 2 s for the two in a row of b.
                assert now() - begin == pytest.approx(4.0, abs=0.3)

    virtually(main())


@pytest.mark.parametrize(
    ("strategy", "events"),
    [
        (OneForAll(backoff=SHORT), "+a -b -a +a +b +c"),
        (RestForOne(backoff=SHORT), "+a -b +b +c"),
        (OneForOne(backoff=SHORT), "+a -b +b +c"),
    ],
    ids=["all", "rest", "one"],
)
def test_a_first_start_that_fails_is_tried_again(
    strategy: Any, events: str, virtually: Any
) -> None:
    """Those behind it have not begun; those before it are the strategy's affair."""
    world = World(failing={"b": 1})

    async def main() -> None:
        async with hosted(strategy, *lives(world, "abc")) as system:
            assert states(system) == dict.fromkeys("abc", "running")
            assert world.take() == events.split()

    virtually(main())


def test_children_start_one_after_another(virtually: Any) -> None:
    """Each begins when the async `started` of the one before has returned; they stop in reverse."""
    world = World(rising=dict.fromkeys("abc", 1.0))

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.spawn(Supervisor, *lives(world, "abc"), name="host")
            for seconds, up in enumerate(["", "a", "ab", "abc"]):
                await asyncio.sleep(seconds + 0.5 - now())
                assert world.take() == [f"+{name}" for name in up[-1:]]
                assert sum(world.made.values()) == min(seconds + 1, 3)
        assert world.take() == ["-c", "-b", "-a"]

    virtually(main())


def test_a_nested_supervisor_runs_when_its_children_do(virtually: Any) -> None:
    """What comes behind it starts after all of its own children have."""
    world = World(rising=dict.fromkeys("abcd", 1.0))

    async def main() -> None:
        async with ActorSystem("t") as system:
            inner = child(Supervisor, *lives(world, "bc"), name="inner")
            system.spawn(Supervisor, life(world, "a"), inner, life(world, "d"), name="host")
            await asyncio.sleep(3.5)
            assert world.take() == ["+a", "+b", "+c"]
            assert world.made["d"] == 1
            await asyncio.sleep(1.0)
            assert world.take() == ["+d"]
        assert world.take() == ["-d", "-c", "-b", "-a"]

    virtually(main())


def test_an_inner_supervisor_that_gives_up_is_restarted_with_its_children(virtually: Any) -> None:
    """More restarts than it admits: the outer one restarts it, and all its children are new."""
    world, events = World(), list[FailureEvent]()

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(FailureEvent, events.append)
            inner = child(
                Supervisor, *lives(world, "bc"), strategy=OneForOne(2, 60.0, SHORT), name="inner"
            )
            outer = OneForOne(backoff=SHORT)
            system.spawn(Supervisor, life(world, "a"), inner, strategy=outer, name="host")
            await asyncio.sleep(1.0)
            for _ in range(3):
                found(system, "host/inner/b").tell(Crash())
                await asyncio.sleep(1.0)
            assert [one.decision for one in events] == ["restart", "restart", "escalate", "restart"]
            assert events[-1].error_type == "RestartIntensityExceeded"
            assert events[-1].path.endswith("/host/inner")
            assert world.made == {"a": 1, "b": 4, "c": 2}
            assert states(system, "host/inner") == dict.fromkeys("bc", "running")
            assert [one.restarts for one in system.tree().walk()] == [0, 0, 0, 1, 0, 0]

    virtually(main())


def test_a_restarted_supervisor_counts_from_nothing(virtually: Any) -> None:
    """Restarts before its own do not count against the intensity of its new life."""
    world, events = World(), list[FailureEvent]()

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(FailureEvent, events.append)
            inner = child(
                Supervisor, life(world, "b"), strategy=OneForOne(1, 60.0, SHORT), name="inner"
            )
            system.spawn(Supervisor, inner, strategy=OneForOne(backoff=SHORT), name="host")
            await asyncio.sleep(1.0)
            for _ in range(3):
                found(system, "host/inner/b").tell(Crash())
                await asyncio.sleep(1.0)
            decisions = [one.decision for one in events]
            assert decisions == ["restart", "escalate", "restart", "restart"]

    virtually(main())


def test_a_failure_that_gets_to_the_root_ends_the_system(virtually: Any) -> None:
    """When the top gives up too, everyone stops in order and the exit code is 70."""
    world, strategy = World(), OneForOne(0, 60.0)

    async def main() -> None:
        async with ActorSystem("t", supervision=strategy) as system:
            inner = child(Supervisor, *lives(world, "bc"), strategy=strategy, name="inner")
            system.spawn(Supervisor, life(world, "a"), inner, strategy=strategy, name="host")
            await asyncio.sleep(1.0)
            world.take()
            found(system, "host/inner/b").tell(Crash())
            await asyncio.wait_for(system.wait_stopped(), 20.0)
            assert system.exit_code == 70
            assert world.take() == ["-c", "-b", "-a"]

    virtually(main())


@pytest.mark.parametrize("after", [0.2, 0.7, 1.2, 2.0, 3.5], ids="{}s".format)
def test_a_supervisor_that_is_stopped_during_a_group_restart_stops_all(
    after: float, virtually: Any
) -> None:
    """While they fall, in the backoff, while they rise: what is up goes down, and that is it."""
    times = dict.fromkeys("abc", 0.5)
    world = World(falling=times, rising=times)

    async def main() -> None:
        async with hosted(OneForAll(backoff=Backoff(1.0, 1.0)), *lives(world, "abc")) as system:
            await asyncio.sleep(1.0)
            world.take()
            found(system, "host/b").tell(Crash())
            await asyncio.sleep(after)
            host = found(system, "host")
            system.stop(host)
            await asyncio.sleep(10.0)
            assert system.find("host") is None
            assert system.statistics().actors == 0
            events = world.take()
            for name in "abc":
                assert [one[0] for one in events if one[1] == name] in (["-"], ["-", "+", "-"])
            assert [one for one in events if one[0] == "-"][:3] == ["-c", "-b", "-a"]

    virtually(main())


def test_the_backoff_grows_and_begins_anew_after_a_quiet_time(virtually: Any) -> None:
    """Restarts in a row wait longer and longer; a child that ran for `within` begins a new row."""
    world, events = World(), list[FailureEvent]()

    async def main() -> None:
        async with hosted(OneForAll(10, 5.0, Backoff(0.5, 1.5)), *lives(world, "ab")) as system:
            system.events.subscribe(FailureEvent, events.append)
            for quiet in (3.0, 3.0, 3.0, 8.0, 3.0):
                found(system, "host/a").tell(Crash())
                await asyncio.sleep(quiet)
            assert [(one.delay, one.attempt) for one in events] == [
                (0.5, 1),
                (1.0, 2),
                (1.5, 3),
                (1.5, 4),
                (0.5, 1),
            ]

    virtually(main())


@pytest.mark.parametrize("directive", [Directive.RESUME, Directive.STOP])
def test_other_directives_are_about_the_failed_one_alone(
    directive: Directive, virtually: Any
) -> None:
    """OneForAll leaves the others alone when the one that failed goes on, or stops."""
    world = World()

    async def main() -> None:
        strategy = OneForAll(backoff=SHORT, decider={Boom: directive})
        async with hosted(strategy, *lives(world, "ab")) as system:
            found(system, "host/a").tell(Crash())
            await asyncio.sleep(5.0)
            assert world.made == {"a": 1, "b": 1}
            names = "ab" if directive is Directive.RESUME else "b"
            assert states(system) == dict.fromkeys(names, "running")

    virtually(main())


def test_a_host_that_resumes_takes_its_failed_children_along(virtually: Any) -> None:
    """An escalated failure that is answered with RESUME leaves all as they were, running."""
    world = World()

    async def main() -> None:
        async with ActorSystem("t") as system:
            host = child(Host, OneForAll(0, 60.0), *lives(world, "ab"), name="host")
            top = OneForOne(decider={Exception: Directive.RESUME})
            system.spawn(Supervisor, host, strategy=top, name="top")
            await asyncio.sleep(1.0)
            found(system, "top/host/a").tell(Crash())
            await asyncio.sleep(1.0)
            assert states(system, "top/host") == dict.fromkeys("ab", "running")
            assert world.made == {"a": 1, "b": 1}

    virtually(main())
