"""A system's start, its end, and what it leaves behind."""

import asyncio
import subprocess
import sys
from typing import Any

import pytest

from callboard import (
    Actor,
    ActorSystem,
    Entity,
    EntityRef,
    NotRunning,
    TransportUnavailable,
    handler,
)
from callboard.actors import ActorSystem as CoreSystem
from callboard.actors import Address, Transport


class Stubborn(Actor):
    """Ends as slowly as it is told to."""

    def __init__(self, log: list[Any], name: str, seconds: float = 0.0) -> None:
        self.log, self.name, self.seconds = log, name, seconds

    @handler
    async def wait(self, message: float) -> None:
        try:
            await asyncio.sleep(message)
        except asyncio.CancelledError:
            self.log.append((self.name, "cancelled"))
            raise

    @handler
    def spawn(self, message: str) -> Any:
        return self.context.spawn(Stubborn, self.log, message)

    async def stopped(self) -> None:
        await asyncio.sleep(self.seconds)
        self.log.append((self.name, "stopped"))


def test_top_level_actors_stop_newest_first_each_before_the_next(virtually: Any) -> None:
    """The end of one is waited for before the one spawned before it is stopped."""
    log: list[Any] = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            for name, seconds in (("a", 0.0), ("b", 2.0), ("c", 1.0)):
                ref = system.spawn(Stubborn, log, name, seconds)
                await ref.ask(f"{name}.child", timeout=1.0)
        assert asyncio.get_running_loop().time() == 3.0

    virtually(main())
    assert [name for name, _ in log] == ["c.child", "c", "b.child", "b", "a.child", "a"]


def test_who_does_not_stop_in_time_is_killed_and_reported(
    virtually: Any, logged: list[Any]
) -> None:
    """After the deadline handlers are cancelled, without `stopped`; one line names the actors."""
    log: list[Any] = []

    async def main() -> None:
        async with ActorSystem("t", shutdown_timeout=2.0) as system:
            system.spawn(Stubborn, log, "idle")
            stuck = system.spawn(Stubborn, log, "stuck")
            child = await stuck.ask("child", timeout=1.0)
            child.tell(3600.0)
            stuck.tell(3600.0)
            await asyncio.sleep(0.1)
        assert asyncio.get_running_loop().time() == pytest.approx(2.1)
        assert system.statistics().actors == 0

    virtually(main())
    assert log == [("child", "cancelled"), ("stuck", "cancelled")]
    line = next(one for one in logged if one["event"].startswith("actors did not stop"))
    assert line["actors"] == [
        "callboard://t/user/$2/$1",
        "callboard://t/user/$2",
        "callboard://t/user/$1",
    ]
    assert line["alive"] == []


def test_a_handler_that_swallows_its_cancellation_cannot_hold_the_system(
    virtually: Any, logged: list[Any]
) -> None:
    """The system ends by its deadlines and says who is still alive."""

    class Deaf(Actor):
        @handler
        async def wait(self, message: float) -> None:
            for _ in range(3):
                try:
                    await asyncio.sleep(message)
                except asyncio.CancelledError:
                    continue

    async def main() -> None:
        async with ActorSystem("t", shutdown_timeout=1.0) as system:
            system.spawn(Deaf).tell(20.0)
            await asyncio.sleep(0)
        assert asyncio.get_running_loop().time() <= 1.0 + 1.0 + 2.0
        await asyncio.sleep(60)

    virtually(main())
    line = next(one for one in logged if one["event"].startswith("actors did not stop"))
    assert line["alive"] == ["callboard://t/user/$1"]


def test_cancellation_in_the_middle_leaves_no_task_behind(virtually: Any) -> None:
    """Ctrl-C, once in the body and once more during the shutdown, ends everything, and soon."""
    log: list[Any] = []

    async def app(ready: asyncio.Event) -> None:
        async with ActorSystem("t") as system:
            system.spawn(Stubborn, log, "a", 5.0)
            system.spawn(Stubborn, log, "b").tell(3600.0)
            ready.set()
            await asyncio.sleep(3600)

    async def main() -> None:
        ready, loop = asyncio.Event(), asyncio.get_running_loop()
        task = loop.create_task(app(ready))
        await ready.wait()
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.sleep(1)
        assert not task.done()  # the actors have ten seconds
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert loop.time() == pytest.approx(2.0)

    virtually(main())
    assert log == [("b", "cancelled")]


def test_an_exception_of_the_body_passes_after_the_end(virtually: Any) -> None:
    """Leaving by an exception stops the actors, and the exception goes on."""
    log: list[Any] = []

    async def main() -> None:
        async def body() -> None:
            async with ActorSystem("t") as system:
                system.spawn(Stubborn, log, "a")
                raise KeyError

        with pytest.raises(KeyError):
            await body()

    virtually(main())
    assert log == [("a", "stopped")]


