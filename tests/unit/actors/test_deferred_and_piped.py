"""Answers that are given later, and work that runs beside an actor."""

import asyncio
import gc
import math
from collections.abc import Callable
from typing import Any

import pytest
from support.actor_doing import Doer, Log, Oops, do, fail, lenient, now
from support.actor_lives import within

from callboard import (
    ActorFailed,
    ActorSystem,
    AskTimeout,
    DeadLetter,
    DeferredReply,
    FailureEvent,
    handler,
)


class Promiser(Doer):
    """Promises answers and keeps the promises for later."""

    def __init__(self, log: Log | None = None) -> None:
        super().__init__(log)
        self.promised: list[DeferredReply] = []

    @handler
    def promise(self, message: int) -> str:
        self.promised.append(self.context.defer_reply())
        return "no answer"


async def promised(count: int = 1) -> None:
    """Let so many asks begin."""
    for _ in range(count + 1):
        await asyncio.sleep(0)


def test_a_promised_answer_is_given_later(virtually: Any) -> None:
    """Promises are kept in any order, from another handler, with whatever is sent."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            ref = system.spawn(Promiser)
            asks = [asyncio.ensure_future(ref.ask(number, timeout=60.0)) for number in range(3)]
            await promised(3)
            assert await within(ref, lambda me: [one.wanted for one in me.promised]) == [True] * 3
            for number in (2, 0, 1):
                await asyncio.sleep(1)
                await within(ref, lambda me, at=number: me.promised[at].send(f"kept {at}"))  # type: ignore[misc]
            assert await asyncio.gather(*asks) == ["kept 0", "kept 1", "kept 2"]

    virtually(main())


def test_a_promise_may_be_answered_with_a_failure(virtually: Any) -> None:
    """`fail` lets the ask raise that error; the actor does not fail."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            ref = system.spawn(Promiser)
            ask = asyncio.ensure_future(ref.ask(1, timeout=60.0))
            await promised()
            await within(ref, lambda me: me.promised[0].fail(Oops("no")))
            with pytest.raises(Oops, match="no"):
                await ask
            assert system.statistics().failures == 0

    virtually(main())


def test_only_the_first_answer_counts(virtually: Any) -> None:
    """A second answer, one to an asker that gave up, and one to a teller do nothing."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            ref = system.spawn(Promiser)
            ask = asyncio.ensure_future(ref.ask(1, timeout=60.0))
            await promised()
            with pytest.raises(AskTimeout):
                await ref.ask(2, timeout=1.0)
            ref.tell(3)

            def answer(me: Promiser) -> list[bool]:
                for one in me.promised:
                    one.send("first")
                    one.send("second")
                    one.fail(Oops())
                return [one.wanted for one in me.promised]

            assert await within(ref, answer) == [False] * 3
            assert await ask == "first"
            assert system.statistics().late_replies == 1 + 1  # sent twice to who gave up

    virtually(main())


@pytest.mark.parametrize("end", ["restart", "stop", "kill"])
def test_a_promise_is_lost_with_who_gave_it(virtually: Any, end: str) -> None:
    """When the actor restarts or ends, those who were promised an answer learn it at once."""

    async def main() -> None:
        async with lenient() as system:
            ref = system.spawn(Promiser, name="p")
            ask = asyncio.ensure_future(ref.ask(1, timeout=60.0))
            await promised()
            await asyncio.sleep(1)
            if end == "restart":
                do(ref, fail)
            elif end == "stop":
                system.stop(ref)
            else:
                system.kill(ref)
            with pytest.raises(ActorFailed, match="before the promised answer") as caught:
                await ask
            assert caught.value.error_type == "ReplyLost"
            assert caught.value.target == "callboard://t/user/p"
            assert now() == 1.0

    virtually(main())


def test_kept_promises_are_forgotten(virtually: Any) -> None:
    """An actor that has answered all does not remember them, and a restart harms nobody."""

    async def main() -> None:
        async with lenient() as system:
            ref = system.spawn(Promiser)
            for number in range(100):
                ask = asyncio.ensure_future(ref.ask(number, timeout=60.0))
                await promised()
                await within(ref, lambda me: me.promised.pop().send("kept"))
                assert await ask == "kept"
            await asyncio.sleep(0)
            assert await within(ref, lambda me: len(me._cell.tools.promises)) == 0

    virtually(main())


# --- work beside the actor ------------------------------------------------------------------------


async def work(seconds: float, result: object = "done") -> Any:
    """Take some time, then return or raise the result."""
    await asyncio.sleep(seconds)
    if isinstance(result, Exception):
        raise result
    return result


class Worker(Doer):
    """Records results."""

    @handler
    def take(self, message: tuple) -> None:  # type: ignore[type-arg]
        self.log.append((now(), message))

    @handler
    def nothing(self, message: None) -> None:
        self.log.append((now(), message))


def piping(*args: Any, **kwargs: Any) -> Callable[[Any], None]:
    """Return what makes an actor pipe `work(*args)` to itself."""
    return lambda me: me.context.pipe_to_self(work(*args), **kwargs)


def five(result: object) -> tuple[Any, ...]:
    """Map a result."""
    return ("five", result)


def named(error: BaseException) -> tuple[Any, ...]:
    """Map a failure."""
    return (type(error).__name__,)


def test_results_are_handled_like_messages(virtually: Any) -> None:
    """The actor goes on meanwhile; results come as they are or as they are mapped, even None."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            ref = system.spawn(Worker, log)
            await within(ref, piping(2.0, ("a", "tuple")))
            await within(ref, piping(1.0, 5, on_success=five))
            await within(ref, piping(3.0, None))
            assert await ref.ask("meanwhile", timeout=0.1) == "meanwhile"
            await asyncio.sleep(4)

    virtually(main())
    assert log == [
        "meanwhile",
        (1.0, ("five", 5)),
        (2.0, ("a", "tuple")),
        (3.0, None),
    ]


