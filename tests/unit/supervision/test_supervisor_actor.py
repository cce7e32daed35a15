"""The actors that do nothing but supervise."""

import asyncio
from typing import Any

import pytest
from support.actor_lives import Boom, Crash
from support.families import Life, World, found, life, lives, states

from callboard import ActorSystem, FailureEvent, HandlerError, NameTaken
from callboard.actors import RestartKind
from callboard.supervision import (
    Backoff,
    Children,
    DynamicSupervisor,
    OneForAll,
    OneForOne,
    RestForOne,
    StartChild,
    StartInstance,
    StopChild,
    Supervisor,
    TooManyChildren,
    child,
)

SHORT = Backoff(0.1, 0.1)

pytestmark = pytest.mark.usefixtures("logged")


async def ask(ref: Any, question: object) -> Any:
    """Ask with more time than any answer here needs."""
    return await ref.ask(question, timeout=10.0)


def test_children_are_given_one_by_one_or_in_lists(virtually: Any) -> None:
    """All of them start in the order in which they are read."""
    world = World()

    async def main() -> None:
        async with ActorSystem("t") as system:
            nested = [life(world, "b"), (life(world, "c"), [life(world, "d")])]
            host: Any = system.spawn(Supervisor, life(world, "a"), nested, name="host")
            await asyncio.sleep(1.0)
            assert world.take() == ["+a", "+b", "+c", "+d"]
            refs = await ask(host, Children())
            assert [ref.path.name for ref in refs] == ["a", "b", "c", "d"]
            assert await ask(refs[2], "hello") == 1

    virtually(main())


def test_a_class_says_its_children_and_its_strategy(virtually: Any) -> None:
    """Class attributes come first, arguments behind them; `strategy=` goes before the class's."""
    world = World()

    class Shop(Supervisor):
        children = (life(world, "a"), life(world, "b"))
        supervision = RestForOne(backoff=SHORT)

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.spawn(Shop, life(world, "c"), name="one")
            await asyncio.sleep(1.0)
            assert world.take() == ["+a", "+b", "+c"]
            found(system, "one/b").tell(Crash())
            await asyncio.sleep(1.0)
            assert world.take() == ["-c", "-b", "+b", "+c"]
            system.spawn(Shop, strategy=OneForAll(backoff=SHORT), name="two")
            await asyncio.sleep(1.0)
            world.take()
            found(system, "two/b").tell(Crash())
            await asyncio.sleep(1.0)
            assert world.take() == ["-b", "-a", "+a", "+b"]

    virtually(main())


def test_a_child_is_started_and_stopped_on_request(virtually: Any) -> None:
    """StartChild answers with the ref of one more, StopChild whether there was one to stop."""
    world = World()

    async def main() -> None:
        async with ActorSystem("t") as system:
            host: Any = system.spawn(Supervisor, life(world, "a"), name="host")
            ref = await ask(host, StartChild(life(world, "b")))
            assert await ask(ref, "hello") == 1
            assert list(states(system)) == ["a", "b"]
            assert await ask(host, StopChild("a")) is True
            assert await ask(host, StopChild("nobody")) is False
            await asyncio.sleep(1.0)
            assert states(system) == {"b": "running"}
            assert world.take() == ["+a", "+b", "-a"]
            # Its name is free again.
            await ask(host, StartChild(life(world, "a")))
            assert list(states(system)) == ["b", "a"]

    virtually(main())


def test_what_was_started_on_request_is_not_part_of_the_supervisor(virtually: Any) -> None:
    """After its own restart a supervisor has the children of its list alone."""
    world = World()

    class Frail(Supervisor):
        def unhandled(self, message: object) -> None:
            raise Boom

    async def main() -> None:
        async with ActorSystem("t") as system:
            host: Any = system.spawn(Frail, life(world, "a"), name="host")
            await ask(host, StartChild(life(world, "b")))
            host.tell("fail")
            await asyncio.sleep(1.0)
            assert states(system) == {"a": "running"}
            assert world.take() == ["+a", "+b", "-b", "-a", "+a"]

    virtually(main())


def test_a_name_that_is_taken_is_the_askers_problem(virtually: Any) -> None:
    """The asker gets NameTaken; told, it is a warning; the supervisor and its children go on."""
    world, failures = World(), list[FailureEvent]()

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(FailureEvent, failures.append)
            host: Any = system.spawn(Supervisor, life(world, "a"), name="host")
            with pytest.raises(NameTaken, match="/user/host/a"):
                await ask(host, StartChild(life(world, "a")))
            with pytest.raises(ValueError, match="name"):
                await ask(host, StartChild(child(Life, world, "x", name="a/b")))
            with pytest.raises(HandlerError, match="cannot be spawned"):
                await ask(host, StartChild("a"))  # type: ignore[arg-type] # the mistake
            host.tell(StartChild(life(world, "a")))
            assert len(await ask(host, Children())) == 1
            assert world.made == {"a": 1}

    virtually(main())
    assert failures == []


def test_a_requested_child_that_cannot_be_made_is_supervised(virtually: Any) -> None:
    """Its `__init__` runs in its own first turn: the asker has the ref, the strategy the error."""
    failures = list[FailureEvent]()

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(FailureEvent, failures.append)
            host: Any = system.spawn(Supervisor, strategy=OneForOne(1, 60.0, SHORT), name="host")
            ref = await ask(host, StartChild(child(Life, name="a")))  # arguments are missing
            assert ref.path.name == "a"
            await asyncio.sleep(1.0)
            assert [one.decision for one in failures] == ["restart", "escalate", "restart"]
            assert await ask(host, Children()) == ()

    virtually(main())


