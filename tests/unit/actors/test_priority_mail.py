"""Mailboxes in an order of their own."""

import asyncio
from typing import Any

import pytest
from support.actor_doing import Doer, Log, do, fail, lenient, now
from support.actor_lives import within

from callboard import (
    ActorFailed,
    ActorRef,
    ActorStopped,
    ActorSystem,
    DeadLetter,
    MailboxFull,
    MailboxOptions,
    ReceiveTimeout,
    Terminated,
    handler,
)
from callboard.actors import MailboxStatistics


class Job:
    """A message with a rank and a number."""

    def __init__(self, rank: float, number: int = 0) -> None:
        self.rank, self.number = rank, number


class Desk(Doer):
    """Records ranks and numbers of jobs, and what else it gets."""

    @handler
    def job(self, message: Job) -> tuple[float, int] | None:
        self.log.append((message.rank, message.number))
        return (message.rank, message.number)

    @handler
    def other(self, message: object) -> None:
        self.log.append(message)


def rank(message: Any) -> float:
    """Return a job's rank; a function goes before all else, like a time to wait."""
    return message.rank if isinstance(message, Job) else -1.0


def jobs_alone(message: Any) -> float:
    """Return a job's rank; raises for anything else that is not a function or a time."""
    if isinstance(message, float) or callable(message):
        return -1.0
    return float(message.rank)


async def busy(system: ActorSystem, log: Log, **options: Any) -> ActorRef[Any]:
    """Return an actor that has a message in hand until second 1."""
    options = {"priority": rank, **options}
    desk = system.spawn(Desk, log, name="desk", mailbox=MailboxOptions(**options))
    desk.tell(1.0)
    while system.mailbox(desk).waiting:
        await asyncio.sleep(0)
    return desk


def test_the_lowest_rank_comes_first_and_equal_ones_in_their_order(virtually: Any) -> None:
    """By whatever verb they were sent, and whoever sent them."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            desk = await busy(system, log)
            for number, each in enumerate([2, 1, 2, 0, 1, 0]):
                if number % 2:
                    await desk.send(Job(each, number))
                else:
                    desk.tell(Job(each, number))
            assert await desk.ask(Job(1.5, 6), timeout=9.0) == (1.5, 6)
            await asyncio.sleep(1)

    virtually(main())
    assert log == [(0, 3), (0, 5), (1, 1), (1, 4), (1.5, 6), (2, 0), (2, 2)]


def test_signals_of_the_system_come_before_any_rank(virtually: Any) -> None:
    """A Terminated has a lane of its own; the function is not asked about it."""
    log: Log = []

    class Watching(Desk):
        @handler
        def gone(self, message: Terminated) -> None:
            self.log.append(message.reason)

    async def main() -> None:
        async with ActorSystem("t") as system:
            options = MailboxOptions(priority=jobs_alone)
            desk, other = system.spawn(Watching, log, mailbox=options), system.spawn(Doer)
            await within(desk, lambda me: me.context.watch(other))
            desk.tell(1.0)
            await asyncio.sleep(0.5)
            desk.tell(Job(-5))
            system.kill(other)
            await asyncio.sleep(1)

    virtually(main())
    assert log == ["killed", (-5, 0)]


def test_a_bound_that_waits_lets_senders_in_by_their_turn(virtually: Any) -> None:
    """Who waits for room comes in in the order of waiting, and is then ranked among the mail."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            desk = await busy(system, log, capacity=2)
            desk.tell(Job(3, 0))
            desk.tell(Job(4, 1))
            waiting = [
                asyncio.ensure_future(desk.send(Job(each, number)))
                for number, each in ((2, 5), (3, 0), (4, 1))
            ]
            asking = asyncio.ensure_future(desk.ask(Job(0, 5), timeout=60.0))
            await asyncio.sleep(0.5)
            assert system.mailbox(desk) == MailboxStatistics(2, 2, 4, 0)
            await asyncio.gather(*waiting, asking)
            await asyncio.sleep(1)

    virtually(main())
    assert log == [(3, 0), (4, 1), (0, 3), (1, 4), (0, 5), (5, 2)]


