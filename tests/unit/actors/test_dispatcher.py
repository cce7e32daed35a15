"""Turns: who runs, who waits, and what that costs."""

import asyncio
import contextvars
import time
from typing import Any

import pytest
from support.actor_lives import Sleeper

from callboard import Actor, ActorFailed, ActorRef, ActorSystem, handler
from callboard.actors import current_sender


def test_asyncio_timeout_works_inside_a_handler(virtually: Any) -> None:
    """A handler runs in a real task: asyncio.timeout ends its wait and leaves the task unharmed."""

    class Impatient(Actor):
        @handler
        async def wait(self, message: float) -> str:
            try:
                async with asyncio.timeout(message):
                    await asyncio.Event().wait()
            except TimeoutError:
                task = asyncio.current_task()
                assert task is not None
                assert task.cancelling() == 0
                return "timed out"
            return "never"

    async def main() -> None:
        async with ActorSystem("t") as system:
            ref = system.spawn(Impatient)
            assert await ref.ask(0.5, timeout=9.0) == "timed out"
            assert await ref.ask(0.5, timeout=9.0) == "timed out"
            assert asyncio.get_running_loop().time() == 1.0

    virtually(main())


def test_a_suspended_handler_stops_nobody_else(virtually: Any) -> None:
    """While one actor waits for an hour, others are served at once; each in a task of its own."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            slow = [system.spawn(Sleeper) for _ in range(3)]
            asks = [asyncio.ensure_future(ref.ask(3600.0, timeout=9999.0)) for ref in slow]
            await asyncio.sleep(0)  # the asks are sent
            quick = system.spawn(Sleeper)
            assert await quick.ask("now", timeout=0.001) == "now"
            statistics = system.dispatcher.statistics()
            assert statistics.suspended == 3
            assert statistics.queued == 0
            tasks = await asyncio.gather(*asks)
            assert len(set(tasks)) == 3
            assert asyncio.get_running_loop().time() == 3600.0
            assert system.dispatcher.statistics().suspended == 0

    virtually(main())


def test_messages_wait_for_the_suspended_handler_of_their_actor(virtually: Any) -> None:
    """One actor handles one message at a time, also when it waits inside one."""
    log: list[str] = []

    class Turns(Actor):
        @handler
        async def text(self, message: str) -> None:
            log.append(f"{message} begins")
            await asyncio.sleep(1)
            log.append(f"{message} ends")

    async def main() -> None:
        async with ActorSystem("t") as system:
            ref = system.spawn(Turns)
            ref.tell("a")
            ref.tell("b")
            await ref.ask("c", timeout=9.0)

    virtually(main())
    assert log == [f"{one} {what}" for one in "abc" for what in ("begins", "ends")]


def test_idle_actors_cost_no_tasks(virtually: Any) -> None:
    """10,000 actors, idle or having handled a message, need no task each."""

    async def main() -> None:
        before = len(asyncio.all_tasks())
        async with ActorSystem("t") as system:
            refs = [system.spawn(Sleeper) for _ in range(10_000)]
            assert len(asyncio.all_tasks()) == before
            for ref in refs:
                ref.tell("x")
            await refs[-1].ask("y", timeout=9.0)
            assert len(asyncio.all_tasks()) == before + 1
            assert system.dispatcher.statistics().runners == 1

    virtually(main())


def test_runners_are_reused_and_the_surplus_ends(virtually: Any) -> None:
    """After 500 handlers waited at once, at most 64 spare runners and a driver are left."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            refs = [system.spawn(Sleeper) for _ in range(500)]
            first = await asyncio.gather(*(ref.ask(1.0, timeout=9.0) for ref in refs))
            assert len(set(first)) == 500
            assert system.dispatcher.statistics().runners <= 65
            second = await asyncio.gather(*(ref.ask(1.0, timeout=9.0) for ref in refs[:10]))
            assert set(second) <= set(first)

    virtually(main())


async def test_the_loop_is_served_while_actors_are_busy() -> None:
    """Two actors that keep each other busy for ever leave room for timers."""

    class Ping(Actor):
        @handler
        def ball(self, message: ActorRef) -> None:  # type: ignore[type-arg]
            message.tell(self.context.self_ref)

    async with ActorSystem("t") as system:
        one, two = system.spawn(Ping), system.spawn(Ping)
        one.tell(two)
        loop = asyncio.get_running_loop()
        worst = 0.0
        for _ in range(20):
            due = loop.time() + 0.01
            await asyncio.sleep(0.01)
            worst = max(worst, loop.time() - due)
        # A slice is 5 ms; the rest is for a busy machine.
        assert worst < 0.2


