"""Other handlers for a while, and messages that are put aside until then."""

import asyncio
from collections.abc import Callable
from types import FunctionType
from typing import Any

import pytest
from support.actor_doing import Doer, Log, do, fail, lenient
from support.actor_lives import within

from callboard import (
    ActorFailed,
    ActorStopped,
    ActorSystem,
    AskTimeout,
    DeadLetter,
    FailureEvent,
    HandlerError,
    MailboxOptions,
    handler,
)


class Door(Doer):
    """Answers by what is in force."""

    @handler
    def opened(self, message: str) -> str:
        return f"opened {message}"

    def closed(self, message: str) -> str:
        return f"closed {message}"

    def locked(self, message: str) -> str:
        return f"locked {message}"

    async def slow(self, message: int | bytes) -> str:
        await asyncio.sleep(1)
        return f"slow {message!r}"

    def do(self, message: FunctionType) -> Any:
        return message(self)

    def silent(self, message) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - what is refused  # pyright: ignore[reportUnknownParameterType, reportMissingParameterType]
        ...


def test_one_method_takes_over_and_all_else_is_unhandled(virtually: Any) -> None:
    """After `become` the one method is all there is: other messages are dead letters."""
    dead: list[DeadLetter] = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(DeadLetter, dead.append)
            door = system.spawn(Door)
            assert await door.ask("a", timeout=1.0) == "opened a"
            await within(door, lambda me: me.context.become(me.closed))
            assert await door.ask("b", timeout=1.0) == "closed b"
            door.tell(1.5)
            with pytest.raises(ActorFailed, match="no handler for function") as caught:
                await within(door, lambda me: None)
            assert caught.value.error_type == "HandlerError"
            assert await door.ask("c", timeout=1.0) == "closed c"

    virtually(main())
    assert [(letter.message, letter.reason) for letter in dead] == [
        (1.5, "Door has no handler for float")
    ]


def test_the_unhandled_of_the_class_stays_in_force(virtually: Any) -> None:
    """What no method in force takes goes to an overridden `unhandled`."""

    class Porter(Door):
        def unhandled(self, message: object) -> Any:
            return ("porter", message)

    async def main() -> None:
        async with ActorSystem("t") as system:
            door = system.spawn(Porter)
            await within(door, lambda me: me.context.become(me.closed))
            assert await door.ask(1.5, timeout=1.0) == ("porter", 1.5)

    virtually(main())


def test_several_methods_are_chosen_by_their_annotations(virtually: Any) -> None:
    """Unions, subclasses and async methods work as they do for handlers."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            door = system.spawn(Door)
            await within(door, lambda me: me.context.become(me.locked, me.slow, me.do))
            assert await door.ask("a", timeout=9.0) == "locked a"
            assert await door.ask(1, timeout=9.0) == "slow 1"
            assert await door.ask(b"x", timeout=9.0) == "slow b'x'"
            assert await door.ask(True, timeout=9.0) == "slow True"  # noqa: FBT003 - a message

    virtually(main())


def test_it_counts_from_the_next_message_on(virtually: Any) -> None:
    """Of mail that was there already, what is behind the change is handled in the new way."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            door = system.spawn(Door)
            before = asyncio.ensure_future(door.ask("x", timeout=1.0))
            change = asyncio.ensure_future(within(door, lambda me: me.context.become(me.closed)))
            after = asyncio.ensure_future(door.ask("x", timeout=1.0))
            await asyncio.gather(before, change, after)
            assert (before.result(), after.result()) == ("opened x", "closed x")

    virtually(main())


