"""Timers and the receive timeout of an actor."""

import asyncio
import math
from typing import Any

import pytest
from support.actor_doing import Doer, Log, do, fail, lenient, now
from support.actor_lives import within

from callboard import (
    ActorFailed,
    ActorSystem,
    DeadLetter,
    MailboxOptions,
    ReceiveTimeout,
    handler,
)
from callboard.supervision import Backoff, Directive, OneForOne


class Clock(Doer):
    """Records what it gets, and when."""

    @handler
    def note(self, message: object) -> object:
        self.log.append((now(), message))
        return message

    text = None  # type: ignore[assignment] # texts are noted too


def test_a_timer_fires_once_at_its_time(virtually: Any) -> None:
    """The message comes after the delay, without a sender, and then the key is free."""
    log: Log = []
    senders: Log = []

    class Plain(Clock):
        @handler
        def note(self, message: object) -> object:
            senders.append(self.context.sender)
            return super().note(message)

    async def main() -> None:
        async with ActorSystem("t") as system:
            clock = system.spawn(Plain, log)
            await within(clock, lambda me: me.context.start_timer("k", 1.5, "ring"))
            assert await within(clock, lambda me: tuple(me.context.active_timers())) == ("k",)
            await asyncio.sleep(9)
            assert await within(clock, lambda me: tuple(me.context.active_timers())) == ()
            assert await within(clock, lambda me: me.context.cancel_timer("k")) is False

    virtually(main())
    assert log == [(1.5, "ring")]
    assert senders == [None]


@pytest.mark.parametrize("message", [None, ("a", "b"), ("a", "b", "c"), 0, ""])
def test_a_timers_message_may_be_anything(virtually: Any, message: object) -> None:
    """None and tuples arrive as they were given, from timers and from the receive timeout."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            clock = system.spawn(Clock, log)
            await within(clock, lambda me: me.context.start_timer("k", 1.0, message))
            await asyncio.sleep(1.5)
            assert log == [(1.0, message)]
            log.clear()
            await within(clock, lambda me: me.context.set_receive_timeout(1.0, message))
            await asyncio.sleep(1.0)
            await within(clock, lambda me: me.context.set_receive_timeout(None))

    virtually(main())
    assert log == [(2.5, ReceiveTimeout() if message is None else message)]


@pytest.mark.parametrize(
    ("first", "times"), [(None, [2.0, 4.0, 6.0]), (0.5, [0.5, 2.5, 4.5]), (0.0, [0.0, 2.0, 4.0])]
)
def test_a_periodic_timer_begins_with_first(
    virtually: Any, first: float | None, times: list[float]
) -> None:
    """The first message comes after `first` seconds, the interval when left out."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            clock = system.spawn(Clock, log)
            await within(
                clock, lambda me: me.context.start_periodic_timer("k", 2.0, "tick", first=first)
            )
            await asyncio.sleep(times[-1] + 0.1)
            assert await within(clock, lambda me: me.context.cancel_timer("k")) is True
            await asyncio.sleep(9)

    virtually(main())
    assert log == [(time, "tick") for time in times]


