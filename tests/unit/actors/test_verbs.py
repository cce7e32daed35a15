"""tell, send and ask: mailboxes, dead letters, failures and deadlines."""

import asyncio
from typing import Any, NamedTuple

import pytest

from callboard import (
    Actor,
    ActorFailed,
    ActorStopped,
    ActorSystem,
    AskTimeout,
    DeadLetter,
    MailboxFull,
    MailboxOptions,
    handler,
)
from callboard.actors import MailboxStatistics

seen: list[Any] = []


class Pair(NamedTuple):
    left: int
    right: int


class Gate(Actor):
    """Handles one message at a time, each when the gate lets it through."""

    def __init__(self, gate: asyncio.Semaphore, log: list[Any]) -> None:
        self.gate = gate
        self.log = log

    @handler
    async def text(self, message: str) -> str:
        await self.gate.acquire()
        self.log.append(message)
        return message


class Replier(Actor):
    @handler
    def number(self, message: int) -> int:
        return message + 1

    @handler
    async def text(self, message: str) -> str:
        await asyncio.sleep(float(message))
        return message

    @handler
    def fail(self, message: ValueError) -> None:
        raise message

    @handler
    async def fail_later(self, message: KeyError) -> None:
        await asyncio.sleep(0.1)
        raise message

    @handler
    def pair(self, message: tuple) -> Any:  # type: ignore[type-arg]
        seen.append(message[0])
        return (type(message).__name__, message)


def test_ask_returns_what_the_handler_returns(virtually: Any) -> None:
    """Plain and async handlers answer; None is an answer too."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            ref = system.spawn(Replier)
            assert await ref.ask(1, timeout=1.0) == 2
            assert await ref.ask("0.5", timeout=1.0) == "0.5"
            assert system.statistics().asks <= 2

    virtually(main())


def test_messages_may_be_tuples(virtually: Any) -> None:
    """Tuples of whatever class arrive as they were sent, by every verb."""
    seen.clear()

    async def main() -> None:
        async with ActorSystem("t") as system:
            ref = system.spawn(Replier)
            for _ in range(2):  # the first message makes the mailbox
                ref.tell(("told", None, None))
                await ref.send(("sent", None, None))
            await ref.ask(("asked",), timeout=1.0)
            assert seen == ["told", "sent", "told", "sent", "asked"]
            assert await ref.ask((1, 2, 3), timeout=1.0) == ("tuple", (1, 2, 3))
            assert await ref.ask(Pair(1, 2), timeout=1.0) == ("Pair", (1, 2))

    virtually(main())


def test_a_crash_on_the_asked_message_reaches_the_asker_at_once(virtually: Any) -> None:
    """ActorFailed comes with the failure, not with the deadline, and carries the exception."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with ActorSystem("t") as system:
            ref = system.spawn(Replier, name="r")
            with pytest.raises(
                ActorFailed, match="failed on this message with ValueError"
            ) as plain:
                await ref.ask(ValueError("bad"), timeout=60.0)
            assert (plain.value.error_type, plain.value.error_message) == ("ValueError", "bad")
            assert isinstance(plain.value.__cause__, ValueError)
            assert loop.time() == 0.0
            with pytest.raises(ActorFailed) as later:
                await ref.ask(KeyError("k"), timeout=60.0)
            assert later.value.target == "callboard://t/user/r"
            assert loop.time() < 0.3  # the restart's backoff and the handler's sleep

    virtually(main())