def test_unbecome_goes_back_and_needs_nothing_to_go_back_to(virtually: Any) -> None:
    """By default one `become` replaces the other, so one `unbecome` ends both; more do nothing."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            door = system.spawn(Door)
            await within(door, lambda me: me.context.unbecome())
            assert await door.ask("a", timeout=1.0) == "opened a"
            await within(door, lambda me: me.context.become(me.closed, me.do))
            await within(door, lambda me: me.context.become(me.locked, me.do))
            assert await door.ask("b", timeout=1.0) == "locked b"
            for _ in range(3):
                await within(door, lambda me: me.context.unbecome())
                assert await door.ask("c", timeout=1.0) == "opened c"

    virtually(main())


def test_what_is_not_discarded_is_come_back_to(virtually: Any) -> None:
    """With discard_old=False behaviors are stacked, and `unbecome` takes off one at a time."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            door = system.spawn(Door)
            await within(door, lambda me: me.context.become(me.closed, me.do, discard_old=False))
            await within(door, lambda me: me.context.become(me.locked, me.do, discard_old=False))
            answers = [await door.ask("x", timeout=1.0)]
            for _ in range(3):
                await within(door, lambda me: me.context.unbecome())
                answers.append(await door.ask("x", timeout=1.0))
            assert answers == ["locked x", "closed x", "opened x", "opened x"]

    virtually(main())


def test_a_restart_goes_back_to_the_class(virtually: Any) -> None:
    """After a restart the class's handlers are in force, and there is nothing to unbecome."""

    async def main() -> None:
        async with lenient() as system:
            door = system.spawn(Door)
            await within(door, lambda me: me.context.become(me.closed, me.do, discard_old=False))
            await within(door, lambda me: me.context.become(me.locked, me.do, discard_old=False))
            do(door, fail)
            assert await door.ask("a", timeout=1.0) == "opened a"
            await within(door, lambda me: me.context.unbecome())
            assert await door.ask("b", timeout=1.0) == "opened b"

    virtually(main())


def test_methods_that_cannot_be_told_apart_are_refused(virtually: Any) -> None:
    """No annotation, the same type twice, and what is no method: HandlerError says which."""
    refused: dict[str, Callable[[Any], Any]] = {
        "both handle str": lambda me: me.context.become(me.closed, me.locked),
        "no annotation": lambda me: me.context.become(me.silent),
        "takes methods of the actor": lambda me: me.context.become(lambda: None),
        r"and got <built-in function print>": lambda me: me.context.become(print),
    }

    async def main() -> None:
        async with lenient() as system:
            for sentence, call in refused.items():
                with pytest.raises(ActorFailed, match=sentence) as caught:
                    await within(system.spawn(Door), call)
                assert isinstance(caught.value.__cause__, HandlerError)

    virtually(main())


def test_a_refused_become_changes_nothing(virtually: Any) -> None:
    """An actor that catches the error is where it was, also for `unbecome`."""

    def attempt(me: Door) -> None:
        with pytest.raises(HandlerError):
            me.context.become(me.closed, me.locked, discard_old=False)

    async def main() -> None:
        async with ActorSystem("t") as system:
            door = system.spawn(Door)
            await within(door, lambda me: me.context.become(me.closed, me.do))
            await within(door, attempt)
            assert await door.ask("a", timeout=1.0) == "closed a"
            await within(door, lambda me: me.context.unbecome())
            assert await door.ask("b", timeout=1.0) == "opened b"

    virtually(main())


class Desk(Doer):
    """Puts numbers aside until it is opened."""

    stash_capacity = 3

    def __init__(self, log: Log | None = None) -> None:
        super().__init__(log)
        self.is_open = False

    @handler
    async def number(self, message: int) -> int | None:
        if not self.is_open:
            await asyncio.sleep(0)
            self.context.stash()
            return None
        self.log.append((message, self.context.sender))
        return message

    def open(self) -> None:
        self.is_open = True
        self.context.unstash_all()


def test_a_stash_comes_back_in_order_and_ahead_of_other_mail(virtually: Any) -> None:
    """What was put aside is handled in its order, with its senders, before what came since."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            desk, clerk = system.spawn(Desk, log), system.spawn(Doer)
            desk.tell(1)
            await within(clerk, lambda me: desk.tell(2))
            desk.tell(3)
            desk.tell("not put aside")
            do(desk, lambda me: me.open())
            desk.tell(4)
            await desk.ask(5, timeout=1.0)
            await within(desk, lambda me: me.context.unstash_all())
            assert log == ["not put aside", (1, None), (2, clerk), (3, None), (4, None), (5, None)]

    virtually(main())


def test_an_asker_is_answered_when_its_message_is_handled_in_the_end(virtually: Any) -> None:
    """Putting aside is no answer; the deadline goes on, and a reply after it is a late one."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            desk = system.spawn(Desk)
            patient = asyncio.ensure_future(desk.ask(1, timeout=60.0))
            with pytest.raises(AskTimeout):
                await desk.ask(2, timeout=1.0)
            assert not patient.done()
            await within(desk, lambda me: me.open())
            assert await patient == 1
            await asyncio.sleep(1)
            assert system.statistics().late_replies == 1

    virtually(main())


