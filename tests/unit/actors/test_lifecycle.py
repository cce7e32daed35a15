"""The life of an actor: start, mail, crash, restart, end."""

import asyncio
from typing import Any

import pytest
from support.actor_lives import Crash, Log, Parent, Recorder, decide, within

from callboard import (
    Actor,
    ActorFailed,
    ActorRef,
    ActorStopped,
    ActorSystem,
    DeadLetter,
    FailureEvent,
    RestartIntensityExceeded,
    handler,
)
from callboard.supervision import Backoff, Directive, OneForOne


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