async def test_slow_plain_handlers_do_not_hold_the_loop_for_a_whole_turn() -> None:
    """With handlers of 2 ms the loop has its turn long before 64 of them are done."""

    class Slow(Actor):
        @handler
        def text(self, message: str) -> None:
            time.sleep(0.002)

    async with ActorSystem("t") as system:
        ref = system.spawn(Slow)
        for _ in range(200):
            ref.tell("x")
        turns = 0
        while system.mailbox(ref).waiting:
            await asyncio.sleep(0)
            turns += 1
        assert turns > 200 / 8


def test_an_endless_exchange_yields_even_if_the_clock_stands_still(virtually: Any) -> None:
    """In virtual time, where no time passes in handlers, the loop still has its turns."""

    class Ping(Actor):
        @handler
        def ball(self, message: ActorRef) -> None:  # type: ignore[type-arg]
            message.tell(self.context.self_ref)

    async def main() -> None:
        async with ActorSystem("t") as system:
            one, two = system.spawn(Ping), system.spawn(Ping)
            one.tell(two)
            for _ in range(10):
                await asyncio.sleep(0)
            system.stop(one)

    virtually(main())


def test_a_cancelled_task_that_a_handler_awaits_is_its_failure(virtually: Any) -> None:
    """CancelledError from something awaited fails the actor, not the runner."""

    class Awaiting(Actor):
        @handler
        async def wait(self, message: str) -> None:
            task = asyncio.ensure_future(asyncio.sleep(60))
            asyncio.get_running_loop().call_later(1, task.cancel)
            await task

        @handler
        def plain(self, message: int) -> None:
            raise asyncio.CancelledError

    async def main() -> None:
        async with ActorSystem("t") as system:
            ref = system.spawn(Awaiting)
            with pytest.raises(ActorFailed, match="CancelledError"):
                await ref.ask("x", timeout=9.0)
            with pytest.raises(ActorFailed, match="CancelledError"):
                await ref.ask(1, timeout=9.0)
            assert system.statistics().restarts == 2

    virtually(main())


def test_a_runner_cancelled_from_outside_costs_only_its_message(virtually: Any) -> None:
    """A handler that cancels the task it runs in fails; the others go on with another runner."""

    class Rude(Actor):
        @handler
        async def rude(self, message: str) -> None:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(1)

    async def main() -> None:
        async with ActorSystem("t") as system:
            rude, other = system.spawn(Rude), system.spawn(Sleeper)
            rude.tell("x")
            assert await other.ask("fine", timeout=1.0) == "fine"
            with pytest.raises(ActorFailed):
                await rude.ask("x", timeout=1.0)
            assert await other.ask("fine", timeout=1.0) == "fine"

    virtually(main())


def test_the_sender_survives_suspension_and_spawned_tasks(virtually: Any) -> None:
    """`current_sender` is the actor in its handler, after waits and in its tasks; else None."""
    seen: list[Any] = []

    class Curious(Actor):
        @handler
        async def look(self, message: str) -> None:
            seen.append(current_sender())
            await asyncio.sleep(1)
            seen.append(current_sender())
            await asyncio.ensure_future(self.deeper())

        async def deeper(self) -> None:
            seen.append(current_sender())

    async def main() -> None:
        async with ActorSystem("t") as system:
            refs = [system.spawn(Curious) for _ in range(2)]
            await asyncio.gather(*(ref.ask("x", timeout=9.0) for ref in refs))
            assert current_sender() is None
            assert seen.count(refs[0]) == 3
            assert seen.count(refs[1]) == 3

    virtually(main())


def test_runners_do_not_inherit_the_context_of_who_told(virtually: Any) -> None:
    """Context variables of a teller are not seen by handlers."""
    variable = contextvars.ContextVar("variable", default="outside")

    class Looker(Actor):
        @handler
        async def look(self, message: str) -> str:
            return variable.get()

    async def main() -> None:
        async with ActorSystem("t") as system:
            variable.set("teller's")
            assert await system.spawn(Looker).ask("x", timeout=1.0) == "outside"

    virtually(main())