def test_a_full_stash_fails_the_actor(virtually: Any) -> None:
    """The message too many is in hand when StashFull is raised; those in the stash are kept."""
    events: list[FailureEvent] = []
    log: Log = []

    async def main() -> None:
        async with lenient() as system:
            system.events.subscribe(FailureEvent, events.append)
            desk = system.spawn(Desk, log, name="desk")
            for number in range(3):
                desk.tell(number)
            with pytest.raises(ActorFailed, match="user/desk holds 3 messages") as caught:
                await desk.ask(3, timeout=1.0)
            assert caught.value.error_type == "StashFull"
            await within(desk, lambda me: me.open())
            await desk.ask(4, timeout=1.0)
            assert [number for number, _ in log] == [0, 1, 2, 4]

    virtually(main())
    assert [(event.error_type, event.message_type) for event in events] == [("StashFull", "int")]


def test_a_stash_survives_a_restart(virtually: Any) -> None:
    """The next instance handles it first, ahead of the mail, and the askers are answered."""
    log: Log = []

    class Ready(Desk):
        async def started(self) -> None:
            self.is_open = self.context.restarts > 0

    async def main() -> None:
        async with lenient() as system:
            desk = system.spawn(Ready, log)
            first = asyncio.ensure_future(desk.ask(1, timeout=9.0))
            await asyncio.sleep(0)
            desk.tell(2)
            do(desk, fail)
            desk.tell("mail")
            assert await first == 1
            await within(desk, lambda me: None)
            assert log == [(1, None), (2, None), "mail"]

    virtually(main())


def test_a_stash_is_dead_letters_at_the_end(virtually: Any) -> None:
    """Messages put aside are turned away at a stop, before the mail; their askers learn it."""
    dead: list[DeadLetter] = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(DeadLetter, dead.append)
            desk = system.spawn(Desk)
            desk.tell(1)
            asker = asyncio.ensure_future(desk.ask(2, timeout=60.0))
            await asyncio.sleep(0)
            desk.tell(3)
            do(desk, lambda me: me.context.stop())
            desk.tell("mail")
            with pytest.raises(ActorStopped):
                await asker
            assert asyncio.get_running_loop().time() == 0.0

    virtually(main())
    assert [letter.message for letter in dead] == [1, 3, "mail"]
    assert {letter.reason for letter in dead} == {"the actor has stopped"}


@pytest.mark.parametrize("overflow", ["wait", "fail", "drop_newest", "drop_oldest"])
def test_no_bound_refuses_what_comes_back(virtually: Any, overflow: Any) -> None:
    """A stash goes back into a mailbox that is full, and nothing is lost."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            desk = system.spawn(Desk, log, mailbox=MailboxOptions(1, overflow=overflow))
            for number in range(3):
                desk.tell(number)
                await asyncio.sleep(0.1)
            do(desk, lambda me: me.open())
            await asyncio.sleep(0.1)
            assert [number for number, _ in log] == [0, 1, 2]
            assert system.statistics().dead_letters == 0

    virtually(main())


def test_unstashing_leads_through_become(virtually: Any) -> None:
    """The usual pair: closed puts aside, open handles what was put aside."""
    log: Log = []

    class Gate(Doer):
        async def started(self) -> None:
            self.context.become(self.aside, self.open)

        def aside(self, message: int) -> None:
            self.context.stash()

        def open(self, message: str) -> None:
            self.context.become(self.through)
            self.context.unstash_all()

        def through(self, message: int) -> int:
            self.log.append(message)
            return message

    async def main() -> None:
        async with ActorSystem("t") as system:
            gate = system.spawn(Gate, log)
            for number in range(5):
                gate.tell(number)
            gate.tell("open")
            assert await gate.ask(5, timeout=1.0) == 5

    virtually(main())
    assert log == list(range(6))
