"""What users do wrong, and what user code does wrong: it is named, and nobody else suffers."""

import asyncio
import time
import tracemalloc
from typing import Any

import pytest
from support.actor_doing import Doer, Log, Oops, do, fail, lenient, now
from support.actor_lives import within

from callboard import (
    Actor,
    ActorFailed,
    ActorStopped,
    ActorSystem,
    DeadLetter,
    FailureEvent,
    HandlerError,
    NameTaken,
    RestartIntensityExceeded,
    ShutdownOverrun,
    handler,
)
from callboard.supervision import Backoff, OneForOne


class Greeter(Actor):
    def __init__(self, greeting: str, *, mark: str = "!") -> None:
        self.greeting, self.mark = greeting, mark

    @handler
    def hello(self, message: str) -> str:
        return f"{self.greeting}, {message}{self.mark}"


def plain_function(_: object) -> None:
    """No actor."""


# --- spawning -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "kwargs", "sentence"),
    [
        ((), {}, r"Greeter.__init__\(\) missing 1 required positional argument: 'greeting'"),
        (("a", "b"), {}, r"Greeter.__init__\(\) takes 2 positional arguments"),
        (("a",), {"other": 1}, r"Greeter.__init__\(\) got an unexpected keyword .*'other'"),
    ],
)
def test_wrong_arguments_name_the_class(
    virtually: Any, args: tuple[Any, ...], kwargs: dict[str, Any], sentence: str
) -> None:
    """The TypeError is raised by `spawn`, at the top and in an actor; no actor is left of it."""

    async def main() -> None:
        async with lenient() as system:
            parent = system.spawn(Doer)
            with pytest.raises(TypeError, match=sentence):
                system.spawn(Greeter, *args, name="greeter", **kwargs)
            with pytest.raises(ActorFailed, match=sentence):
                await within(parent, lambda me: me.context.spawn(Greeter, *args, **kwargs))
            assert system.statistics().actors == 1
            system.spawn(Greeter, "hi", name="greeter")  # the name is free

    virtually(main())


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (Greeter("hi"), "give the class and its arguments apart"),
        (plain_function, "Mark a function with @actor first"),
        (int, "<class 'int'> cannot be spawned"),
        (None, "None cannot be spawned"),
        ("Greeter", "'Greeter' cannot be spawned"),
    ],
)
def test_what_is_no_actor_class_is_refused(virtually: Any, wrong: Any, sentence: str) -> None:
    """HandlerError says what was given and what to write instead."""

    async def main() -> None:
        async with lenient() as system:
            with pytest.raises(HandlerError, match=sentence) as caught:
                system.spawn(wrong)
            assert 'spawn(Greeter, "hi", name="greeter")' in str(caught.value)
            with pytest.raises(ActorFailed, match=sentence):
                await within(system.spawn(Doer), lambda me: me.context.spawn(wrong))

    virtually(main())


