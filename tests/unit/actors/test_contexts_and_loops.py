"""Context variables of actors, cancelled tasks, other event loops, and loops that stand still."""

import asyncio
import contextvars
import importlib
import importlib.util
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from support.actor_doing import Doer, Log, do, fail, lenient
from support.actor_lives import within

from callboard import (
    ActorFailed,
    ActorRef,
    ActorSystem,
    AskTimeout,
    LoopBlocked,
    ReceiveTimeout,
    Terminated,
    handler,
)

user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")


class Member(Doer):
    """Sets and reads a context variable."""

    @handler
    def text(self, message: str) -> str:
        before = user.get()
        user.set(message)
        return before

    @handler
    async def later(self, message: bytes) -> str:
        before = user.get()
        await asyncio.sleep(1)
        assert user.get() == before
        user.set(message.decode())
        await asyncio.sleep(0)
        return before


def test_what_an_actor_sets_it_finds_again(virtually: Any) -> None:
    """In its next message, plain or async, also after a suspension; no other actor sees it."""

    async def main() -> None:
        user.set("the opener")
        async with ActorSystem("t") as system:
            user.set("the test")
            one, other = system.spawn(Member), system.spawn(Member)
            assert await one.ask("a", timeout=9.0) == "the opener"
            first, second = await asyncio.gather(
                one.ask(b"b", timeout=9.0), other.ask(b"x", timeout=9.0)
            )
            assert (first, second) == ("a", "the opener")
            assert await one.ask("c", timeout=9.0) == "b"
            assert await other.ask("y", timeout=9.0) == "x"
            assert user.get() == "the test"

    virtually(main())


def test_a_crowd_does_not_mix_up_its_contexts(virtually: Any) -> None:
    """Hundreds of actors, suspended in any order, each find their own."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            refs = [system.spawn(Member) for _ in range(300)]
            for turn in range(3):
                asks = [
                    ref.ask(f"{turn} {number}".encode(), timeout=9.0)
                    for number, ref in enumerate(refs)
                ]
                found = await asyncio.gather(*asks)
                for number, before in enumerate(found):
                    assert before == (f"{turn - 1} {number}" if turn else "nobody")

    virtually(main())


def test_a_context_outlasts_a_restart_and_is_inherited_by_tasks(virtually: Any) -> None:
    """The next instance finds what the one before set; tasks get a copy; children do not."""

    async def main() -> None:
        async with lenient() as system:
            member = system.spawn(Member)
            await member.ask("set", timeout=1.0)
            do(member, fail)
            assert await member.ask("again", timeout=1.0) == "set"

            async def in_a_task() -> str:
                before = user.get()
                user.set("the task's")
                return before

            async def with_task(me: Member) -> tuple[str, str]:
                return await asyncio.create_task(in_a_task()), user.get()

            assert await within(member, with_task) == ("again", "again")
            child = await within(member, lambda me: me.context.spawn(Member))
            assert await child.ask("x", timeout=1.0) == "nobody"

    virtually(main())


def test_structlog_binds_to_one_actor(virtually: Any, logged: list[Any]) -> None:
    """Context variables of structlog are the actor's own, as all others are."""

    def bind(me: Doer) -> None:
        structlog.contextvars.bind_contextvars(request=me.context.path.name)

    def bound(me: Doer) -> dict[str, Any]:
        return structlog.contextvars.get_contextvars()

    async def main() -> None:
        async with ActorSystem("t") as system:
            a, b, c = (system.spawn(Doer, name=name) for name in "abc")
            await within(a, bind)
            await within(b, bind)
            assert await within(a, bound) == {"request": "a"}
            assert await within(b, bound) == {"request": "b"}
            assert await within(c, bound) == {}
            assert structlog.contextvars.get_contextvars() == {}

    virtually(main())


# --- cancellation ---------------------------------------------------------------------------------


def test_cancelling_an_asker_hurts_nobody_else(virtually: Any) -> None:
    """The message is handled all the same, and the actor takes the next one."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            doer = system.spawn(Doer)
            doer.tell(1.0)
            asker = asyncio.ensure_future(doer.ask("asked", timeout=60.0))
            await asyncio.sleep(0.5)
            asker.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asker
            assert await within(doer, lambda me: me.log) == ["asked"]

    virtually(main())


def test_an_asker_that_is_cancelled_while_it_drains_the_queue(virtually: Any) -> None:
    """A handler that cancels its asker's task, on whose stack it may run, cancels just that."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            doer = system.spawn(Doer)
            task: asyncio.Task[Any] | None = None

            async def ask() -> None:
                await within(doer, lambda me: task.cancel() if task else None)
                await asyncio.sleep(60)

            task = asyncio.create_task(ask())
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await doer.ask("alive", timeout=1.0) == "alive"

    virtually(main())


def test_cancelling_the_body_stops_the_system_in_order(virtually: Any) -> None:
    """Messages in hand are finished, children stop before parents, and nothing is left."""
    log: Log = []

    class Slow(Doer):
        async def stopped(self) -> None:
            await asyncio.sleep(1)
            self.log.append(self.context.path.name)

    async def app() -> None:
        async with ActorSystem("t") as system:
            parent = system.spawn(Slow, log, name="parent")
            await within(parent, lambda me: me.context.spawn(Slow, log, name="child") and None)
            parent.tell(3.0)
            await asyncio.sleep(3600)

    async def main() -> None:
        task = asyncio.create_task(app())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.get_running_loop().time() == 5.0

    virtually(main())
    assert log == ["child", "parent"]


