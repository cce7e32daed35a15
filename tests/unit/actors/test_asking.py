"""Asks: what they return, how they fail, and when."""

import asyncio
import math
from typing import Any

import pytest
from support.actor_doing import Doer, Oops, fail, lenient, now
from support.actor_lives import within

from callboard import (
    ActorFailed,
    ActorStopped,
    ActorSystem,
    AskTimeout,
    CallboardError,
    MailboxFull,
    MailboxOptions,
    NotRunning,
    UnexpectedReply,
    handler,
)
from callboard.actors import ActorSystem as CoreSystem


class Sayer(Doer):
    """Answers with what it is sent, whatever it is."""

    @handler
    def say(self, message: object) -> object:
        return message


def test_a_reply_of_the_expected_class_is_returned(virtually: Any) -> None:
    """Subclasses count, and so does None for its own class."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            sayer = system.spawn(Sayer)
            assert await sayer.ask(1, 1.0, int) == 1
            assert await sayer.ask(True, 1.0, reply_type=int) is True  # noqa: FBT003 - a message
            await sayer.ask(None, 1.0, reply_type=type(None))

    virtually(main())


def test_a_reply_of_another_class_is_refused(virtually: Any) -> None:
    """UnexpectedReply names the two classes and has the reply; the actor is not to blame."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            sayer = system.spawn(Sayer, name="sayer")
            with pytest.raises(
                UnexpectedReply, match=r"answered with list.* expected int"
            ) as caught:
                await sayer.ask([1], timeout=1.0, reply_type=int)
            error = caught.value
            assert isinstance(error, TypeError)
            assert (error.target, error.expected) == ("callboard://t/user/sayer", "int")
            assert error.reply == [1]
            assert system.statistics().failures == 0

    virtually(main())


@pytest.mark.parametrize("wrong", [-1.0, -math.inf, math.inf, math.nan])
def test_a_timeout_is_a_finite_number_of_seconds(virtually: Any, wrong: float) -> None:
    """Anything else is refused before the message is sent."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            doer = system.spawn(Doer)
            with pytest.raises(ValueError, match="every ask ends in time"):
                await doer.ask("x", timeout=wrong)
            assert await within(doer, lambda me: me.log) == []

    virtually(main())


def test_no_time_at_all_is_a_time(virtually: Any) -> None:
    """With timeout 0 an actor that is busy does not answer, and the ask ends at once."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            doer = system.spawn(Doer)
            doer.tell(5.0)
            with pytest.raises(AskTimeout):
                await doer.ask("x", timeout=0)
            assert now() == 0.0

    virtually(main())


async def fail_late(me: Doer) -> None:
    """Crash after a suspension."""
    await asyncio.sleep(0)
    fail(me)


@pytest.mark.parametrize("crash", [fail, fail_late])
def test_a_crash_reaches_the_asker_at_once(virtually: Any, crash: Any) -> None:
    """ActorFailed takes no time, has the exception as its cause, and repeats what it says."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            doer = system.spawn(Doer, name="doer")
            with pytest.raises(ActorFailed) as caught:
                await doer.ask(crash, timeout=3600.0)
            assert now() == 0.0
            error = caught.value
            assert isinstance(error.__cause__, Oops)
            assert error.target == "callboard://t/user/doer"
            assert (error.error_type, error.error_message) == ("Oops", "on request")

    virtually(main())


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_the_end_of_the_asked_reaches_all_askers_at_once(virtually: Any, end: str) -> None:
    """ActorStopped takes no longer than the end itself, in the mailbox and afterwards."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            doer = system.spawn(Doer)
            doer.tell(2.0)
            asks = [asyncio.ensure_future(doer.ask(text, timeout=3600.0)) for text in "ab"]
            await asyncio.sleep(1)
            system.stop(doer) if end == "stop" else system.kill(doer)
            for ask in asks:
                with pytest.raises(ActorStopped):
                    await ask
            assert now() == (2.0 if end == "stop" else 1.0)
            with pytest.raises(ActorStopped):
                await doer.ask("c", timeout=3600.0)
            assert now() == (2.0 if end == "stop" else 1.0)

    virtually(main())


