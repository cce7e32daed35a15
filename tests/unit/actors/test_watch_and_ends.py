"""The edges of an actor's life: watching, failing starts, names, and its end."""

import asyncio
from types import FunctionType
from typing import Any

import pytest
from support.actor_lives import Boom, Crash, Log, Parent, Recorder, decide, within

from callboard import (
    Actor,
    ActorFailed,
    ActorRef,
    ActorStopped,
    ActorSystem,
    DeadLetter,
    FailureEvent,
    NameTaken,
    NotRunning,
    Terminated,
    handler,
)
from callboard.supervision import Directive


class Watcher(Actor):
    """Records who terminated."""

    def __init__(self, log: Log) -> None:
        self.log = log

    @handler
    def call(self, message: FunctionType) -> Any:
        return message(self)

    @handler
    async def wait(self, message: float) -> None:
        await asyncio.sleep(message)

    @handler
    def text(self, message: str) -> None:
        self.log.append(message)

    @handler
    def gone(self, message: Terminated) -> None:
        self.log.append((message.ref, message.reason))


def test_a_watcher_is_told_ahead_of_its_mail(virtually: Any) -> None:
    """Terminated overtakes user mail, once, and names the ref that was watched and why it ended."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            watcher = system.spawn(Watcher, log)
            stopped = system.spawn(Recorder, [])
            failed = system.spawn(decide(Directive.STOP), [])
            child = await failed.ask((Recorder, []), timeout=1.0)
            await within(watcher, lambda me: (me.context.watch(stopped), me.context.watch(child)))
            watcher.tell(1.0)
            watcher.tell("mail")
            await asyncio.sleep(0.5)
            system.stop(stopped)
            child.tell(Crash())
            await within(watcher, lambda me: None)
            assert log == [(stopped, "stopped"), (child, "failed: Boom: on request"), "mail"]
            # Of one that is dead already, at once.
            await within(watcher, lambda me: me.context.watch(stopped))
            await within(watcher, lambda me: None)
            assert log[3:] == [(stopped, "stopped")]

    virtually(main())


def test_unwatch_takes_back_a_notice_that_is_under_way(virtually: Any) -> None:
    """After unwatch, no Terminated is handled, not even one that had been sent."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            watcher = system.spawn(Watcher, log)
            other = system.spawn(Recorder, [])
            await within(watcher, lambda me: me.context.watch(other))
            system.stop(other)
            await within(watcher, lambda me: me.context.unwatch(other))
            with pytest.raises(ActorStopped):
                await other.send("x")
            await within(watcher, lambda me: None)

    virtually(main())
    assert all(isinstance(one, tuple) for one in log)  # at most told before it could take it back


def test_a_notice_waits_for_the_watchers_restart(virtually: Any) -> None:
    """Terminated that comes while the watcher backs off is given to its next instance."""
    log: Log = []

    class Frail(Watcher):
        @handler
        def crash(self, message: Crash) -> None:
            raise Boom

    async def main() -> None:
        async with ActorSystem("t") as system:
            watcher = system.spawn(Frail, log)
            other = system.spawn(Recorder, [])
            await within(watcher, lambda me: me.context.watch(other))
            watcher.tell(Crash())
            await asyncio.sleep(0.01)
            system.stop(other)
            await within(watcher, lambda me: None)
            assert log == [(other, "stopped")]

    virtually(main())


def test_a_failing_started_is_supervised(virtually: Any) -> None:
    """What `started` raises is a failure without message, tried again after the backoff."""
    events: list[FailureEvent] = []
    tries: list[float] = []

    class Late(Actor):
        async def started(self) -> None:
            tries.append(asyncio.get_running_loop().time())
            if len(tries) < 3:
                raise ConnectionError("not yet")

        @handler
        def text(self, message: str) -> str:
            return message

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(FailureEvent, events.append)
            parent = system.spawn(Parent, [])
            ref = await parent.ask((Late,), timeout=1.0)
            assert await ref.ask("up", timeout=9.0) == "up"

    virtually(main())
    assert tries == pytest.approx([0.0, 1.0, 3.0])
    assert [(event.message_type, event.decision) for event in events] == [("", "restart")] * 2


def test_init_fails_in_spawn_and_later_is_supervised(virtually: Any) -> None:
    """The first `__init__` raises to the spawner; at a restart it is a failure like any other."""
    made: list[int] = []

    class Picky(Actor):
        def __init__(self, limit: int) -> None:
            made.append(1)
            if len(made) in {1, 3}:
                raise ValueError(limit)

        @handler
        def crash(self, message: Crash) -> None:
            raise Boom

        @handler
        def text(self, message: str) -> str:
            return message

    async def main() -> None:
        async with ActorSystem("t") as system:
            with pytest.raises(ValueError, match="7"):
                system.spawn(Picky, 7, name="picky")
            ref = system.spawn(Picky, 7, name="picky")
            ref.tell(Crash())
            assert await ref.ask("up", timeout=9.0) == "up"
            assert len(made) == 4

    virtually(main())


def test_a_failing_stopped_does_not_prevent_the_end(virtually: Any, logged: list[Any]) -> None:
    """What `stopped` raises is reported, and the actor ends all the same."""

    class Grumpy(Actor):
        async def stopped(self) -> None:
            raise Boom("leave me alone")

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.spawn(Grumpy)
        assert system.statistics().actors == 0

    virtually(main())
    assert [(line["event"], line["decision"]) for line in logged] == [("actor failed", "stop")]