def test_an_ask_ends_at_its_deadline_and_a_late_reply_is_dropped(virtually: Any) -> None:
    """AskTimeout names target, message and seconds; the reply that comes later is counted."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with ActorSystem("t") as system:
            ref = system.spawn(Replier, name="r")
            with pytest.raises(
                AskTimeout, match=r"user/r did not answer str within 0\.25 s"
            ) as caught:
                await ref.ask("1", timeout=0.25)
            assert isinstance(caught.value, TimeoutError)
            assert caught.value.retriable
            assert loop.time() == 0.25
            cancelled = asyncio.ensure_future(ref.ask("1", timeout=9.0))
            await asyncio.sleep(0)
            cancelled.cancel()
            assert await ref.ask(1, timeout=9.0) == 2
            assert system.statistics().late_replies == 2

    virtually(main())


def test_an_ask_to_the_stopped_fails_at_once(virtually: Any) -> None:
    """ActorStopped is raised by asks before, during and after the end of the target."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with ActorSystem("t") as system:
            ref = system.spawn(Replier)
            in_hand = asyncio.ensure_future(ref.ask("1", timeout=60.0))
            waiting = asyncio.ensure_future(ref.ask(1, timeout=60.0))
            await asyncio.sleep(0.5)
            system.stop(ref)
            assert await in_hand == "1"  # the message in hand is finished
            with pytest.raises(ActorStopped):
                await waiting
            with pytest.raises(ActorStopped):
                await ref.ask(1, timeout=60.0)
            with pytest.raises(ActorStopped):
                await ref.send(1)
            assert loop.time() == 1.0

    virtually(main())


def test_what_nobody_takes_is_a_dead_letter(virtually: Any, logged: list[Any]) -> None:
    """Mail to the stopped and mail without handler is published, counted and logged."""
    dead: list[DeadLetter] = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(DeadLetter, dead.append)
            ref = system.spawn(Replier, name="r")
            ref.tell(1.5)
            with pytest.raises(ActorFailed, match="Replier has no handler for float"):
                await ref.ask(1.5, timeout=1.0)
            system.stop(ref)
            await asyncio.sleep(1)
            for number in range(20):
                ref.tell(number)
            assert system.statistics().dead_letters == 21
            await asyncio.sleep(11)
            ref.tell(20)

    virtually(main())
    assert dead[0].reason == "Replier has no handler for float"
    assert str(dead[1].recipient) == "callboard://t/user/r"
    assert [letter.message for letter in dead[1:]] == list(range(21))
    assert {letter.reason for letter in dead[1:]} == {"the actor has stopped"}
    lines = [line for line in logged if line["event"] == "dead letter"]
    assert len(lines) == 6  # five in ten seconds, then one that counts the silent
    assert lines[-1]["not_logged_before"] == 16


def test_unhandled_may_be_overridden(virtually: Any) -> None:
    """An actor that takes strangers itself answers them, and makes no dead letter."""

    class Open(Actor):
        def unhandled(self, message: object) -> Any:
            return ("taken", message)

    class OpenAsync(Actor):
        async def unhandled(self, message: object) -> Any:
            await asyncio.sleep(0.1)
            return ("later", message)

    async def main() -> None:
        async with ActorSystem("t") as system:
            assert await system.spawn(Open).ask(1, timeout=1.0) == ("taken", 1)
            assert await system.spawn(OpenAsync).ask(1, timeout=1.0) == ("later", 1)
            assert system.statistics().dead_letters == 0

    virtually(main())


async def fill(system: ActorSystem, overflow: Any) -> tuple[Any, asyncio.Semaphore, list[str]]:
    """Return an actor with one message in hand and two, its capacity, in the mailbox."""
    gate, log = asyncio.Semaphore(0), list[str]()
    options = MailboxOptions(capacity=2, overflow=overflow)
    ref = system.spawn(Gate, gate, log, name="g", mailbox=options)
    ref.tell("in hand")
    while system.mailbox(ref).waiting:
        await asyncio.sleep(0)
    ref.tell("one")
    await ref.send("two")
    return ref, gate, log


async def finish(system: ActorSystem, ref: Any, gate: asyncio.Semaphore, count: int) -> None:
    """Let so many messages through, and wait until they are handled."""
    for _ in range(count):
        gate.release()
    while system.mailbox(ref).waiting or system.dispatcher.statistics().suspended:
        await asyncio.sleep(0.01)