def test_a_dynamic_supervisor_makes_instances_of_its_template(virtually: Any) -> None:
    """Arguments come behind the template's, keywords over them; names are made up or given."""
    world = World()

    async def main() -> None:
        async with ActorSystem("t") as system:
            host: Any = system.spawn(DynamicSupervisor, child(Life, world), name="host")
            assert await ask(host, Children()) == ()
            first = await ask(host, StartInstance("a", name="first"))
            second = await ask(host, StartInstance("b"))
            assert first.path.name == "first"
            assert second.path.name == "$1"
            assert await ask(host, Children()) == (first, second)
            with pytest.raises(NameTaken):
                await ask(host, StartInstance("c", name="first"))
            assert await ask(host, StopChild("first")) is True
            await asyncio.sleep(1.0)
            assert await ask(host, Children()) == (second,)
            assert world.take() == ["+a", "+b", "-a"]

    virtually(main())


@pytest.mark.parametrize(
    ("restart", "names"), [("temporary", []), ("transient", ["a"]), ("permanent", ["a"])]
)
def test_the_kind_of_the_template_is_that_of_all_instances(
    restart: RestartKind, names: list[str], virtually: Any
) -> None:
    """A crashed temporary session is gone; others are restarted with the arguments they had."""
    world = World()

    async def main() -> None:
        async with ActorSystem("t") as system:
            template = child(Life, world, restart=restart)
            strategy = OneForOne(backoff=SHORT)
            host: Any = system.spawn(DynamicSupervisor, template, strategy=strategy, name="host")
            ref = await ask(host, StartInstance("a", name="a"))
            ref.tell(Crash())
            await asyncio.sleep(1.0)
            assert list(states(system)) == names
            assert world.made["a"] == 1 + len(names)

    virtually(main())


def test_there_are_no_more_children_than_max_children(virtually: Any) -> None:
    """One more is refused with the number, until another is gone."""
    world = World()

    async def main() -> None:
        async with ActorSystem("t") as system:
            host: Any = system.spawn(DynamicSupervisor, child(Life, world), max_children=2)
            for name in "ab":
                await ask(host, StartInstance(name, name=name))
            with pytest.raises(TooManyChildren, match="has 2 children") as refused:
                await ask(host, StartInstance("c", name="c"))
            assert refused.value.max_children == 2
            assert refused.value.retriable
            host.tell(StartInstance("c", name="c"))
            await ask(host, StopChild("a"))
            await asyncio.sleep(1.0)
            await ask(host, StartInstance("d", name="d"))
            assert [ref.path.name for ref in await ask(host, Children())] == ["b", "d"]

    virtually(main())


def test_a_restarted_dynamic_supervisor_begins_with_nobody(virtually: Any) -> None:
    """Instances belong to the one who was asked for them."""
    world = World()

    async def main() -> None:
        async with ActorSystem("t") as system:
            strategy = OneForOne(0, 60.0)
            host: Any = system.spawn(
                DynamicSupervisor, child(Life, world), strategy=strategy, name="host"
            )
            (await ask(host, StartInstance("a"))).tell(Crash())
            await asyncio.sleep(1.0)
            assert await ask(host, Children()) == ()
            await ask(host, StartInstance("b", name="b"))
            await asyncio.sleep(1.0)
            assert world.take() == ["+a", "-a", "+b"]

    virtually(main())


def spec(actor: Any, **how: Any) -> Any:
    """Make a child spec, whatever the arguments are."""
    return child(actor, **how)


@pytest.mark.parametrize(
    ("actor", "arguments", "keywords", "message"),
    [
        (Supervisor, (Life,), {}, "is no child of a supervisor; write child"),
        (Supervisor, ([Life],), {}, "is no child of a supervisor"),
        (Supervisor, (), {"strategy": "all"}, "is no supervision strategy"),
        (DynamicSupervisor, (Life,), {}, "is no child of a supervisor"),
        (spec(Life), (1,), {}, "write all of it into the spec"),
        (spec(Life), (), {"name": "a"}, "write all of it into the spec"),
    ],
)
def test_mistakes_in_spawn_are_refused(
    actor: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], message: str, virtually: Any
) -> None:
    """What was given is named, with the line to write."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            with pytest.raises(TypeError, match=message):
                system.spawn(actor, *arguments, **keywords)

    virtually(main())


@pytest.mark.parametrize(
    ("actor", "how", "message"),
    [
        (Life, {"restart": "always"}, "permanent, transient, temporary"),
        (Life, {"shutdown": -1.0}, "a time in seconds"),
        (Life, {"shutdown": float("nan")}, "a time in seconds"),
        ("Life", {}, "cannot be spawned"),
        (Life(World(), "a"), {}, "give the class and its arguments apart"),
        (print, {}, "Mark a function with @actor first"),
    ],
)
def test_mistakes_in_a_child_spec_are_refused(
    actor: Any, how: dict[str, Any], message: str
) -> None:
    """Where it is written, not where it is started."""
    with pytest.raises(HandlerError, match=message):
        spec(actor, **how)


def test_two_children_of_one_name_are_a_failure_of_the_supervisor(virtually: Any) -> None:
    """Its start fails with the name; its own supervisor gives up in the end."""
    world, failures = World(), list[FailureEvent]()

    async def main() -> None:
        async with ActorSystem("t", supervision=OneForOne(1, 60.0, SHORT)) as system:
            system.events.subscribe(FailureEvent, failures.append)
            system.spawn(Supervisor, *lives(world, "aba"))
            await asyncio.wait_for(system.wait_stopped(), 10.0)
            assert system.exit_code == 70
        assert "are named 'a'; rename one" in failures[0].error
        assert world.made == {}

    virtually(main())