def test_plain_lifecycle_methods_are_called_too(virtually: Any) -> None:
    """`started` and `stopped` written without async work."""
    log: Log = []

    class Plain(Actor):
        def started(self) -> None:  # type: ignore[override]
            log.append("started")

        def stopped(self) -> None:  # type: ignore[override]
            log.append("stopped")

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.spawn(Plain)

    virtually(main())
    assert log == ["started", "stopped"]


def test_names_are_taken_by_the_living_alone(virtually: Any) -> None:
    """A name is refused while its actor lives, and made up when none is given."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            first = system.spawn(Recorder, [], name="x")
            with pytest.raises(NameTaken, match="callboard://t/user/x is alive"):
                system.spawn(Recorder, [], name="x")
            for bad in ("", "a/b", "$1"):
                with pytest.raises(ValueError, match="cannot name an actor"):
                    system.spawn(Recorder, [], name=bad)
            system.stop(first)
            with pytest.raises(ActorStopped):
                await first.ask("x", timeout=1.0)
            second = system.spawn(Recorder, [], name="x")
            assert second == first
            assert hash(second) == hash(first)
            assert repr(second) == "<ActorRef callboard://t/user/x>"
            with pytest.raises(ActorStopped):
                await first.send("an old ref stays a ref of the dead")
            assert str(system.spawn(Recorder, []).path) == "callboard://t/user/$1"

    virtually(main())


def test_the_context_knows_its_place(virtually: Any) -> None:
    """Sender, self_ref, parent, children, time and log are those of the actor in hand."""

    class Asker(Actor):
        @handler
        async def forward(self, message: ActorRef) -> Any:  # type: ignore[type-arg]
            await asyncio.sleep(0.1)
            return await within(message, lambda me: me.context.sender)

    async def main() -> None:
        async with ActorSystem("t", wall_clock=lambda: 12.5, node="n1") as system:
            watcher, asker = system.spawn(Watcher, []), system.spawn(Asker, name="asker")
            assert await within(watcher, lambda me: me.context.sender) is None
            assert await asker.ask(watcher, timeout=1.0) == asker
            parent = system.spawn(Parent, [], name="p")
            child = await parent.ask((Watcher, []), timeout=1.0)
            assert await within(child, lambda me: me.context.parent) == parent
            assert await within(parent, lambda me: me.context.parent) is None
            assert await within(parent, lambda me: list(me.context.children)) == [child]
            assert await within(child, lambda me: me.context.self_ref) == child
            assert await within(child, lambda me: me.context.now()) == 12.5
            assert await within(child, lambda me: me.context.system) is system
            bound = await within(child, lambda me: me.context.log.bind()._context)
            assert bound == {"system": "t", "node": "n1", "actor": "callboard://t/user/p/$1"}

    virtually(main())


def test_an_actor_stops_itself_and_its_children_alone(virtually: Any) -> None:
    """`context.stop` refuses refs of others' children and says what to do."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            parent, stranger = system.spawn(Parent, []), system.spawn(Watcher, [])
            child = await parent.ask((Watcher, []), timeout=1.0)
            with pytest.raises(ActorFailed, match="stops itself and its own children"):
                await within(stranger, lambda me: me.context.stop(child))
            await within(parent, lambda me: me.context.stop(child))
            with pytest.raises(ActorStopped):
                await within(child, lambda me: None)
            await within(parent, lambda me: me.context.stop())
            with pytest.raises(ActorStopped):
                await within(parent, lambda me: None)

    virtually(main())


def test_an_actor_that_stops_itself_takes_no_more_mail(virtually: Any) -> None:
    """What is in the mailbox behind the message that stops an actor becomes dead letters."""
    dead: list[DeadLetter] = []
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(DeadLetter, dead.append)
            ref = system.spawn(Watcher, log)
            ref.tell("one")
            ref.tell(lambda me: me.context.stop())  # pyright: ignore[reportUnknownLambdaType]
            ref.tell("two")
            await asyncio.sleep(1)

    virtually(main())
    assert log == ["one"]
    assert [letter.message for letter in dead] == ["two"]


def test_a_stopping_actor_takes_no_children(virtually: Any) -> None:
    """Spawning from `stopped` is refused."""
    caught: list[Exception] = []

    class Last(Actor):
        async def stopped(self) -> None:
            try:
                self.context.spawn(Recorder, [])
            except NotRunning as error:
                caught.append(error)

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.spawn(Last)

    virtually(main())
    assert "is stopping and takes no children" in str(caught[0])


def test_the_context_is_not_there_in_init() -> None:
    """Using `context` too early says from when on it is there."""

    class Early(Actor):
        def __init__(self) -> None:
            self.context.log.info("too early")

    with pytest.raises(AttributeError, match=r"from `started` on, not in __init__"):
        Early()


def test_every_failure_is_logged_once_as_one_line(virtually: Any, logged: list[Any]) -> None:
    """The line says who, on what, why, and what was decided; the traceback is for debug."""

    async def main() -> None:
        async with ActorSystem("t", seed=1) as system:
            ref = system.spawn(Recorder, [], name="a")
            ref.tell(Crash())
            await ref.ask("x", timeout=5.0)

    virtually(main())
    lines = [line for line in logged if line["log_level"] != "debug"]
    assert len(lines) == 1
    line = lines[0]
    assert line["event"] == "actor failed"
    assert line["actor"] == "callboard://t/user/a"
    assert (line["message"], line["error"]) == ("Crash", "Boom: on request")
    assert line["decision"] == "restart"
    assert 0.08 <= line["delay"] <= 0.1
    assert "exc_info" not in line