def test_a_handler_may_cancel_what_it_awaits(virtually: Any) -> None:
    """A CancelledError that a handler raises itself is its failure, not the end of a runner."""

    async def cancelled(me: Doer) -> None:
        task = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0)
        task.cancel()
        await task

    async def main() -> None:
        async with lenient() as system:
            doer = system.spawn(Doer)
            with pytest.raises(ActorFailed, match="CancelledError"):
                await within(doer, cancelled)
            assert await doer.ask("alive", timeout=1.0) == "alive"

    virtually(main())


# --- other loops ----------------------------------------------------------------------------------


class Everything(Doer):
    """Uses what depends on the loop."""

    async def started(self) -> None:
        self.context.start_periodic_timer("tick", 0.005, "tick")
        self.context.pipe_to_self(asyncio.sleep(0.001, "piped"))

    @handler
    def silence(self, message: ReceiveTimeout) -> None:
        self.log.append("silence")

    @handler
    def gone(self, message: Terminated) -> None:
        self.log.append("gone")


async def a_bit_of_everything() -> None:
    """Live through plain and async handlers, asks, timers, tasks, a crash, a kill and the end."""
    log: Log = []
    async with lenient(watchdog=5.0) as system:
        ref, other = system.spawn(Everything, log), system.spawn(Doer)
        await within(ref, lambda me: me.context.watch(other))
        for number in range(500):
            assert await ref.ask(str(number), timeout=9.0) == str(number)
        await asyncio.gather(*(ref.ask(0.001, timeout=9.0) for _ in range(5)))
        with pytest.raises(ActorFailed):
            await within(ref, fail)
        with pytest.raises(AskTimeout):
            await other.ask(60.0, timeout=0.01)
        system.kill(other)
        async with asyncio.timeout(9.0):
            while not {"tick", "piped", "gone"} <= set(log):
                await asyncio.sleep(0.001)
    assert [text for text in log if text.isdigit()] == [str(number) for number in range(500)]
    statistics = system.statistics()
    assert (statistics.actors, statistics.dispatcher.runners, statistics.restarts) == (0, 0, 1)


def test_it_works_on_uvloop() -> None:
    """Another event loop, with another clock and other tasks' internals, makes no difference."""
    if importlib.util.find_spec("uvloop") is None:
        pytest.skip("uvloop is not installed")
    uvloop: Any = importlib.import_module("uvloop")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(a_bit_of_everything())


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_it_works_with_eager_tasks() -> None:
    """Tasks that begin inside the call that makes them make no difference."""

    async def main() -> None:
        eager: Any = asyncio
        asyncio.get_running_loop().set_task_factory(eager.eager_task_factory)
        await a_bit_of_everything()

    asyncio.run(main())


def test_an_eager_asker_starves_nobody() -> None:
    """One that asks in a tight loop leaves timers and other tasks their turns."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with ActorSystem("t") as system:
            doer = system.spawn(Doer)
            rung: list[float] = []
            turns = 0

            async def others() -> None:
                nonlocal turns
                while True:
                    await asyncio.sleep(0)
                    turns += 1

            other = asyncio.create_task(others())
            due = loop.time() + 0.05
            loop.call_at(due, lambda: rung.append(loop.time()))
            asks = 0
            async with asyncio.timeout(20.0):
                while not rung:
                    await doer.ask("x", timeout=9.0)
                    asks += 1
            other.cancel()
            assert turns > 0
            assert asks > 0

    asyncio.run(main())


# --- the watchdog ---------------------------------------------------------------------------------


class Blocker(Doer):
    """Blocks the loop in several ways."""

    @handler
    def block(self, message: int) -> None:
        time.sleep(0.3)

    @handler
    async def block_later(self, message: bytes) -> None:
        await asyncio.sleep(0.02)
        time.sleep(0.3)  # noqa: ASYNC251 - what the watchdog is for


async def blocked(
    system: ActorSystem, send: Callable[[], Any], path: str, handler: str
) -> LoopBlocked:
    """Return the event that names a handler, soon after something is sent.

    A machine that is busy elsewhere may hold the loop up as well, and others are named for that.
    """
    events: list[LoopBlocked] = []
    unsubscribe = system.events.subscribe(LoopBlocked, events.append)
    send()
    found: list[LoopBlocked] = []
    for _ in range(100):
        found = [one for one in events if (one.path, one.handler) == (path, handler)]
        if found:
            break
        await asyncio.sleep(0.01)
    unsubscribe()
    assert found, events
    return found[0]


def test_the_watchdog_names_the_handler_that_blocked_the_loop(logged: list[Any]) -> None:
    """A plain handler, and an async one after it was suspended while others had their turns."""

    async def chatter(ref: ActorRef[Any]) -> None:
        while True:
            ref.tell("x")
            await asyncio.sleep(0.001)

    async def main() -> None:
        async with ActorSystem("t", watchdog=0.05) as system:
            blocker, other = system.spawn(Blocker, name="b"), system.spawn(Doer, name="other")
            path = "callboard://t/user/b"
            plain = await blocked(system, lambda: blocker.tell(1), path, "block")
            assert __file__ in plain.where
            assert "time.sleep(0.3)" in plain.stack
            assert plain.seconds >= 0.05
            talk = asyncio.create_task(chatter(other))
            await blocked(system, lambda: blocker.tell(b""), path, "block_later")
            talk.cancel()
            await blocked(system, lambda: time.sleep(0.3), "", "")
            assert system.statistics().blocked >= 3

    asyncio.run(main())
    lines = [line for line in logged if line["event"] == "the event loop was blocked"]
    assert {"block", "block_later", ""} <= {line["handler"] for line in lines}