@pytest.mark.parametrize(
    ("overflow", "handled", "lost"),
    [
        ("fail", [(1, 1), (2, 0)], []),
        ("drop_newest", [(1, 1), (2, 0)], [(0, 2)]),
        ("drop_oldest", [(0, 2), (2, 0)], [(1, 1)]),
        ("wait", [(1, 1), (2, 0)], [(0, 2)]),
    ],
)
def test_at_the_bound_the_policy_decides(
    virtually: Any, overflow: Any, handled: Log, lost: Log
) -> None:
    """`drop_oldest` drops the one that would be next, the others the one that came last."""
    log: Log = []
    dead: list[DeadLetter] = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(DeadLetter, dead.append)
            desk = await busy(system, log, capacity=2, overflow=overflow)
            desk.tell(Job(2, 0))
            desk.tell(Job(1, 1))
            if overflow == "fail":
                with pytest.raises(MailboxFull):
                    desk.tell(Job(0, 2))
            else:
                desk.tell(Job(0, 2))
            assert system.mailbox(desk) == MailboxStatistics(2, 2, 0, 1)
            await asyncio.sleep(2)

    virtually(main())
    assert log == handled
    assert [(letter.message.rank, letter.message.number) for letter in dead] == lost  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


def test_what_was_put_aside_comes_before_any_rank(virtually: Any) -> None:
    """A stash goes back ahead of all else, in the order it was put aside, whatever the ranks."""
    log: Log = []

    class Shy(Desk):
        ready = False

        @handler
        def job(self, message: Job) -> tuple[float, int] | None:
            if not self.ready:
                self.context.stash()
                return None
            return super().job(message)

        def open(self) -> None:
            self.ready = True
            self.context.unstash_all()

    async def main() -> None:
        async with ActorSystem("t") as system:
            desk = system.spawn(Shy, log, mailbox=MailboxOptions(priority=rank))
            for number, each in enumerate([3, 1, 2]):
                await desk.send(Job(each, number))
                await asyncio.sleep(0.1)
            desk.tell(1.0)
            await asyncio.sleep(0.1)
            desk.tell(Job(float("-inf"), 3))
            do(desk, lambda me: me.open())
            await asyncio.sleep(0.5)
            await within(desk, lambda me: me.open())

    virtually(main())
    assert log == [(3, 0), (1, 1), (2, 2), (float("-inf"), 3)]


def test_an_actors_own_messages_are_ranked_like_others(virtually: Any) -> None:
    """Timers are ranked by their message; the function sees no message that nobody sent."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            desk = system.spawn(Desk, log, mailbox=MailboxOptions(priority=jobs_alone))

            async def prepare(me: Desk) -> None:
                me.context.start_timer("k", 1.0, Job(2, 1))
                await asyncio.sleep(2.0)

            do(desk, prepare)
            await asyncio.sleep(0)
            desk.tell(Job(3, 0))
            desk.tell(Job(1, 2))
            await asyncio.sleep(3)

    virtually(main())
    assert log == [(1, 2), (2, 1), (3, 0)]


def test_after_its_mail_means_all_of_it(virtually: Any) -> None:
    """`stop(after_mail=True)` comes after what is there, whatever its rank."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            desk = await busy(system, log, priority=jobs_alone)
            desk.tell(Job(1e9, 1))
            desk.tell(Job(5, 2))
            do(desk, lambda me: me.context.stop(after_mail=True))
            await asyncio.sleep(2)
            assert system.statistics().actors == 0

    virtually(main())
    assert log == [(5, 2), (1e9, 1)]


def test_mail_that_is_left_is_turned_away_in_its_order(virtually: Any) -> None:
    """Dead letters at the end come by rank; those who wait for room and for answers learn it."""
    dead: list[DeadLetter] = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(DeadLetter, dead.append)
            desk = await busy(system, [], capacity=3)
            for number, each in enumerate([3, 1]):
                desk.tell(Job(each, number))
            ask = asyncio.ensure_future(desk.ask(Job(0), timeout=60.0))
            await asyncio.sleep(0)
            send = asyncio.ensure_future(desk.send(Job(0)))
            await asyncio.sleep(0)
            system.kill(desk)
            for waiting in (ask, send):
                with pytest.raises(ActorStopped):
                    await waiting
            assert now() == 0.0

    virtually(main())
    assert [letter.message.number for letter in dead] == [1, 0]  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


class Rank(Exception):  # noqa: N818 - short
    """What a function of ranks raises here."""


def picky(message: Any) -> float:
    """Raise for a job of number 13."""
    if isinstance(message, Job) and message.number == 13:
        raise Rank
    return rank(message)