@pytest.mark.parametrize("name", ["", "a/b", " a", "$1", "ä", "a\n", "a?b"])
def test_names_that_a_path_cannot_show_are_refused(virtually: Any, name: str) -> None:
    """ValueError shows the name and what a name may have in it."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            with pytest.raises(ValueError, match="cannot name an actor: ") as caught:
                system.spawn(Doer, name=name)
            assert repr(name) in str(caught.value)

    virtually(main())


def test_a_name_is_taken_until_its_actor_has_stopped(virtually: Any) -> None:
    """Also of one that is stopping; the actor that has it is not disturbed by the attempt."""

    class Slow(Doer):
        async def stopped(self) -> None:
            await asyncio.sleep(1)

    async def main() -> None:
        async with ActorSystem("t") as system:
            first = system.spawn(Slow, name="x")
            for _ in range(2):
                with pytest.raises(NameTaken, match="callboard://t/user/x is alive already"):
                    system.spawn(Doer, name="x")
                system.stop(first)
            await asyncio.sleep(2)
            assert await system.spawn(Doer, name="x").ask("new", timeout=1.0) == "new"

    virtually(main())


# --- messages -------------------------------------------------------------------------------------


def test_the_stopped_and_the_ignorant_take_no_message(virtually: Any) -> None:
    """Told, it is a dead letter with sender and reason; asked, the asker learns it at once."""
    dead: list[DeadLetter] = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(DeadLetter, dead.append)
            sender, gone = system.spawn(Doer, name="sender"), system.spawn(Doer, name="gone")
            system.stop(gone)
            await asyncio.sleep(0)
            await within(sender, lambda me: gone.tell("x"))
            with pytest.raises(ActorStopped):
                await gone.ask("x", timeout=60.0)
            sender.tell(b"?")
            with pytest.raises(ActorFailed, match="Doer has no handler for bytes") as caught:
                await sender.ask(b"?", timeout=60.0)
            assert caught.value.error_type == "HandlerError"
            assert now() == 0.0

    virtually(main())
    senders = [one.sender and one.sender.path.name for one in dead]
    assert [(one.recipient.name, one.reason) for one in dead] == [
        ("gone", "the actor has stopped"),
        ("sender", "Doer has no handler for bytes"),
    ]
    assert senders == ["sender", None]


def test_a_million_messages_to_the_dead(virtually: Any, logged: list[Any]) -> None:
    """All are counted, few are logged, and none is kept."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            gone = system.spawn(Doer)
            system.kill(gone)
            await asyncio.sleep(0)
            for _ in range(1_000):
                gone.tell("x")
            tracemalloc.start()
            for _ in range(1_000):
                gone.tell("x")
            kept, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert kept < 50_000
            begun = time.process_time()
            for _ in range(1_000_000):
                gone.tell("x")
            assert time.process_time() - begun < 10.0  # it takes some three seconds
            assert system.statistics().dead_letters == 1_002_000

    virtually(main())
    assert len([line for line in logged if line["event"] == "dead letter"]) == 5


# --- user code that raises ------------------------------------------------------------------------


class Fragile(Doer):
    """Fails where it is told to, until it was restarted."""

    def __init__(self, where: str, log: Log) -> None:
        super().__init__(log)
        self.where = where if not log else ""
        if log and where == "__init__" and len(log) < 2:
            log.append("init failed")
            raise Oops("__init__")
        log.append("made")

    async def started(self) -> None:
        if self.where == "started":
            raise Oops("started")

    async def stopped(self) -> None:
        if self.where == "stopped":
            raise Oops("stopped")

    def unhandled(self, message: object) -> str:
        if self.where == "unhandled":
            raise Oops("unhandled")
        return "taken"


@pytest.mark.parametrize("where", ["__init__", "started", "stopped", "unhandled", "handler"])
def test_an_exception_in_any_hook_is_supervised(virtually: Any, where: str) -> None:
    """It is published with its sentence, the actor is made anew, and its neighbor lives on."""
    log: Log = []
    events: list[FailureEvent] = []

    async def main() -> None:
        async with lenient() as system:
            system.events.subscribe(FailureEvent, events.append)
            neighbor = system.spawn(Doer)
            ref = system.spawn(Fragile, where, log)
            if where in {"handler", "stopped", "__init__"}:
                do(ref, fail)
            if where == "unhandled":
                with pytest.raises(ActorFailed, match="unhandled"):
                    await ref.ask(b"?", timeout=9.0)
            assert await ref.ask(b"?", timeout=9.0) == "taken"
            assert await neighbor.ask("alive", timeout=9.0) == "alive"

    virtually(main())
    said = {"handler": ["on request"], "stopped": ["on request", "stopped"]}
    said["__init__"] = ["on request", "__init__"]
    assert [event.error for event in events] == said.get(where, [where])
    assert {event.decision for event in events} == {"restart"}


class Unspeakable(Exception):  # noqa: N818 - says it
    """An exception whose text cannot be made."""

    def __str__(self) -> str:
        raise Oops("no text")


def raise_unspeakable(_: object) -> None:
    """Crash a plain handler."""
    raise Unspeakable


async def raise_unspeakable_later(_: object) -> None:
    """Crash an async handler."""
    raise Unspeakable


async def raise_unspeakable_much_later(_: object) -> None:
    """Crash a handler that was suspended."""
    await asyncio.sleep(1)
    raise Unspeakable