def test_an_actor_that_is_behind_is_not_flooded_by_its_clock(virtually: Any) -> None:
    """While one message of a periodic timer waits no other is added; the rhythm stays."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            clock = system.spawn(Clock, log)
            await within(clock, lambda me: me.context.start_periodic_timer("k", 1.0, "tick"))
            clock.tell(5.5)
            await asyncio.sleep(5.2)
            assert system.mailbox(clock).waiting == 1
            await asyncio.sleep(3)

    virtually(main())
    assert log == [(5.5, "tick"), (6.0, "tick"), (7.0, "tick"), (8.0, "tick")]


def test_a_slow_loop_gets_no_burst(virtually: Any) -> None:
    """A loop that stood still for many intervals is not made to catch up on them."""
    log: Log = []

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        async with ActorSystem("t") as system:
            clock = system.spawn(Clock, log)
            await within(clock, lambda me: me.context.start_periodic_timer("k", 1.0, "tick"))
            await asyncio.sleep(0.5)
            loop._now += 20.0
            await asyncio.sleep(2.0)

    virtually(main())
    assert len(log) <= 4


@pytest.mark.parametrize("how", ["cancelled", "replaced"])
def test_what_is_in_the_mailbox_already_is_taken_back(virtually: Any, how: str) -> None:
    """A timer that is cancelled or replaced gives no message, even if it fired before."""
    log: Log = []

    async def busy(me: Clock) -> None:
        me.context.start_timer("once", 1.0, "once")
        me.context.start_periodic_timer("often", 1.0, "often")
        await asyncio.sleep(1.5)
        assert me.context.mailbox().waiting == 2
        for key in ("once", "often"):
            if how == "cancelled":
                assert me.context.cancel_timer(key)
                assert not me.context.cancel_timer(key)
            else:
                me.context.start_timer(key, 1.0, f"new {key}")

    async def main() -> None:
        async with ActorSystem("t") as system:
            clock = system.spawn(Clock, log)
            await within(clock, busy)
            await asyncio.sleep(9)

    virtually(main())
    assert log == ([] if how == "cancelled" else [(2.5, "new once"), (2.5, "new often")])


def test_a_timer_may_be_cancelled_by_its_own_message(virtually: Any) -> None:
    """A periodic timer that is cancelled while its message is handled fires no more."""
    log: Log = []

    class Thrice(Clock):
        @handler
        def note(self, message: object) -> object:
            if len(self.log) == 2:
                self.context.cancel_timer("k")
            return super().note(message)

    async def main() -> None:
        async with ActorSystem("t") as system:
            clock = system.spawn(Thrice, log)
            await within(clock, lambda me: me.context.start_periodic_timer("k", 1.0, "tick"))
            await asyncio.sleep(9)

    virtually(main())
    assert [time for time, _ in log] == [1.0, 2.0, 3.0]


def test_timers_end_with_a_restart(virtually: Any) -> None:
    """The next instance gets no message of a timer it did not start, not even a waiting one."""
    log: Log = []

    async def busy(me: Clock) -> None:
        me.context.start_timer("waiting", 1.0, "waiting")
        me.context.start_timer("later", 5.0, "later")
        me.context.start_periodic_timer("often", 1.0, "often")
        me.context.set_receive_timeout(4.0)
        await asyncio.sleep(1.5)
        fail(me)

    async def main() -> None:
        async with lenient() as system:
            clock = system.spawn(Clock, log)
            do(clock, busy)
            await asyncio.sleep(9)
            assert await within(clock, lambda me: tuple(me.context.active_timers())) == ()

    virtually(main())
    assert log == []


def test_timers_outlast_a_failure_that_is_overlooked(virtually: Any) -> None:
    """An actor that is resumed keeps its instance, and so its timers."""
    log: Log = []
    resume = OneForOne(backoff=Backoff(0.0, 0.0), decider={Exception: Directive.RESUME})

    async def main() -> None:
        async with ActorSystem("t", supervision=resume) as system:
            clock = system.spawn(Clock, log)
            await within(clock, lambda me: me.context.start_timer("k", 1.0, "ring"))
            do(clock, fail)
            await asyncio.sleep(9)

    virtually(main())
    assert log == [(1.0, "ring")]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_timers_end_with_the_actor(virtually: Any, end: str) -> None:
    """Nothing is left of them: no timer in the loop, and no dead letter of a waiting message."""
    dead: list[DeadLetter] = []

    async def busy(me: Clock) -> None:
        me.context.start_timer("waiting", 1.0, "waiting")
        me.context.start_periodic_timer("often", 1.0, "often")
        me.context.set_receive_timeout(1.0)
        await asyncio.sleep(5)

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(DeadLetter, dead.append)
            clock = system.spawn(Clock)
            do(clock, busy)
            await asyncio.sleep(1.5)
            system.kill(clock) if end == "kill" else system.stop(clock)
            await asyncio.sleep(9)

    virtually(main())
    assert dead == []


@pytest.mark.parametrize("overflow", ["wait", "fail", "drop_newest", "drop_oldest"])
def test_a_full_mailbox_does_not_end_a_timer(virtually: Any, overflow: Any) -> None:
    """Timers put their messages past the bound, and dropping mail drops none of theirs."""
    log: Log = []
    dead: list[DeadLetter] = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(DeadLetter, dead.append)
            clock = system.spawn(Clock, log, mailbox=MailboxOptions(1, overflow=overflow))
            await within(clock, lambda me: me.context.start_periodic_timer("k", 1.0, "tick"))
            clock.tell(1.5)
            await asyncio.sleep(1.2)
            if overflow == "drop_oldest":
                clock.tell("mail")
            await asyncio.sleep(2)

    virtually(main())
    assert [each for each in log if each[1] == "tick"][-2:] == [(2.0, "tick"), (3.0, "tick")]
    assert [letter for letter in dead if letter.message not in {"tick", "mail"}] == []


def test_a_busy_mailbox_does_not_keep_an_actor_from_its_end(virtually: Any) -> None:
    """`stop(after_mail=True)` stops an actor whose bounded mailbox then drops the oldest."""

    async def last(me: Clock) -> None:
        me.context.stop(after_mail=True)
        await asyncio.sleep(1)

    async def main() -> None:
        async with ActorSystem("t") as system:
            clock = system.spawn(Clock, mailbox=MailboxOptions(1, overflow="drop_oldest"))
            do(clock, last)
            await asyncio.sleep(0.5)
            clock.tell("one")
            clock.tell("two")
            await asyncio.sleep(1)
            assert system.statistics().actors == 0

    virtually(main())


# --- receive timeout ------------------------------------------------------------------------------


def test_silence_is_told_again_and_again(virtually: Any) -> None:
    """A ReceiveTimeout comes after each silence; the message itself begins the next one."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            clock = system.spawn(Clock, log)
            await within(clock, lambda me: me.context.set_receive_timeout(2.0))
            await asyncio.sleep(6.5)
            await within(clock, lambda me: me.context.set_receive_timeout(None))
            await asyncio.sleep(9)

    virtually(main())
    assert log == [(time, ReceiveTimeout()) for time in (2.0, 4.0, 6.0)]


