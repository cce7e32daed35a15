"""Routers and pools: who gets a message, and what becomes of those that wait."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from support.actor_doing import Log, lenient

from callboard import (
    Actor,
    ActorFailed,
    ActorRef,
    ActorStopped,
    ActorSystem,
    AddRoutee,
    Broadcast,
    ConsistentHashing,
    DeadLetter,
    HandlerError,
    LeastMail,
    MailboxFull,
    MailboxOptions,
    Pool,
    RemoveRoutee,
    Resize,
    RoundRobin,
    Routees,
    Router,
    handler,
)
from callboard.supervision import OneForOne, child


class Worker(Actor):
    """Writes down who did what; a text takes a second, an int no time, a negative one fails."""

    def __init__(self, log: Log) -> None:
        self.log = log

    @handler
    def count(self, message: int) -> str:
        if message < 0:
            raise ValueError(message)
        name = self.context.path.name
        self.log.append((name, message))
        return name

    @handler
    async def work(self, message: str) -> str:
        await asyncio.sleep(1)
        return self.count(int(message))


def spawn_workers(system: ActorSystem, log: Log, count: int) -> list[ActorRef[Any]]:
    """Spawn workers w0, w1 ..."""
    return [system.spawn(Worker, log, name=f"w{number}") for number in range(count)]


def test_round_robin_gives_each_as_many(virtually: Any) -> None:
    """Nine messages to three workers are three each, in turn; askers get the worker's answer."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            pool = system.spawn(Pool, child(Worker, log, name="w"), 3, name="pool")
            answers = [await pool.ask(number, timeout=1.0) for number in range(9)]
            assert answers == ["w-1", "w-2", "w-3"] * 3
            routees = await pool.ask(Routees(), timeout=1.0)
            assert [ref.path.name for ref in routees] == ["w-1", "w-2", "w-3"]

    virtually(main())
    assert Counter(name for name, _ in log) == {"w-1": 3, "w-2": 3, "w-3": 3}


def test_least_mail_passes_by_those_who_are_busy(virtually: Any) -> None:
    """With one of two workers busy for a second, the other one gets all that comes meanwhile."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            workers = spawn_workers(system, log, 2)
            router = system.spawn(Router, workers, routing=LeastMail())
            workers[0].tell("99")
            await asyncio.sleep(0.1)
            assert [await router.ask(number, timeout=1.0) for number in range(5)] == ["w1"] * 5

    virtually(main())


def test_a_key_keeps_its_routee(virtually: Any) -> None:
    """Equal keys go to one routee, keys are spread, and of 1,000 few move when one comes."""
    routing = ConsistentHashing(lambda message: message % 1000)

    async def main() -> None:
        async with ActorSystem("t") as system:
            workers = spawn_workers(system, [], 5)

            def owners(count: int) -> list[str]:
                return [
                    routing.choose(workers[:count], number)[0].path.name for number in range(1000)
                ]

            four, again, five = owners(4), owners(4), owners(5)
            assert four == again
            assert routing.choose(workers[:4], 7) == routing.choose(workers[:4], 1007)
            assert min(Counter(four).values()) > 125
            moved = [new for old, new in zip(four, five, strict=True) if old != new]
            assert set(moved) == {"w4"}
            assert len(moved) < 350

    virtually(main())


def test_the_hash_is_the_same_in_every_process() -> None:
    """The owner of a key follows from names alone, not from this process's hash seed."""
    routing = ConsistentHashing(lambda message: message)

    async def main() -> list[str]:
        async with ActorSystem("t") as system:
            workers = spawn_workers(system, [], 3)
            return [routing.choose(workers, key)[0].path.name for key in ("a", b"b", 3, "d")]

    assert asyncio.run(main()) == ["w2", "w2", "w0", "w0"]


