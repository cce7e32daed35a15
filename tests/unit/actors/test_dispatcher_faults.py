"""The dispatcher under interruption, cancellation and broken runnables."""

import asyncio
import contextvars
import sys
from typing import Any

import pytest
from support.actor_lives import Sleeper

from callboard import Actor, ActorRef, ActorSystem, handler
from callboard.actors import Dispatcher


class Double:
    """What the dispatcher keeps in a runnable."""

    self_ref = None

    def __init__(self) -> None:
        self.scope: contextvars.Context | None = None
        self.chunk = 0
        self.runnable = True


class Waiting(Double):
    """A runnable with one coroutine that waits for ever, and then nothing to do."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[BaseException] = []
        self.task: asyncio.Task[Any] | None = None

    def step(self, limit: int) -> Any:
        return self.wait()

    async def wait(self) -> None:
        self.task = asyncio.current_task()
        await asyncio.sleep(3600)

    def completed(self, result: object) -> None:
        raise AssertionError

    def failed(self, error: BaseException) -> None:
        self.runnable = False
        self.errors.append(error)


def test_an_interrupted_handler_leaves_its_runner_unharmed(virtually: Any) -> None:
    """Interrupting ends the handler, waiting or about to; the runner's task serves the next."""

    async def main() -> None:
        dispatcher, first, second = Dispatcher(), Waiting(), Waiting()
        dispatcher.schedule(first)
        await asyncio.sleep(1)
        assert dispatcher.interrupt(first)
        await asyncio.sleep(1)
        assert [type(one) for one in first.errors] == [asyncio.CancelledError]
        assert not dispatcher.interrupt(first)
        dispatcher.schedule(second)
        await asyncio.sleep(1)
        assert second.task is first.task
        assert second.task is not None
        assert second.task.cancelling() == 0
        await dispatcher.aclose()
        assert [type(one) for one in second.errors] == [asyncio.CancelledError]

    virtually(main())


def test_a_driver_cancelled_from_outside_is_replaced(virtually: Any) -> None:
    """When the task that drains the queue is cancelled, another one takes the queue over."""

    class Ping(Actor):
        @handler
        def ball(self, message: ActorRef) -> None:  # type: ignore[type-arg]
            message.tell(self.context.self_ref)

    async def main() -> None:
        async with ActorSystem("t") as system:
            one, two, other = system.spawn(Ping), system.spawn(Ping), system.spawn(Sleeper)
            one.tell(two)
            await asyncio.sleep(0)
            (runner,) = [one for one in asyncio.all_tasks() if one.get_name() == "callboard-runner"]
            await asyncio.sleep(0)
            runner.cancel()
            assert await other.ask("still there", timeout=1.0) == "still there"
            assert runner.cancelled()

    virtually(main())


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
def test_an_eager_task_factory_does_not_run_handlers_inside_tell(virtually: Any) -> None:
    """Also where tasks start eagerly, `tell` returns before the handler begins."""
    log: list[str] = []

    class Logging(Actor):
        @handler
        def text(self, message: str) -> None:
            log.append(message)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(vars(asyncio)["eager_task_factory"])
        async with ActorSystem("t") as system:
            system.spawn(Logging).tell("x")
            assert log == []
            await asyncio.sleep(1)
            assert log == ["x"]

    virtually(main())


class Broken(Double):
    """A runnable whose step raises."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[BaseException] = []

    def step(self, limit: int) -> None:
        self.runnable = False
        raise ZeroDivisionError

    def completed(self, result: object) -> None:
        raise AssertionError

    def failed(self, error: BaseException) -> None:
        self.errors.append(error)


def test_a_broken_runnable_hurts_nobody(virtually: Any) -> None:
    """A step that raises goes to `failed`, and the dispatcher goes on and closes."""

    async def main() -> None:
        dispatcher, broken, other = Dispatcher(), Broken(), Broken()
        dispatcher.schedule(broken)
        dispatcher.schedule(other)
        await asyncio.sleep(1)
        assert [type(one) for one in broken.errors + other.errors] == [ZeroDivisionError] * 2
        assert not dispatcher.interrupt(broken)
        await dispatcher.aclose()
        dispatcher.schedule(broken)
        assert dispatcher.statistics().runners == 0
        assert dispatcher.statistics().queued == 0

    virtually(main())


def test_a_turn_has_at_least_one_message() -> None:
    """A throughput of nothing is refused."""
    with pytest.raises(ValueError, match="at least 1"):
        Dispatcher(throughput=0)
