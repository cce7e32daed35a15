# ruff: noqa: D101, D102 - what the helper classes do is said by the tests
"""The life of an actor: start, mail, crash, restart, end."""

import asyncio
from collections.abc import Callable
from types import FunctionType
from typing import Any

import pytest

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
    RestartIntensityExceeded,
    Terminated,
    handler,
)
from callboard.supervision import Backoff, Directive, OneForOne

Log = list[Any]


class Boom(Exception):  # noqa: N818 - short, for it is everywhere
    """What the actors here crash with."""


class Crash: ...


class Recorder(Actor):
    """Records what happens to it and crashes when told to."""

    def __init__(self, log: Log, tag: str = "a") -> None:
        self.log = log
        self.tag = tag
        log.append((tag, "init"))

    async def started(self) -> None:
        self.log.append((self.tag, "started"))

    async def stopped(self) -> None:
        self.log.append((self.tag, "stopped"))

    @handler
    def text(self, message: str) -> str:
        self.log.append((self.tag, message))
        return message

    @handler
    def crash(self, message: Crash) -> None:
        raise Boom("on request")


async def within(ref: ActorRef[Any], call: Callable[[Any], Any]) -> Any:
    """Run a function in an actor's turn and return what it returns."""
    return await ref.ask(call, timeout=9.0)


class Parent(Actor):
    """Spawns what it is told to."""

    supervision = OneForOne(backoff=Backoff(1.0, 8.0))

    def __init__(self, log: Log) -> None:
        self.log = log

    async def stopped(self) -> None:
        self.log.append(("parent", "stopped"))

    @handler
    def spawn(self, message: tuple) -> ActorRef[Any]:  # type: ignore[type-arg]
        actor, *args = message
        return self.context.spawn(actor, *args)

    @handler
    def crash(self, message: Crash) -> None:
        raise Boom("parent")

    @handler
    def call(self, message: FunctionType) -> Any:
        return message(self)


def test_mail_follows_started_and_precedes_stopped(virtually: Any) -> None:
    """Order of events: init, started, messages in order, stopped."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            ref = system.spawn(Recorder, log)
            assert log == [("a", "init")]
            for text in "xyz":
                ref.tell(text)
            await ref.ask("last", timeout=1.0)

    virtually(main())
    assert [what for _, what in log] == ["init", "started", "x", "y", "z", "last", "stopped"]


def test_order_is_kept_per_sender_through_tell_send_and_ask(virtually: Any) -> None:
    """What one sender sends by whatever verb is handled in that order."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            ref = system.spawn(Recorder, log)

            async def sender(name: str) -> None:
                for number in range(0, 300, 3):
                    ref.tell(f"{name}{number}")
                    await ref.send(f"{name}{number + 1}")
                    await ref.ask(f"{name}{number + 2}", timeout=1.0)

            await asyncio.gather(*(sender(name) for name in "abc"))

    virtually(main())
    for name in "abc":
        mine = [what for _, what in log if what.startswith(name)]
        assert mine == [f"{name}{number}" for number in range(300)]


def test_a_restart_keeps_ref_and_mailbox_and_loses_the_message_in_hand(virtually: Any) -> None:
    """Mail waits through the backoff and reaches the new instance through the same ref."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            parent = system.spawn(Parent, log)
            ref = await parent.ask((Recorder, log), timeout=1.0)
            ref.tell("before")
            ref.tell(Crash())
            ref.tell("after")
            loop = asyncio.get_running_loop()
            assert await ref.ask("asked", timeout=5.0) == "asked"
            assert loop.time() == pytest.approx(1.0)

    virtually(main())
    assert [what for tag, what in log if tag == "a"] == [
        "init", "started", "before", "stopped", "init", "started", "after", "asked", "stopped",
    ]  # fmt: skip


def test_delays_grow_with_each_restart_in_a_row_and_start_again_after_a_quiet_time(
    virtually: Any,
) -> None:
    """1, 2, 4 seconds; after `within` seconds without failure 1 again."""
    events: list[FailureEvent] = []

    async def main() -> None:
        async with ActorSystem("t", wall_clock=lambda: 1e9) as system:
            system.events.subscribe(FailureEvent, events.append)
            parent = system.spawn(Parent, [], name="p")
            ref = await parent.ask((Recorder, []), timeout=1.0)
            for _ in range(3):
                ref.tell(Crash())
                await ref.ask("alive", timeout=20.0)
            await asyncio.sleep(5.0)
            ref.tell(Crash())
            await ref.ask("alive", timeout=20.0)

    virtually(main())
    assert [(event.attempt, event.delay) for event in events] == [(1, 1), (2, 2), (3, 4), (1, 1)]
    event = events[0]
    assert event.path == "callboard://t/user/p/$1"
    assert (event.error_type, event.error, event.message_type) == ("Boom", "on request", "Crash")
    assert (event.decision, event.message_id, event.at) == ("restart", "", 1e9)
    assert "raise Boom" in event.traceback


def test_stop_is_served_at_once_while_backing_off(virtually: Any) -> None:
    """An actor that waits for its restart stops without waiting; its mail becomes dead letters."""
    log: Log = []
    dead: list[DeadLetter] = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(DeadLetter, dead.append)
            parent = system.spawn(Parent, log)
            ref = await parent.ask((Recorder, log), timeout=1.0)
            ref.tell(Crash())
            ref.tell("kept")
            await asyncio.sleep(0.5)
            system.stop(ref)
            with pytest.raises(ActorStopped):
                await ref.ask("too late", timeout=9.0)
            assert asyncio.get_running_loop().time() == 0.5

    virtually(main())
    assert [what for tag, what in log if tag == "a"] == ["init", "started", "stopped"]
    assert [(letter.message, letter.reason) for letter in dead] == [
        ("kept", "the actor has stopped")
    ]


def test_too_many_restarts_fail_the_parent_and_at_the_root_the_system(
    virtually: Any, logged: list[Any]
) -> None:
    """The parent fails and is restarted in its turn, until the root gives up with 70."""
    events: list[FailureEvent] = []

    class Nervous(Parent):
        supervision = OneForOne(max_restarts=1, within=60.0, backoff=Backoff(0.1, 0.1))

        async def started(self) -> None:
            self.context.spawn(Recorder, [], name="child").tell(Crash())
            await asyncio.sleep(0)
            child = self.context.children[0]
            self.context.spawn(Teller, child)

    class Teller(Actor):
        def __init__(self, to: ActorRef[Any]) -> None:
            to.tell(Crash())

    async def main() -> None:
        async with ActorSystem("t", shutdown_timeout=5.0) as system:
            system.events.subscribe(FailureEvent, events.append)
            system.spawn(Nervous, [], name="p")
            await system.wait_stopped()
            assert system.exit_code == 70

    virtually(main())
    parents = [event for event in events if event.path == "callboard://t/user/p"]
    assert [event.decision for event in parents] == ["restart"] * 3 + ["escalate"]
    assert {event.error_type for event in parents} == {RestartIntensityExceeded.__name__}
    last = [line for line in logged if line["event"].startswith("a failure escalated")]
    assert len(last) == 1
    assert last[0]["exit_code"] == 70


def decide(directive: Directive) -> type[Parent]:
    """Return a parent that answers Boom with this directive."""

    class Deciding(Parent):
        supervision = OneForOne(backoff=Backoff(0.0, 0.0), decider={Boom: directive})

    return Deciding


def test_resume_keeps_the_instance(virtually: Any) -> None:
    """A resumed actor goes on with the next message, in the same instance."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            parent = system.spawn(decide(Directive.RESUME), log)
            ref = await parent.ask((Recorder, log), timeout=1.0)
            ref.tell(Crash())
            assert await ref.ask("on", timeout=1.0) == "on"

    virtually(main())
    assert [what for tag, what in log if tag == "a"] == ["init", "started", "on", "stopped"]


