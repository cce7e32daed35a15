"""Actors that wait for each other: seen at once when it is so, and never when it is not."""

import asyncio
from typing import Any

import pytest
from support.actor_doing import Doer, do, lenient, now
from support.actor_lives import within

from callboard import (
    ActorFailed,
    ActorRef,
    ActorSystem,
    AskCycle,
    AskTimeout,
    MailboxFull,
    MailboxOptions,
    Pool,
)
from callboard.supervision import child

Refs = list[ActorRef[Any]]


def asks(*refs: ActorRef[Any]) -> Any:
    """Return what makes an actor ask the first, which asks the next, and so on."""

    async def ask(me: Doer) -> Any:
        return await refs[0].ask(asks(*refs[1:]) if refs[1:] else "hi", timeout=60.0)

    return ask


def spawned(system: ActorSystem, count: int) -> Refs:
    """Return some actors called a, b, c."""
    return [system.spawn(Doer, name="abc"[number]) for number in range(count)]


def cycle_of(error: BaseException) -> tuple[str, ...]:
    """Return the names in the AskCycle that is at the bottom of an actor's failure."""
    while not isinstance(error, AskCycle):
        assert error.__cause__ is not None
        error = error.__cause__
    return tuple(path.rpartition("/")[2] for path in error.cycle)


@pytest.mark.parametrize(("count", "cycle"), [(1, "a"), (2, "ba"), (3, "cab")])
def test_a_cycle_is_seen_at_once(virtually: Any, count: int, cycle: str) -> None:
    """One that asks itself, two and three in a ring: AskCycle names them, and no time passes."""

    async def main() -> None:
        async with lenient() as system:
            refs = spawned(system, count)
            with pytest.raises(ActorFailed) as caught:
                await refs[0].ask(asks(*refs[1:], refs[0]), timeout=60.0)
            assert cycle_of(caught.value) == tuple(cycle)
            assert now() == 0.0
            assert len(system.asks) == 0
            for ref in refs:
                assert await ref.ask("alive", timeout=1.0) == "alive"

    virtually(main())


def test_the_error_says_who_asks_whom(virtually: Any) -> None:
    """Its sentence can be read without knowing the code, and says what else to do."""

    async def main() -> None:
        async with lenient() as system:
            a, b = spawned(system, 2)
            with pytest.raises(
                ActorFailed, match=r"user/b asks \S+user/a asks \S+user/b, and each waits.*tell"
            ):
                await a.ask(asks(b, a), timeout=60.0)

    virtually(main())


def test_a_cycle_may_be_caught_and_lived_with(virtually: Any) -> None:
    """The one that closes the cycle may answer without the other; nobody fails."""

    async def careful(me: Doer) -> str:
        sender = me.context.sender
        assert sender is not None
        with pytest.raises(AskCycle):
            await sender.ask("hi", timeout=60.0)
        return "well then"

    async def main() -> None:
        async with ActorSystem("t") as system:
            a, b = spawned(system, 2)
            assert await within(a, lambda me: b.ask(careful, timeout=60.0)) == "well then"
            assert system.statistics().failures == 0

    virtually(main())


def test_one_that_is_seen_late_is_seen_too(virtually: Any) -> None:
    """The cycle may close long after the first ask, after suspensions of both."""

    async def later(me: Doer) -> Any:
        await asyncio.sleep(5)
        sender = me.context.sender
        assert sender is not None
        return await sender.ask("hi", timeout=60.0)

    async def main() -> None:
        async with lenient() as system:
            a, b = spawned(system, 2)

            async def first(me: Doer) -> Any:
                await asyncio.sleep(1)
                return await b.ask(later, timeout=60.0)

            with pytest.raises(ActorFailed) as caught:
                await within(a, first)
            assert cycle_of(caught.value) == ("b", "a")
            assert now() == 6.0

    virtually(main())


def test_a_cycle_through_a_task_is_left_to_the_timeout(virtually: Any) -> None:
    """Who asks in a task of its own does not wait in its handler: no cycle is reported."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            a, b = spawned(system, 2)

            async def in_a_task(me: Doer) -> Any:
                return await asyncio.create_task(a.ask("hi", timeout=2.0))

            with pytest.raises(ActorFailed, match="AskTimeout"):
                await within(a, lambda me: b.ask(in_a_task, timeout=60.0))
            assert now() == 2.0

            def piped(me: Doer) -> None:
                me.context.pipe_to_self(a.ask("piped", timeout=9.0))

            await within(a, lambda me: b.ask(piped, timeout=60.0))
            await asyncio.sleep(1)
            assert await within(b, lambda me: me.log) == ["piped"]

    virtually(main())


def test_two_that_ask_a_third_are_no_cycle(virtually: Any) -> None:
    """Nor is one that is asked by two, nor a diamond."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            a, b, c = spawned(system, 3)

            async def slow(me: Doer) -> str:
                await asyncio.sleep(1)
                return "slow"

            answers = await asyncio.gather(
                within(a, lambda me: c.ask(slow, timeout=60.0)),
                within(b, lambda me: c.ask(slow, timeout=60.0)),
                a.ask(asks(b, c), timeout=60.0),
            )
            assert [*answers] == ["slow", "slow", "hi"]

    virtually(main())