def test_a_full_mailbox_that_waits_makes_send_wait(virtually: Any) -> None:
    """`wait`: sends and asks wait for room in order, a tell is a dead letter, nothing overtakes."""
    dead: list[DeadLetter] = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(DeadLetter, dead.append)
            ref, gate, log = await fill(system, "wait")
            ref.tell("lost")
            send = asyncio.ensure_future(ref.send("three"))
            ask = asyncio.ensure_future(ref.ask("four", timeout=60.0))
            given_up = asyncio.ensure_future(ref.send("given up"))
            await asyncio.sleep(1)
            assert system.mailbox(ref) == MailboxStatistics(
                waiting=2, capacity=2, senders=3, dropped=1
            )
            assert not send.done()
            given_up.cancel()
            gate.release()
            await send
            assert not ask.done()
            await finish(system, ref, gate, 4)
            assert await ask == "four"
            assert log == ["in hand", "one", "two", "three", "four"]

    virtually(main())
    assert [(letter.message, letter.reason) for letter in dead] == [("lost", "mailbox full (wait)")]


def test_a_full_mailbox_that_fails_raises(virtually: Any) -> None:
    """`fail`: every verb raises MailboxFull, which says what can be done."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            ref, gate, log = await fill(system, "fail")
            with pytest.raises(MailboxFull, match="holds 2 messages and is full"):
                ref.tell("no")
            with pytest.raises(MailboxFull):
                await ref.send("no")
            with pytest.raises(MailboxFull):
                await ref.ask("no", timeout=1.0)
            assert system.mailbox(ref).dropped == 3
            await finish(system, ref, gate, 3)
            assert log == ["in hand", "one", "two"]

    virtually(main())


def test_a_full_mailbox_may_drop_the_newest(virtually: Any) -> None:
    """`drop_newest`: what comes is a dead letter; who asked or sent is told."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            ref, gate, log = await fill(system, "drop_newest")
            ref.tell("no")
            with pytest.raises(MailboxFull):
                await ref.send("no")
            with pytest.raises(MailboxFull):
                await ref.ask("no", timeout=1.0)
            assert system.statistics().dead_letters == 2
            await finish(system, ref, gate, 3)
            assert log == ["in hand", "one", "two"]

    virtually(main())


def test_a_full_mailbox_may_drop_the_oldest(virtually: Any) -> None:
    """`drop_oldest`: what waited longest is a dead letter, and its asker is told."""
    dead: list[DeadLetter] = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(DeadLetter, dead.append)
            ref, gate, log = await fill(system, "drop_oldest")
            ask = asyncio.ensure_future(ref.ask("three", timeout=60.0))
            await asyncio.sleep(0)
            ref.tell("four")
            await ref.send("five")
            with pytest.raises(MailboxFull):
                await ask
            await finish(system, ref, gate, 3)
            assert log == ["in hand", "four", "five"]

    virtually(main())
    assert [letter.message for letter in dead] == ["one", "two", "three"]


def test_those_who_wait_for_room_are_told_of_the_end(virtually: Any) -> None:
    """A send or ask that waits for room fails with ActorStopped when the actor stops."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            ref, gate, _ = await fill(system, "wait")
            waiting = [
                asyncio.ensure_future(ref.send("x")),
                asyncio.ensure_future(ref.ask("x", timeout=60.0)),
            ]
            await asyncio.sleep(0)
            system.stop(ref)
            gate.release()
            results = await asyncio.gather(*waiting, return_exceptions=True)
            assert [type(one) for one in results] == [ActorStopped, ActorStopped]

    virtually(main())


@pytest.mark.parametrize(("capacity", "overflow"), [(0, "wait"), (1, "explode")])
def test_mailbox_options_are_checked(capacity: int, overflow: Any) -> None:
    """A capacity below one or an unknown policy is refused where it is written."""
    with pytest.raises(ValueError, match=r"could never take|write one of wait, fail"):
        MailboxOptions(capacity, overflow)