def test_stop_ends_the_child_alone(virtually: Any) -> None:
    """A child stopped for its failure is gone, its parent lives on and can use the name again."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            parent = system.spawn(decide(Directive.STOP), [])
            ref = await parent.ask((Recorder, []), timeout=1.0)
            with pytest.raises(ActorFailed):
                await ref.ask(Crash(), timeout=1.0)
            with pytest.raises(ActorStopped):
                await ref.ask("there?", timeout=1.0)
            assert await within(parent, lambda me: len(me.context.children)) == 0

    virtually(main())


def test_escalation_makes_the_parent_fail_with_the_same_error(virtually: Any) -> None:
    """The parent is restarted for its child's error, and the child stops with the old instance."""
    log: Log = []
    events: list[FailureEvent] = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(FailureEvent, events.append)
            parent = system.spawn(decide(Directive.ESCALATE), log, name="p")
            ref = await parent.ask((Recorder, log), timeout=1.0)
            ref.tell(Crash())
            assert await within(parent, lambda me: len(me.context.children)) == 0
            with pytest.raises(ActorStopped):
                await ref.send("there?")

    virtually(main())
    assert [(event.path, event.decision) for event in events] == [
        ("callboard://t/user/p/$1", "escalate"),
        ("callboard://t/user/p", "restart"),
    ]
    assert ("a", "stopped") in log
    assert log.index(("a", "stopped")) < log.index(("parent", "stopped"))


def test_resuming_a_parent_resumes_the_child_it_failed_for(virtually: Any) -> None:
    """When an escalated failure is resumed above, the child that caused it goes on too."""

    class Middle(decide(Directive.ESCALATE)):  # type: ignore[misc]
        pass

    async def main() -> None:
        async with ActorSystem("t") as system:
            top = system.spawn(decide(Directive.RESUME), [])
            middle = await top.ask((Middle, []), timeout=1.0)
            low = await middle.ask((Recorder, []), timeout=1.0)
            low.tell(Crash())
            assert await low.ask("on", timeout=1.0) == "on"

    virtually(main())


def test_children_stop_before_their_parent_and_newest_first(virtually: Any) -> None:
    """At a stop and at a restart alike, children end first, the newest first."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            parent = system.spawn(Parent, log)
            for tag in "ab":
                await parent.ask((Recorder, log, tag), timeout=1.0)
            parent.tell(Crash())
            await parent.ask((Recorder, log, "c"), timeout=9.0)

    virtually(main())
    ends = [tag for tag, what in log if what == "stopped"]
    assert ends == ["b", "a", "parent", "c", "parent"]


def test_system_signals_overtake_mail(virtually: Any) -> None:
    """A stop is served after the message in hand and before the rest of the mailbox."""
    log: Log = []

    class Slow(Actor):
        @handler
        async def wait(self, message: float) -> None:
            await asyncio.sleep(message)
            log.append("done")

        @handler
        def text(self, message: str) -> None:
            log.append(message)

    async def main() -> None:
        async with ActorSystem("t") as system:
            ref = system.spawn(Slow)
            ref.tell(1.0)
            ref.tell("never")
            await asyncio.sleep(0.5)
            system.stop(ref)
            with pytest.raises(ActorStopped):
                await ref.ask("never", timeout=5.0)

    virtually(main())
    assert log == ["done"]


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