@pytest.mark.parametrize("how", ["timed out", "cancelled", "refused", "failed", "stopped"])
def test_an_ask_that_is_over_is_forgotten(virtually: Any, how: str) -> None:
    """After an ask that came to nothing, the asked may ask the asker."""

    async def main() -> None:
        async with lenient() as system:
            a = system.spawn(Doer, name="a")
            options = MailboxOptions(1, overflow="fail") if how == "refused" else None
            b = system.spawn(Doer, name="b", mailbox=options)
            if how in {"timed out", "cancelled", "refused"}:
                b.tell(3.0)
                await asyncio.sleep(0.1)
            if how == "refused":
                b.tell("fills it")

            async def in_vain(me: Doer) -> None:
                if how == "timed out":
                    with pytest.raises(AskTimeout):
                        await b.ask("x", timeout=1.0)
                elif how == "cancelled":
                    with pytest.raises(TimeoutError):
                        async with asyncio.timeout(1.0):
                            await b.ask("x", timeout=60.0)
                elif how == "refused":
                    with pytest.raises(MailboxFull):
                        await b.ask("x", timeout=60.0)
                else:
                    with pytest.raises(ActorFailed):
                        await b.ask(1, timeout=60.0)

            await within(a, in_vain)
            if how == "stopped":
                system.stop(b)
                await asyncio.sleep(0)
                b = system.spawn(Doer, name="b")
            await asyncio.sleep(5)
            assert len(system.asks) == 0
            assert await b.ask(asks(a), timeout=60.0) == "hi"

    virtually(main())


def test_a_killed_asker_is_forgotten(virtually: Any) -> None:
    """Nothing is kept of one that was killed while it waited for an answer."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            a, b = spawned(system, 2)
            b.tell(5.0)
            do(a, asks(b))
            await asyncio.sleep(1)
            assert len(system.asks) == 1
            system.kill(a)
            await asyncio.sleep(1)
            assert len(system.asks) == 0

    virtually(main())


def test_the_asker_of_what_was_passed_on_waits_for_another(virtually: Any) -> None:
    """A asks B, B forwards it to C: then B may ask A, who will answer when C has."""

    async def main() -> None:
        async with lenient() as system:
            a, b, c = spawned(system, 3)

            async def slow(me: Doer) -> str:
                await asyncio.sleep(2)
                return "from c"

            def pass_on(me: Doer) -> None:
                me.context.forward(c, slow)

            first = asyncio.ensure_future(within(a, lambda me: b.ask(pass_on, timeout=60.0)))
            await asyncio.sleep(1)
            assert await b.ask(asks(a), timeout=60.0) == "hi"
            assert await first == "from c"
            assert now() == 2.0

    virtually(main())


def test_the_asker_of_a_promise_waits_for_nobody_known(virtually: Any) -> None:
    """B promised A an answer that a third will give: then B may ask A."""
    promised: list[Any] = []

    def promise(me: Doer) -> None:
        promised.append(me.context.defer_reply())

    async def main() -> None:
        async with lenient() as system:
            a, b = spawned(system, 2)
            first = asyncio.ensure_future(within(a, lambda me: b.ask(promise, timeout=60.0)))
            await asyncio.sleep(1)
            second = asyncio.ensure_future(b.ask(asks(a), timeout=60.0))
            await asyncio.sleep(1)
            promised[0].send("given")
            assert await first == "given"
            assert await second == "hi"

    virtually(main())


def test_a_cycle_through_a_pool_is_seen(virtually: Any) -> None:
    """The worker that got the message is the one that is waited for."""

    async def main() -> None:
        async with lenient() as system:
            a = system.spawn(Doer, name="a")
            pool = system.spawn(Pool, child(Doer, name="w"), 1, strategy=Doer.supervision)

            async def back(me: Doer) -> Any:
                return await a.ask("hi", timeout=60.0)

            with pytest.raises(ActorFailed) as caught:
                await within(a, lambda me: pool.ask(back, timeout=60.0))
            assert cycle_of(caught.value) == ("w-1", "a")
            assert now() == 0.0

    virtually(main())
