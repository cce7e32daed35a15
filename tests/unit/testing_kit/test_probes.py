"""Probes: what they record, how they answer, and what a failed expectation says."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from callboard import Actor, ActorFailed, ActorRef, AskTimeout, Terminated, handler
from callboard.testing import Probe, make_system

pytestmark = pytest.mark.callboard_virtual


@dataclass(frozen=True)
class Order:
    dish: str
    kitchen: ActorRef[Any]


@dataclass(frozen=True)
class Bill:
    cents: int


class Waiter(Actor):
    """Asks the kitchen, then tells the guest."""

    @handler
    async def take(self, message: Order) -> None:
        assert self.context.sender is not None
        try:
            cents: int = await message.kitchen.ask(message.dish, timeout=60.0)
        except ActorFailed as error:
            self.context.sender.tell(repr(error.__cause__))
        except AskTimeout:
            self.context.sender.tell("it takes too long")
        else:
            self.context.sender.tell(Bill(cents))


async def test_expect_returns_the_next_message_of_the_type() -> None:
    """By class or by value, one after another."""
    async with make_system() as system:
        probe: Probe[Any] = Probe(system, name="guest")
        for message in ("soup", Bill(5), Bill(7), 9):
            probe.ref.tell(message)

        assert await probe.expect("soup") == "soup"
        bill = await probe.expect(Bill)
        assert bill.cents == 5
        assert await probe.receive() == Bill(7)
        assert probe.unread == (9,)
        assert await probe.expect(int) == 9
        assert not probe.unread
        assert probe.messages == ("soup", Bill(5), Bill(7), 9)
        assert str(probe.ref.path) == "callboard://test/user/guest"


async def test_expect_waits_as_long_as_it_is_told() -> None:
    """The deadline is the loop's; what comes just in time is taken, what comes late is not."""
    async with make_system() as system:
        probe: Probe[str] = Probe(system)
        loop = asyncio.get_running_loop()
        loop.call_at(9.9, probe.ref.tell, "in time")
        loop.call_at(30.0, probe.ref.tell, "late")

        assert await probe.expect(str, within=10.0) == "in time"
        assert loop.time() == 9.9
        with pytest.raises(AssertionError, match="expected an instance of str within 10 s"):
            await probe.expect(str, within=10.0)
        assert loop.time() == pytest.approx(19.9)


async def test_nothing_is_expected_for_a_while() -> None:
    """`expect_nothing` waits for all of its time, and fails at once when something comes."""
    async with make_system() as system:
        probe: Probe[str] = Probe(system)
        loop = asyncio.get_running_loop()
        await probe.expect_nothing(within=5.0)
        assert loop.time() == 5.0

        loop.call_at(6.0, probe.ref.tell, "soup")
        with pytest.raises(AssertionError, match="expected nothing within 5 s\n  came: 'soup'"):
            await probe.expect_nothing(within=5.0)
        assert loop.time() == 6.0


async def test_a_failure_shows_all_there_is() -> None:
    """What was expected, what came instead and from whom, what else is unread, what came before."""
    async with make_system() as system:
        probe: Probe[Any] = Probe(system, name="guest")
        other: Probe[Any] = Probe(system, name="other")
        probe.ref.tell("menu")
        await probe.expect("menu")
        other.tell(probe.ref, Bill(5))
        for dish in ("soup", "fish"):
            await asyncio.sleep(0.1)
            probe.ref.tell(dish)
        await asyncio.sleep(0.1)

        with pytest.raises(AssertionError) as caught:
            await probe.expect(Order)
        assert str(caught.value).splitlines() == [
            "<ActorRef callboard://test/user/guest> expected an instance of Order within 1 s",
            "  came: Bill(cents=5), told by callboard://test/user/other",
            "  unread besides: 2",
            "    'soup', told by code outside actors",
            "    'fish', told by code outside actors",
            "  read before: 'menu', told by code outside actors",
            "  unread notices: none",
        ]
        assert await probe.expect(Bill) == Bill(5)  # what did not match is still unread