def test_failures_may_be_mapped_to_messages(virtually: Any) -> None:
    """With `on_failure` the actor handles errors, timeouts included."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            ref = system.spawn(Worker, log)
            await within(ref, piping(1.0, Oops("beside"), on_failure=named))
            await within(ref, piping(60.0, timeout=2.0, on_failure=named))
            await asyncio.sleep(4)
            assert system.statistics().failures == 0

    virtually(main())
    assert log == [(1.0, ("Oops",)), (2.0, ("TimeoutError",))]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (piping(1.0, Oops("beside")), "Oops"),
        (piping(60.0, timeout=1.0), "TimeoutError"),
        (piping(1.0, on_success=fail), "Oops"),
        (piping(1.0, ValueError(), on_failure=fail), "Oops"),
    ],
)
def test_other_failures_are_the_actors(virtually: Any, call: Any, error: str) -> None:
    """An unmapped error, a timeout, and an error of a mapping function crash the actor."""
    events: list[FailureEvent] = []

    async def main() -> None:
        async with lenient() as system:
            system.events.subscribe(FailureEvent, events.append)
            ref = system.spawn(Worker)
            await within(ref, call)
            await asyncio.sleep(2)
            assert await ref.ask("alive", timeout=1.0) == "alive"

    virtually(main())
    assert [(event.error_type, event.message_type) for event in events] == [(error, "")]


@pytest.mark.parametrize("end", ["restart", "stop", "kill"])
def test_work_ends_with_its_actor(virtually: Any, end: str) -> None:
    """At a restart and an end the task is cancelled, and nothing of it is handled."""
    log: Log = []
    dead: list[DeadLetter] = []
    cancelled: Log = []

    async def long() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(now())
            raise

    async def main() -> None:
        async with lenient() as system:
            system.events.subscribe(DeadLetter, dead.append)
            ref = system.spawn(Worker, log)
            await within(ref, lambda me: me.context.pipe_to_self(long(), on_failure=named))
            await asyncio.sleep(1)
            if end == "restart":
                do(ref, fail)
            elif end == "stop":
                system.stop(ref)
            else:
                system.kill(ref)
            await asyncio.sleep(2)

    virtually(main())
    assert (log, dead, cancelled) == ([], [], [1.0])


@pytest.mark.parametrize("end", [fail, lambda me: me.context.stop()])  # pyright: ignore[reportUnknownLambdaType, reportUnknownMemberType]
def test_work_that_never_began_leaves_nothing_behind(virtually: Any, end: Any) -> None:
    """Cancelled before its first step, a coroutine is closed: no warning that nobody awaited it."""

    def begin(me: Worker) -> None:
        me.context.pipe_to_self(work(1.0))
        end(me)

    async def main() -> None:
        async with lenient() as system:
            do(system.spawn(Worker), begin)
            await asyncio.sleep(2)

    virtually(main())
    gc.collect()


def test_work_that_swallows_its_cancellation_is_not_listened_to(virtually: Any) -> None:
    """A result or an error that comes after the actor's restart is nobody's."""
    log: Log = []

    async def deaf(result: object) -> object:
        try:
            return await work(60.0)
        except asyncio.CancelledError:
            if isinstance(result, Exception):
                raise result from None
            return result

    async def main() -> None:
        async with lenient() as system:
            ref = system.spawn(Worker, log)
            for result in (("late",), Oops("late")):
                await within(ref, lambda me, it=result: me.context.pipe_to_self(deaf(it)))  # type: ignore[misc]
            await asyncio.sleep(1)
            do(ref, fail)
            await asyncio.sleep(2)
            assert system.statistics().failures == 1

    virtually(main())
    assert log == []


@pytest.mark.parametrize("wrong", [None, work, 5])
def test_only_coroutines_are_run(virtually: Any, wrong: Any) -> None:
    """A function that was not called is refused, with the line to write."""

    async def main() -> None:
        async with lenient() as system:
            with pytest.raises(ActorFailed, match=r"takes a coroutine, as from fetch\(url\)"):
                await within(system.spawn(Worker), lambda me: me.context.pipe_to_self(wrong))

    virtually(main())


@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf])
def test_a_timeout_of_work_is_finite(virtually: Any, wrong: float) -> None:
    """ValueError says so, and the coroutine does not run, nor warn that it did not."""

    async def main() -> None:
        async with lenient() as system:
            with pytest.raises(ActorFailed, match="timeout is"):
                await within(system.spawn(Worker), piping(1.0, timeout=wrong))

    virtually(main())
    gc.collect()