def test_who_asks_an_actor_to_stop_itself_is_answered(virtually: Any) -> None:
    """The message on which an actor stops is answered; those behind it are not handled."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            doer = system.spawn(Doer)
            stop = asyncio.ensure_future(within(doer, lambda me: me.context.stop() or "bye"))
            behind = asyncio.ensure_future(doer.ask("behind", timeout=3600.0))
            assert await stop == "bye"
            with pytest.raises(ActorStopped):
                await behind
            assert now() == 0.0

    virtually(main())


def test_the_asker_of_a_message_in_hand_learns_of_the_kill(virtually: Any) -> None:
    """Its handler is cancelled, and the ask ends with ActorStopped at that moment."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            doer = system.spawn(Doer)
            asking = asyncio.ensure_future(doer.ask(3600.0, timeout=3600.0))
            await asyncio.sleep(1)
            system.kill(doer)
            with pytest.raises(ActorStopped):
                await asking
            assert now() == 1.0

    virtually(main())


def test_a_stop_strategy_answers_all_who_ask(virtually: Any) -> None:
    """The one whose message it failed on gets ActorFailed, those behind it ActorStopped."""

    async def main() -> None:
        async with CoreSystem("t") as system:  # which stops what fails
            doer = system.spawn(Doer)
            asks: list[Any] = [doer.ask(what, timeout=60.0) for what in (fail, "a", "b")]
            errors = await asyncio.gather(*asks, return_exceptions=True)
            assert [type(error) for error in errors] == [ActorFailed, ActorStopped, ActorStopped]
            assert now() == 0.0

    virtually(main())


def test_replies_that_come_too_late_are_counted(virtually: Any) -> None:
    """After a timeout and after a cancelled ask a reply is late; after an answer none is."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            doer = system.spawn(Doer)
            with pytest.raises(AskTimeout):
                await doer.ask(1.0, timeout=0.5)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.0):
                    await doer.ask(3.0, timeout=60.0)
            await doer.ask(1.0, timeout=60.0)
            assert system.statistics().late_replies == 2

    virtually(main())


def test_an_asker_that_gave_up_does_not_hinder_the_crash(virtually: Any) -> None:
    """A handler that fails after its asker went is supervised as ever."""

    async def late(me: Doer) -> None:
        await asyncio.sleep(1)
        fail(me)

    async def main() -> None:
        async with lenient() as system:
            doer = system.spawn(Doer)
            with pytest.raises(AskTimeout):
                await doer.ask(late, timeout=0.5)
            assert await doer.ask("alive", timeout=9.0) == "alive"
            assert system.statistics().restarts == 1
            assert system.statistics().late_replies == 0

    virtually(main())


@pytest.mark.parametrize("overflow", ["fail", "drop_newest", "drop_oldest"])
def test_a_full_mailbox_is_known_at_once(virtually: Any, overflow: Any) -> None:
    """Where the policy does not wait, the asker that finds no place gets MailboxFull."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            doer = system.spawn(Doer, mailbox=MailboxOptions(1, overflow=overflow))
            doer.tell(1.0)
            await asyncio.sleep(0.5)
            asks: list[Any] = [doer.ask(text, timeout=60.0) for text in "ab"]
            answers = await asyncio.gather(*asks, return_exceptions=True)
            assert now() == 1.0
            full = 0 if overflow == "drop_oldest" else 1
            assert isinstance(answers[full], MailboxFull)
            assert answers[1 - full] == "ba"[full]

    virtually(main())


def test_askers_are_freed_when_the_system_ends(virtually: Any) -> None:
    """Nobody outside waits for an actor that is no more, whatever the timeout was."""
    left: list[asyncio.Future[Any]] = []

    def promise(me: Doer) -> None:
        me.log.append(me.context.defer_reply())

    async def main() -> None:
        async with ActorSystem("t") as system:
            doer, slow = system.spawn(Doer), system.spawn(Doer)
            slow.tell(1.0)
            left.append(asyncio.ensure_future(within(doer, promise)))
            left.append(asyncio.ensure_future(slow.ask("x", timeout=3600.0)))
            await asyncio.sleep(0)
        errors = await asyncio.gather(*left, return_exceptions=True)
        assert all(isinstance(error, CallboardError) for error in errors)
        with pytest.raises(ActorStopped):
            await slow.ask("x", timeout=1.0)
        with pytest.raises(NotRunning):
            system.spawn(Doer)
        assert now() == 1.0

    virtually(main())


def test_an_ask_is_as_good_as_a_tell_for_the_order(virtually: Any) -> None:
    """Asks that are not awaited yet and tells of one sender are handled as they were sent."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            doer = system.spawn(Doer)
            asks: list[asyncio.Future[Any]] = []
            for number in range(0, 200, 2):
                asks.append(asyncio.ensure_future(doer.ask(str(number), timeout=9.0)))
                await asyncio.sleep(0)
                doer.tell(str(number + 1))
            await asyncio.gather(*asks)
            handled = await within(doer, lambda me: me.log)
            assert handled == [str(number) for number in range(200)]

    virtually(main())
