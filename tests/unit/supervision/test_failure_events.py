"""What is told of crashes: one event each, and not too many."""

import asyncio
from typing import Any

import pytest
from support.actor_lives import Boom, Crash
from support.families import Host, World, found, hosted, life, lives, states

from callboard import Actor, ActorSystem, FailureEvent, handler
from callboard.supervision import Backoff, Directive, OneForAll, OneForOne, Supervisor, child

MANY = OneForOne(100_000, 5.0, Backoff(0.0, 0.0))


def short(event: FailureEvent) -> tuple[str, str, str, int, float]:
    """Return what these tests look at."""
    name = event.path.rpartition("/")[2]
    return (name, event.message_type, event.decision, event.attempt, event.delay)


def test_each_crash_is_one_event_with_what_was_decided(virtually: Any, logged: list[Any]) -> None:
    """Whatever is decided, with delay and number: one event and one line each."""
    world, events = World(), list[FailureEvent]()

    class Special(Exception):  # noqa: N818 - short
        pass

    async def main() -> None:
        strategy = OneForAll(
            2, 60.0, Backoff(1.0, 8.0), {Special: Directive.RESUME, OSError: Directive.STOP}
        )

        def fails(error: Exception) -> Any:
            def fail(me: Any) -> None:
                raise error

            return fail

        async with hosted(strategy, *lives(world, "abc")) as system:
            system.events.subscribe(FailureEvent, events.append)
            for name, error in (("a", Special()), ("b", OSError()), ("c", Boom()), ("c", Boom())):
                found(system, f"host/{name}").tell(fails(error))
                await asyncio.sleep(4.0)
            found(system, "host/c").tell(Crash())
            await asyncio.sleep(4.0)
            assert system.statistics().failures == len(events)

    virtually(main())
    assert [short(one) for one in events] == [
        ("a", "function", "resume", 1, 0.0),
        ("b", "function", "stop", 1, 0.0),
        ("c", "function", "restart", 1, 1.0),
        ("c", "function", "restart", 2, 2.0),
        ("c", "Crash", "escalate", 3, 0.0),
        ("host", "", "restart", 1, pytest.approx(0.09, abs=0.011)),
    ]
    assert [one.error_type for one in events[-2:]] == ["Boom", "RestartIntensityExceeded"]
    assert "Boom: crash of c" in events[-2].traceback
    lines = [line for line in logged if line["event"] == "actor failed"]
    assert [line["decision"] for line in lines] == [one.decision for one in events]
    assert [line["log_level"] for line in lines] == [
        "error" if one.decision in ("stop", "escalate") else "warning" for one in events
    ]


def test_a_failing_start_and_a_failing_stop_are_events_too(
    virtually: Any, logged: list[Any]
) -> None:
    """Neither has a message; a failing `stopped` changes nothing about what was decided."""
    world, events = World(failing={"a": 1}), list[FailureEvent]()

    class Sloppy(Host):
        async def stopped(self) -> None:
            raise Boom("stopped")

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(FailureEvent, events.append)
            sloppy = child(Sloppy, None, name="b")
            strategy = OneForAll(backoff=Backoff(0.5, 0.5))
            system.spawn(Supervisor, life(world, "a"), sloppy, strategy=strategy, name="host")
            await asyncio.sleep(1.0)
            found(system, "host/a").tell(Crash())
            await asyncio.sleep(1.0)
            assert states(system) == dict.fromkeys("ab", "running")

    virtually(main())
    assert [(*short(one)[:3], one.error) for one in events] == [
        ("a", "", "restart", "start of a"),
        ("a", "Crash", "restart", "crash of a"),
        ("b", "", "restart", "stopped"),
        ("b", "", "stop", "stopped"),
    ]


