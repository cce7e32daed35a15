"""ActorKit: one actor by hand, its effects as data."""

import asyncio

import pytest

from callboard import Actor, ActorContext, ActorRef, actor, handler
from callboard.testing import (
    ActorKit,
    Answered,
    Became,
    Piped,
    Spawned,
    Stashed,
    Stopped,
    TimerCancelled,
    TimerStarted,
    Told,
    Unhandled,
    Unstashed,
    Watched,
    kit_ref,
)


class Door(Actor):
    """Does a bit of everything."""

    def __init__(self, journal: ActorRef[str] | None = None) -> None:
        self.journal = journal

    async def started(self) -> None:
        self.context.start_periodic_timer("look", 5.0, "look")

    @handler
    async def open(self, message: str) -> str:
        if self.journal is not None:
            answer = await self.journal.ask(f"opened by {message}", timeout=1.0)
            return f"{answer} at {self.context.now():g}"
        child = self.context.spawn(Door, name="flap")
        self.context.watch(child)
        child.tell(message)
        self.context.become(self.shut)
        return "open"

    @handler
    def number(self, message: int) -> None:
        if message:
            self.context.stash()
        else:
            self.context.unstash_all()

    @handler
    def later(self, message: bytes) -> str:
        self.context.defer_reply().send(message)
        return "not this"

    @handler
    async def wait(self, message: float) -> None:
        await asyncio.sleep(message)

    def shut(self, message: str) -> None:
        self.context.unbecome()
        self.context.cancel_timer("look")
        self.context.stop()

    async def stopped(self) -> None:
        if self.journal is not None:
            self.journal.tell("gone")


def test_what_an_actor_does_is_data() -> None:
    """Children, watches, messages and behaviors come out in the order they were made."""
    kit = ActorKit(Door)
    assert kit.take() == [TimerStarted("look", 5.0, "look", 5.0)]
    assert kit.run("me") == "open"
    assert kit.take() == [
        Spawned(Door, (), "flap"),
        Watched("callboard://kit/user/actor/flap", "watch"),
        Told("callboard://kit/user/actor/flap", "me"),
        Became(("shut",)),
    ]
    kit.run("again")
    assert kit.take() == [
        Became(()),
        TimerCancelled("look"),
        Stopped("callboard://kit/user/actor", "stop"),
    ]


def test_asks_are_answered_by_the_test() -> None:
    """The answers are handed over before; an exception among them is raised in the actor."""
    kit = ActorKit(Door, kit_ref("journal"))
    kit.answers = ["noted", ValueError("no ink")]
    kit.now = 12.0
    assert kit.run("me") == "noted at 12"
    with pytest.raises(ValueError, match="no ink"):
        kit.run("me")


def test_the_state_is_the_actors_own() -> None:
    """The instance can be looked at, and ends when the test says so."""
    kit = ActorKit(Door)
    journal = kit.ref_of("journal")
    kit.actor.journal = journal
    kit.take()
    kit.stop()
    assert kit.take() == [Told("callboard://kit/user/journal", "gone")]


def test_a_deferred_reply_is_an_effect() -> None:
    """And what the handler returns then is no answer, as in a system."""
    kit = ActorKit(Door)
    kit.take()
    assert kit.run(b"x") is None
    assert kit.take() == [Answered(b"x")]


def test_the_stash_comes_back_as_an_effect() -> None:
    """The test hands the messages over again, in their order."""
    kit = ActorKit(Door)
    kit.take()
    for number in (1, 2, 0):
        kit.run(number)
    assert kit.take() == [Stashed(1), Stashed(2), Unstashed((1, 2))]


def test_what_nobody_handles_is_an_effect() -> None:
    """As a dead letter would be."""
    kit = ActorKit(Door)
    kit.take()
    assert kit.run(None) is None
    assert kit.take() == [Unhandled(None)]


def test_waiting_is_refused_with_the_way_out() -> None:
    """There is no loop to wait in; the error names virtual time."""
    with pytest.raises(AssertionError, match="run_virtual"):
        ActorKit(Door).run(1.0)


def test_a_function_is_an_actor_too() -> None:
    """`@actor` classes are made the same way; a piped coroutine is the test's to run."""

    async def fetch() -> int:
        return 7

    @actor
    def fetching(context: ActorContext, message: str) -> None:
        context.pipe_to_self(fetch(), str)

    kit = ActorKit(fetching)
    kit.run("go")
    (piped,) = kit.take()
    assert isinstance(piped, Piped)
    assert piped.on_success(asyncio.run(piped.coroutine)) == "7"


def test_a_system_is_not_there() -> None:
    """What a kit cannot stand for says so."""
    kit = ActorKit(Door)
    with pytest.raises(AttributeError, match=r"no system\.tree"):
        kit.actor.context.system.tree()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