def test_a_broadcast_reaches_all_and_the_first_answer_counts(virtually: Any) -> None:
    """An ask to three is handled by three and answered once."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            router = system.spawn(Router, spawn_workers(system, log, 3), routing=Broadcast())
            assert await router.ask(1, timeout=1.0) == "w0"
            router.tell(2)
            await asyncio.sleep(1)
            assert system.statistics().late_replies == 0

    virtually(main())
    assert sorted(log) == [(f"w{worker}", number) for worker in range(3) for number in (1, 2)]


def test_a_router_drops_those_who_stop(virtually: Any) -> None:
    """Routees come and go; without any, tells are dead letters and asks fail at once."""
    dead: list[DeadLetter] = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(DeadLetter, dead.append)
            one, two, three = spawn_workers(system, [], 3)
            router = system.spawn(Router, [one, two], routing=RoundRobin(), name="router")
            router.tell(AddRoutee(three))
            router.tell(AddRoutee(three))
            router.tell(RemoveRoutee(one))
            assert await router.ask(Routees(), timeout=1.0) == (two, three)
            system.stop(two)
            await asyncio.sleep(1)
            assert [await router.ask(number, timeout=1.0) for number in range(2)] == ["w2", "w2"]
            system.stop(three)
            await asyncio.sleep(1)
            with pytest.raises(ActorStopped, match="no routees"):
                await router.ask(1, timeout=1.0)
            router.tell(2)
            await asyncio.sleep(1)

    virtually(main())
    assert [(letter.message, letter.reason) for letter in dead] == [(2, "no routees")]


def test_resizing_loses_nothing(virtually: Any) -> None:
    """A pool that shrinks lets those who go finish their mail; one that grows uses the new ones."""
    log: Log = []
    dead: list[DeadLetter] = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(DeadLetter, dead.append)
            pool = system.spawn(Pool, child(Worker, log), 3)
            for number in range(9):
                pool.tell(str(number))
            pool.tell(Resize(1))
            for number in range(9, 12):
                pool.tell(str(number))
            assert len(await pool.ask(Routees(), timeout=1.0)) == 1
            await asyncio.sleep(20)
            assert system.statistics().actors == 2
            pool.tell(Resize(4))
            assert len({await pool.ask(100, timeout=1.0) for _ in range(4)}) == 4

    virtually(main())
    assert dead == []
    assert sorted(number for _, number in log if number < 100) == list(range(12))


def test_a_worker_that_fails_keeps_its_mail(virtually: Any) -> None:
    """The pool restarts it; what waited in its mailbox is handled afterwards."""
    log: Log = []

    async def main() -> None:
        async with lenient() as system:
            pool = system.spawn(Pool, child(Worker, log), 2)
            for number in (-1, 1, 2, 3, 4):
                pool.tell(number)
            await asyncio.sleep(5)

    virtually(main())
    assert sorted(number for _, number in log) == [1, 2, 3, 4]


def test_a_pool_hands_its_senders_the_backpressure(virtually: Any) -> None:
    """Two workers of one second with room for one, a pool with room for two: the rest waits."""
    log: Log = []
    accepted: list[float] = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            worker = child(Worker, log, mailbox=MailboxOptions(1))
            pool = system.spawn(Pool, worker, 2, mailbox=MailboxOptions(2))
            for number in range(12):
                await pool.send(str(number))
                accepted.append(asyncio.get_running_loop().time())
                assert system.mailbox(pool).waiting <= 2
            await asyncio.sleep(20)
            full = system.spawn(
                Pool, child(Worker, log), 1, mailbox=MailboxOptions(1, overflow="fail")
            )
            full.tell("1")
            with pytest.raises(MailboxFull):
                full.tell("2")

    virtually(main())
    assert accepted[-1] >= 2.0  # 2 in hand, 2 in their mailboxes, some in the pool's: others waited
    assert len(log) == 13


@pytest.mark.parametrize("arguments", [(Worker, 3), (child(Worker, []), 0)])
def test_a_pool_that_makes_no_sense_is_refused(virtually: Any, arguments: Any) -> None:
    """A class instead of a spec, and no workers at all: HandlerError says what to write."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            with pytest.raises(HandlerError, match=r"spawn\(Pool|give 1 or more"):
                system.spawn(Pool, *arguments)

    virtually(main())


class Slow(Actor):
    """Takes a moment to start, and fails on what is negative."""

    def __init__(self, log: Log) -> None:
        self.log = log

    async def started(self) -> None:
        await asyncio.sleep(1)

    @handler
    async def work(self, message: int) -> None:
        await asyncio.sleep(1)
        if message < 0:
            raise ValueError(message)
        self.log.append(message)


def test_a_pool_that_waits_for_a_worker_holds_up_neither(virtually: Any) -> None:
    """A worker that starts, or has failed, is seen to while the pool waits for room in it."""
    log: Log = []

    async def main() -> None:
        async with lenient() as system:
            worker = child(Slow, log, mailbox=MailboxOptions(1))
            pool = system.spawn(Pool, worker, 2, mailbox=MailboxOptions(2))
            for number in (1, -1, 2, 3, 4, 5, 6, 7):
                async with asyncio.timeout(60):
                    await pool.send(number)
            await asyncio.sleep(60)

    virtually(main())
    assert sorted(log) == [1, 2, 3, 4, 5, 6, 7]


def test_a_parent_may_wait_for_its_child_through_a_crash(virtually: Any) -> None:
    """The child is restarted while its parent awaits its answer in a handler."""

    class Parent(Actor):
        async def started(self) -> None:
            self.child = self.context.spawn(Worker, [], name="w")

        @handler
        async def ask(self, message: int) -> str:
            self.child.tell(-1)
            return await self.child.ask(message, timeout=30.0, reply_type=str)

    async def main() -> None:
        async with ActorSystem("t") as system:
            assert await system.spawn(Parent).ask(5, timeout=60.0) == "w"
            assert asyncio.get_running_loop().time() < 1.0

    virtually(main())


def test_a_parent_that_waits_for_a_child_that_escalates_is_cut_off(virtually: Any) -> None:
    """Its own failure is the child's exception, and its asker is told at once."""

    class Parent(Actor):
        supervision = OneForOne(0, 60.0)

        async def started(self) -> None:
            self.child = self.context.spawn(Worker, [], name="w")

        @handler
        async def ask(self, message: int) -> str:
            self.child.tell(-1)
            return await self.child.ask(message, timeout=30.0, reply_type=str)

    async def main() -> None:
        async with lenient() as system:
            with pytest.raises(ActorFailed) as caught:
                await system.spawn(Parent).ask(5, timeout=60.0)
            assert caught.value.error_type == "RestartIntensityExceeded"
            assert asyncio.get_running_loop().time() == 0.0

    virtually(main())