def test_a_function_that_raises_is_the_senders_trouble(virtually: Any) -> None:
    """The error is raised by tell, send and ask; nothing was sent, and the actor lives on."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            desk = await busy(system, log, priority=picky)
            with pytest.raises(Rank):
                desk.tell(Job(0, 13))
            with pytest.raises(Rank):
                await desk.send(Job(0, 13))
            with pytest.raises(Rank):
                await desk.ask(Job(0, 13), timeout=60.0)
            assert system.mailbox(desk).waiting == 0
            assert await desk.ask(Job(0, 1), timeout=60.0) == (0, 1)

    virtually(main())
    assert log == [(0, 1)]


def test_a_sender_that_waits_learns_of_the_trouble_too(virtually: Any) -> None:
    """At a bound: the one whose message has no rank gets the error, those behind it come in."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            desk = await busy(system, log, capacity=1, priority=picky)
            desk.tell(Job(0, 0))
            sends: list[Any] = [desk.send(Job(0, number)) for number in (13, 1)]
            asks: list[Any] = [desk.ask(Job(0, number), timeout=5.0) for number in (13, 2)]
            results = await asyncio.gather(*sends, *asks, return_exceptions=True)
            assert [type(one).__name__ for one in results] == ["Rank", "NoneType", "Rank", "tuple"]
            assert system.statistics().failures == 0

    virtually(main())
    assert log == [(0, 0), (0, 1), (0, 2)]


@pytest.mark.parametrize(
    "call",
    [
        lambda me: me.context.start_timer("k", 0.1, "no job"),  # pyright: ignore[reportUnknownLambdaType, reportUnknownMemberType]
        lambda me: me.context.set_receive_timeout(0.1),  # pyright: ignore[reportUnknownLambdaType, reportUnknownMemberType]
        lambda me: me.context.pipe_to_self(asyncio.sleep(0.1, "no job")),  # pyright: ignore[reportUnknownLambdaType, reportUnknownMemberType]
    ],
)
def test_trouble_with_an_actors_own_message_is_its_failure(virtually: Any, call: Any) -> None:
    """What has no rank and comes from the actor itself is not lost in silence: it crashes."""

    async def main() -> None:
        async with lenient() as system:
            desk = system.spawn(Desk, mailbox=MailboxOptions(priority=jobs_alone))
            await within(desk, call)
            await asyncio.sleep(1)
            assert system.statistics().failures == 1
            assert await desk.ask(Job(0, 1), timeout=1.0) == (0, 1)

    virtually(main())


def test_a_receive_timeout_has_a_rank_like_a_message(virtually: Any) -> None:
    """The function is asked about a ReceiveTimeout, since it is handled like mail."""
    asked: Log = []
    log: Log = []

    def note(message: Any) -> float:
        asked.append(type(message))
        return 0.0

    async def main() -> None:
        async with ActorSystem("t") as system:
            desk = system.spawn(Desk, log, mailbox=MailboxOptions(priority=note))
            await within(desk, lambda me: me.context.set_receive_timeout(1.0))
            await asyncio.sleep(1.5)

    virtually(main())
    assert ReceiveTimeout in asked
    assert log == [ReceiveTimeout()]


def test_a_restart_keeps_the_order(virtually: Any) -> None:
    """Mail that came before and during a restart is handled by rank afterwards."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            desk = await busy(system, log)
            desk.tell(Job(2, 0))
            do(desk, fail)
            await asyncio.sleep(1.01)
            desk.tell(Job(1, 1))
            await asyncio.sleep(1)

    virtually(main())
    assert log == [(1, 1), (2, 0)]


def test_a_priority_is_a_function() -> None:
    """Anything else is refused when the options are made, with the line to write."""
    with pytest.raises(TypeError, match="priority is 5; give a function"):
        MailboxOptions(priority=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_failures_name_what_was_in_hand(virtually: Any) -> None:
    """An asker through a ranked mailbox learns of its own message's failure only."""

    async def main() -> None:
        async with lenient() as system:
            desk = system.spawn(Desk, mailbox=MailboxOptions(priority=rank))
            asks: list[Any] = [within(desk, fail), desk.ask(Job(0, 1), timeout=9.0)]
            results = await asyncio.gather(*asks, return_exceptions=True)
            assert isinstance(results[0], ActorFailed)
            assert results[1] == (0, 1)

    virtually(main())