async def test_an_ask_waits_for_the_test_to_answer() -> None:
    """The asker is suspended until `reply`, however much later; other mail is not held up."""
    async with make_system() as system:
        guest: Probe[Any] = Probe(system)
        kitchen: Probe[str] = Probe(system)
        waiter = system.spawn(Waiter)

        guest.tell(waiter, Order("soup", kitchen.ref))
        await kitchen.expect("soup")
        kitchen.ref.tell("are you there?")
        await kitchen.expect("are you there?")
        await guest.expect_nothing(within=50.0)
        kitchen.reply(700)

        assert await guest.expect(Bill) == Bill(700)
        assert guest.senders == (waiter,)
        assert kitchen.senders == (waiter, None)


async def test_an_ask_can_be_made_to_fail() -> None:
    """`fail` is to the asker as if the probe's handler had raised."""
    async with make_system() as system:
        guest: Probe[Any] = Probe(system)
        kitchen: Probe[str] = Probe(system)

        guest.tell(system.spawn(Waiter), Order("soup", kitchen.ref))
        await kitchen.expect("soup")
        kitchen.fail(ValueError("no soup"))

        assert await guest.receive() == "ValueError('no soup')"


async def test_an_ask_that_is_not_answered_times_out() -> None:
    """The asker's own timeout decides, and a late answer does no harm."""
    async with make_system() as system:
        guest: Probe[Any] = Probe(system)
        kitchen: Probe[str] = Probe(system)

        guest.tell(system.spawn(Waiter), Order("soup", kitchen.ref))
        await kitchen.expect("soup")
        assert await guest.receive(within=61.0) == "it takes too long"
        kitchen.reply(700)
        await guest.expect_nothing()


async def test_asks_are_answered_from_the_last_to_the_first() -> None:
    """Several asks that were read wait, each for its own answer."""
    async with make_system() as system:
        probe: Probe[str] = Probe(system)
        first = asyncio.ensure_future(probe.ref.ask("a", timeout=9.0))
        await probe.expect("a")
        second = asyncio.ensure_future(probe.ref.ask("b", timeout=9.0))
        await probe.expect("b")

        probe.reply("for b")
        probe.reply("for a")
        assert (await first, await second) == ("for a", "for b")
        with pytest.raises(AssertionError, match=r"has no ask to answer.*'b', asked by"):
            probe.reply("once more")


async def test_a_message_that_was_told_cannot_be_answered() -> None:
    """`reply` says what was read instead of an ask."""
    async with make_system() as system:
        probe: Probe[str] = Probe(system)
        with pytest.raises(AssertionError, match=r"has no ask to answer.*there is none"):
            probe.reply(1)
        probe.ref.tell("soup")
        await probe.receive()
        with pytest.raises(AssertionError, match="'soup', told by code outside actors"):
            probe.reply(1)


async def test_notices_of_watched_actors_are_kept_apart() -> None:
    """They overtake messages, so they are expected by themselves, each for its actor."""
    async with make_system() as system:
        probe: Probe[str] = Probe(system)
        first, second, third = (system.spawn(Waiter) for _ in range(3))
        for ref in (first, second, third):
            probe.watch(ref)
        await asyncio.sleep(0)
        probe.ref.tell("soup")
        for ref in (first, second, third):
            system.stop(ref)

        notice = await probe.expect_terminated(second)
        assert notice.reason == "stopped"
        assert await probe.receive() == "soup"
        with pytest.raises(AssertionError, match="expected nothing"):
            await probe.expect_nothing()
        assert (await probe.expect(Terminated)).ref == first
        assert await probe.expect(Terminated(third, "stopped")) == Terminated(third, "stopped")
        await probe.expect_nothing()
        with pytest.raises(AssertionError, match=r"expected Terminated of <.*> within 1 s"):
            await probe.expect_terminated(first)


async def test_a_probe_can_be_watched_and_stopped() -> None:
    """It is an actor like others."""
    async with make_system() as system:
        probe: Probe[str] = Probe(system)
        watcher: Probe[str] = Probe(system)
        watcher.watch(probe.ref)
        system.stop(probe.ref)

        await watcher.expect_terminated(probe.ref)