@pytest.mark.parametrize(
    "crash", [raise_unspeakable, raise_unspeakable_later, raise_unspeakable_much_later]
)
@pytest.mark.parametrize("verb", ["tell", "ask"])
def test_an_exception_without_a_text_is_a_failure_like_any(
    virtually: Any, crash: Any, verb: str
) -> None:
    """The asker learns its class, the actor is restarted, and neither parent nor runner fails."""
    events: list[FailureEvent] = []

    async def main() -> None:
        async with lenient() as system:
            system.events.subscribe(FailureEvent, events.append)
            parent = system.spawn(Doer)
            ref = await within(parent, lambda me: me.context.spawn(Doer))
            if verb == "tell":
                ref.tell(crash)
            else:
                with pytest.raises(ActorFailed) as caught:
                    await ref.ask(crash, timeout=9.0)
                assert caught.value.error_type == "Unspeakable"
            assert await ref.ask("alive", timeout=9.0) == "alive"
            assert await within(parent, lambda me: me.context.restarts) == 0

    virtually(main())
    assert [(event.error_type, event.decision) for event in events] == [("Unspeakable", "restart")]


def test_a_child_that_never_stops_is_left_behind(virtually: Any) -> None:
    """Killed after its time and abandoned a second later: its parent's end goes on."""
    overruns: list[ShutdownOverrun] = []

    class Deaf(Actor):
        stop_timeout = 2.0

        @handler
        async def wait(self, message: float) -> None:
            until = now() + message
            while now() < until:
                try:
                    await asyncio.sleep(until - now())
                except asyncio.CancelledError:
                    continue

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(ShutdownOverrun, overruns.append)
            parent = system.spawn(Doer)
            deaf = await within(parent, lambda me: me.context.spawn(Deaf, name="deaf"))
            deaf.tell(20.0)
            await asyncio.sleep(1)
            system.stop(parent)
            with pytest.raises(ActorStopped):
                await parent.ask("x", timeout=60.0)
            assert now() == pytest.approx(4.0)
            await asyncio.sleep(20)

    virtually(main())
    assert [(one.path.name, one.outcome) for one in overruns] == [
        ("deaf", "killed"),
        ("deaf", "abandoned"),
    ]


def test_a_storm_of_restarts_ends_the_system(virtually: Any) -> None:
    """More failures than the strategy allows escalate to the root, with the last one as cause."""
    events: list[FailureEvent] = []

    class Hopeless(Doer):
        async def started(self) -> None:
            raise Oops("again")

    async def main() -> None:
        strategy = OneForOne(max_restarts=5, within=60.0, backoff=Backoff(0.0, 0.0))
        async with ActorSystem("t", supervision=strategy) as system:
            system.events.subscribe(FailureEvent, events.append)
            ref = system.spawn(Hopeless)
            with pytest.raises(ActorStopped):
                await ref.ask("x", timeout=60.0)
            await system.wait_stopped()
            assert now() == 0.0
        assert system.exit_code == 70

    virtually(main())
    assert [event.decision for event in events] == ["restart"] * 5 + ["escalate"]
    assert RestartIntensityExceeded(5, 60.0, Oops("again"), ()).cause.args == ("again",)


@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_a_supervisor_crashes_while_a_childs_failure_waits(virtually: Any, seconds: float) -> None:
    """Both are dealt with: the parent is made anew, and nothing is left of the child."""
    events: list[FailureEvent] = []

    async def main() -> None:
        async with lenient() as system:
            system.events.subscribe(FailureEvent, events.append)
            parent = system.spawn(Doer, name="p")

            async def both(me: Doer) -> None:
                child = me.context.spawn(Doer, name="c")
                do(child, fail)
                await asyncio.sleep(seconds)
                fail(me)

            do(parent, both)
            assert await parent.ask("alive", timeout=9.0) == "alive"
            assert await within(parent, lambda me: list(me.context.children)) == []
            assert system.statistics().actors == 1

    virtually(main())
    assert sorted(event.path for event in events) == [
        "callboard://t/user/p",
        "callboard://t/user/p/c",
    ]