def test_any_message_begins_the_silence_anew(virtually: Any) -> None:
    """Mail and timers' messages count, and the time a handler takes is no silence."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            clock = system.spawn(Clock, log)
            await within(clock, lambda me: me.context.set_receive_timeout(2.0, "silence"))
            await asyncio.sleep(1.5)
            clock.tell("mail")  # at 1.5
            await within(clock, lambda me: me.context.start_timer("k", 1.5, "timer"))
            await asyncio.sleep(2.5)
            clock.tell(10.0)  # from 4.0 to 14.0
            await asyncio.sleep(12.5)
            await within(clock, lambda me: me.context.set_receive_timeout(None))

    virtually(main())
    assert log == [(1.5, "mail"), (3.0, "timer"), (16.0, "silence")]


def test_a_receive_timeout_replaces_the_one_before(virtually: Any) -> None:
    """The last call counts, with its seconds and its message."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            clock = system.spawn(Clock, log)
            await within(clock, lambda me: me.context.set_receive_timeout(1.0, "one"))
            await within(clock, lambda me: me.context.set_receive_timeout(3.0, "three"))
            await asyncio.sleep(3.5)
            await within(clock, lambda me: me.context.set_receive_timeout(None))

    virtually(main())
    assert log == [(3.0, "three")]


# --- wrong values ---------------------------------------------------------------------------------

WRONG = [-1.0, math.nan, math.inf, -math.inf]


@pytest.mark.parametrize("wrong", [*WRONG, 0.0])
def test_times_that_are_none_are_refused(virtually: Any, wrong: float) -> None:
    """ValueError says which; what was there before stays."""

    def attempt(me: Clock) -> None:
        context = me.context
        context.start_timer("k", 1.0, "kept")
        with pytest.raises(ValueError, match="interval is"):
            context.start_periodic_timer("k", wrong, "wrong")
        with pytest.raises(ValueError, match="seconds is"):
            context.set_receive_timeout(wrong)
        if wrong != 0.0:
            with pytest.raises(ValueError, match="delay is"):
                context.start_timer("k", wrong, "wrong")
            with pytest.raises(ValueError, match="first is"):
                context.start_periodic_timer("k", 1.0, "wrong", first=wrong)

    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            clock = system.spawn(Clock, log)
            await within(clock, attempt)
            await asyncio.sleep(9)

    virtually(main())
    assert log == [(1.0, "kept")]


def test_a_key_is_hashable(virtually: Any) -> None:
    """A list cannot name a timer; that is the caller's TypeError, and no timer is left."""

    async def main() -> None:
        async with lenient() as system:
            clock = system.spawn(Clock)
            with pytest.raises(ActorFailed, match="unhashable"):
                await within(clock, lambda me: me.context.start_timer([], 1.0, "x"))

    virtually(main())