def test_verbs_outside_the_system_say_so(virtually: Any) -> None:
    """Before it is entered, after it is left, and entered twice, a system explains itself."""

    async def main() -> None:
        system = ActorSystem("t")
        with pytest.raises(NotRunning, match="is not running yet, so it cannot spawn Stubborn"):
            system.spawn(Stubborn, [], "a")
        with pytest.raises(NotRunning, match="async with ActorSystem"):
            system.entity(Account, "1")
        with pytest.raises(NotRunning):
            system.terminate()
        async with system:
            ref = system.spawn(Stubborn, [], "a")
            with pytest.raises(TypeError, match="give a subclass of Actor"):
                system.spawn(Stubborn([], "a"))  # type: ignore[call-overload]
        with pytest.raises(NotRunning, match="has stopped"):
            system.spawn(Stubborn, [], "a")
        ref.tell(1.0)
        assert system.statistics().dead_letters == 1
        with pytest.raises(NotRunning, match="used once"):
            await system.__aenter__()

    virtually(main())


def test_terminate_stops_from_inside(virtually: Any) -> None:
    """An actor may end the system; the body learns it by wait_stopped, with the exit code."""

    class Ender(Actor):
        @handler
        async def end(self, message: int) -> None:
            self.context.system.terminate(message)  # type: ignore[attr-defined]
            await asyncio.sleep(1)

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.spawn(Ender).tell(3)
            await system.wait_stopped()
            with pytest.raises(NotRunning):
                system.spawn(Ender)
        assert system.exit_code == 3

    virtually(main())


@pytest.mark.parametrize("name", ["", "a b", "a/b", "-a"])
def test_a_system_name_fits_into_topic_names(name: str) -> None:
    """Names that Kafka could not carry are refused at once."""
    with pytest.raises(ValueError, match="part of Kafka topic names"):
        ActorSystem(name)


def test_a_seed_makes_chance_repeat() -> None:
    """Two systems with one seed draw the same numbers; node names do not disturb that."""
    assert ActorSystem("t", seed=5).random.random() == ActorSystem("t", seed=5).random.random()
    assert ActorSystem("t").node != ActorSystem("t").node
    assert ActorSystem("t", node="n1").node == "n1"


class Account(Entity):
    @handler
    def text(self, message: str) -> None: ...


class FakeTransport:
    """A Transport that records."""

    def __init__(self, log: list[str], error: Exception | None = None) -> None:
        self.log, self.error = log, error

    async def start(self) -> None:
        self.log.append("start")
        if self.error is not None:
            raise self.error

    def entity(self, kind: type[Entity], id: str) -> EntityRef[Any]:
        self.log.append(f"entity {id}")
        return EntityRef("t", kind.kind(), id, None)  # type: ignore[arg-type]

    def ref(self, address: Address) -> EntityRef[Any]:
        raise LookupError(address)

    async def aclose(self) -> None:
        await asyncio.sleep(1)
        self.log.append("close")


class WithTransport(CoreSystem):
    """The core with a transport of the test's."""

    fake: FakeTransport

    def _create_transport(self) -> Transport:
        self.fake.log.append("create")
        return self.fake


def test_the_transport_starts_when_it_is_needed_and_closes_after_the_actors(virtually: Any) -> None:
    """Without `entities` the first entity makes it; it is closed when the actors have stopped."""
    log: list[Any] = []

    async def main() -> None:
        system = WithTransport("t")
        system.fake = FakeTransport(log)
        async with system:
            assert log == []
            assert str(system.entity(Account, "1").path) == "callboard://t/Account/1"
            system.entity(Account, "2")
            system.spawn(Stubborn, log, "a")

    virtually(main())
    assert log == ["create", "entity 1", "entity 2", ("a", "stopped"), "close"]


def test_with_entities_the_transport_starts_on_entering(virtually: Any) -> None:
    """Even an empty list starts it, before the body."""
    log: list[str] = []

    async def main() -> None:
        system = WithTransport("t", entities=[])
        system.fake = FakeTransport(log)
        async with system:
            assert log == ["create", "start"]

    virtually(main())
    assert log == ["create", "start", "close"]


def test_an_error_of_the_transport_is_raised_on_entering(virtually: Any) -> None:
    """A transport that does not start is closed, and its error is the caller's; nothing is left."""
    log: list[str] = []

    async def main() -> None:
        system = WithTransport("t", entities=[Account])
        system.fake = FakeTransport(log, TransportUnavailable("nobody there"))
        with pytest.raises(TransportUnavailable, match="nobody there"):
            async with system:
                raise AssertionError("unreachable")
        await system.wait_stopped()

    virtually(main())
    assert log == ["create", "start", "close"]


def test_a_core_system_has_no_transport(virtually: Any) -> None:
    """The base class reaches no entities and says so; failed actors of it are stopped."""

    async def main() -> None:
        async with CoreSystem("t") as system:
            with pytest.raises(NotRunning, match="has no transport"):
                system.entity(Account, "1")
            ref = system.spawn(Stubborn, [], "a")
            ref.tell(None)
            assert system.default_supervision() is None

    virtually(main())


SCRIPT = """
import asyncio, sys
from callboard import Actor, ActorSystem, handler

class Greeter(Actor):
    @handler
    def hello(self, message: str) -> str:
        return message

async def main():
    async with ActorSystem("t") as system:
        return await system.spawn(Greeter).ask("hello", timeout=5.0)

assert asyncio.run(main()) == "hello"
loaded = [name for name in sys.modules if name.split(".")[0] in ("aiokafka", "google")]
assert not loaded, loaded
assert "callboard.transport" not in sys.modules
"""


def test_a_system_without_entities_loads_neither_kafka_nor_protobuf() -> None:
    """In-memory actors need the standard library and structlog alone."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