@pytest.mark.parametrize(
    ("crashes", "gap", "after"),
    [
        (20, 0.0, 0.0),
        (21, 0.0, 20.0),
        (500, 0.0, 20.0),
        (500, 0.0, 0.0),  # the system stops before the window ends
        (300, 0.1, 0.0),
        (300, 0.1, 11.0),
        (12, 1.0, 0.0),
        (60, 0.45, 5.0),
    ],
)
def test_events_of_a_crash_loop_are_held_back_and_counted(
    crashes: int, gap: float, after: float, virtually: Any, logged: list[Any]
) -> None:
    """At most 20 in 10 s and one that says how many more; the numbers add up to all crashes."""
    world, events, times = World(), list[FailureEvent](), list[float]()

    def note(event: FailureEvent) -> None:
        events.append(event)
        times.append(asyncio.get_running_loop().time())

    async def main() -> None:
        async with hosted(MANY, life(world, "a")) as system:
            system.events.subscribe(FailureEvent, note)
            for _ in range(crashes):
                found(system, "host/a").tell(Crash())
                await asyncio.sleep(gap)
            await asyncio.sleep(0.5)
            await asyncio.sleep(after)
            assert system.statistics().failures == crashes
            lines = [line for line in logged if line["event"] == "actor failed"]
            assert len(lines) <= len(events)

    virtually(main())
    assert sum(1 + one.suppressed for one in events) == crashes
    for begin in times:
        # A window may begin within those ten seconds: the rest of one, what was held back, another.
        assert sum(1 for at in times if begin <= at < begin + 10.0) <= 42
    if gap == 0.0 and crashes > 20:
        assert [one.suppressed for one in events] == [0] * 20 + [crashes - 21]


def test_paths_are_counted_apart(virtually: Any, logged: list[Any]) -> None:
    """A crash loop of one child holds back no event of another."""
    world, events = World(), list[FailureEvent]()

    async def main() -> None:
        async with hosted(MANY, *lives(world, "ab")) as system:
            system.events.subscribe(FailureEvent, events.append)
            for _ in range(100):
                found(system, "host/a").tell(Crash())
            await asyncio.sleep(1.0)
            found(system, "host/b").tell(Crash())
            await asyncio.sleep(1.0)
            assert [one.path[-1] for one in events] == ["a"] * 20 + ["b"]

    virtually(main())
    assert events[-1].path.endswith("/a")
    assert sum(1 + one.suppressed for one in events) == 101


def test_a_crash_on_a_failure_event_is_not_published(virtually: Any, logged: list[Any]) -> None:
    """An actor that is told of failures and fails on them is logged, and not told of itself."""
    world, events = World(), list[FailureEvent]()

    class Listener(Actor):
        @handler
        def failed(self, message: FailureEvent) -> None:
            raise Boom("on an event")

    async def main() -> None:
        async with hosted(MANY, life(world, "a"), child(Listener, name="l")) as system:
            system.events.subscribe(FailureEvent, events.append)
            system.events.subscribe(FailureEvent, found(system, "host/l").tell)
            for _ in range(3):
                found(system, "host/a").tell(Crash())
                await asyncio.sleep(1.0)
            assert [one.path[-1] for one in events] == ["a"] * 3
            assert system.statistics().failures == 6
            assert states(system) == {"a": "running", "l": "running"}

    virtually(main())
    lines = [line["actor"][-1] for line in logged if line["event"] == "actor failed"]
    assert lines == ["a", "l"] * 3


def test_a_listener_that_keeps_failing_ends_like_any_other(
    virtually: Any, logged: list[Any]
) -> None:
    """Its escalation is told once for each level, and the system ends without a storm."""
    world, events = World(), list[FailureEvent]()

    class Listener(Actor):
        @handler
        def failed(self, message: FailureEvent) -> None:
            raise Boom("on an event")

    async def main() -> None:
        strategy = OneForOne(1, 60.0, Backoff(0.0, 0.0))

        def tell_listener(event: FailureEvent) -> None:
            if (ref := system.find("host/l")) is not None:
                ref.tell(event)

        async with ActorSystem("t", supervision=strategy) as system:
            system.events.subscribe(FailureEvent, events.append)
            tree = (life(world, "a"), child(Listener, name="l"))
            system.spawn(Supervisor, *tree, strategy=strategy, name="host")
            await asyncio.sleep(1.0)
            system.events.subscribe(FailureEvent, tell_listener)
            for _ in range(10):
                if (ref := system.find("host/a")) is not None:
                    ref.tell(Crash())
                await asyncio.sleep(1.0)
            assert system.exit_code == 70

    virtually(main())
    assert len(events) < 10


def test_a_subscriber_that_raises_hides_nothing_from_the_others(
    virtually: Any, logged: list[Any]
) -> None:
    """Its exception is logged, and the decision is carried out."""
    world, events = World(), list[FailureEvent]()

    def bad(event: FailureEvent) -> None:
        raise Boom("in a subscriber")

    async def main() -> None:
        async with hosted(MANY, life(world, "a")) as system:
            system.events.subscribe(FailureEvent, bad)
            system.events.subscribe(FailureEvent, events.append)
            found(system, "host/a").tell(Crash())
            await asyncio.sleep(1.0)
            assert states(system) == {"a": "running"}

    virtually(main())
    assert len(events) == 1
    assert [line["event"] for line in logged].count("subscriber failed") == 1
