"""Systems that start with a tree, trees as values, and finding one's way in them."""

import asyncio
from typing import Any

import pytest
from support.families import Life, World, found, life, lives, states

from callboard import ActorSystem
from callboard.supervision import (
    Backoff,
    Children,
    DynamicSupervisor,
    RestForOne,
    Supervisor,
    child,
    declared_tree,
)

SHORT = Backoff(0.1, 0.1)

pytestmark = pytest.mark.usefixtures("logged")


def test_a_system_starts_its_tree_in_order(virtually: Any) -> None:
    """`tree=` starts what it is given as a supervisor would, and stops it in reverse."""
    world = World(rising={"a": 1.0})

    async def main() -> None:
        inner = child(Supervisor, *lives(world, "bc"), name="inner")
        async with ActorSystem("t", tree=(life(world, "a"), inner, life(world, "d"))) as system:
            assert world.take() == []
            await asyncio.sleep(2.0)
            assert world.take() == ["+a", "+b", "+c", "+d"]
            system.kill(found(system, "a"))
            await asyncio.sleep(2.0)
            assert world.take() == ["+a"]
        assert world.take() == ["-d", "-c", "-b", "-a"]

    virtually(main())


def test_a_tree_that_cannot_be_started_leaves_nothing_behind(virtually: Any) -> None:
    """Two of one name are refused at the door, and the system has ended."""
    world = World()

    async def main() -> None:
        system = ActorSystem("t", tree=tuple(lives(world, "aa")))
        try:
            with pytest.raises(ValueError, match="named 'a'"):
                await system.__aenter__()
            assert not system.running
        finally:
            if system.running:
                system.terminate()
                await system.wait_stopped()

    virtually(main())


def test_a_tree_of_classes_is_refused_with_the_line_to_write(virtually: Any) -> None:
    """What is no child spec is named."""

    async def main() -> None:
        system = ActorSystem("t", tree=(Life,))  # type: ignore[arg-type] # the mistake
        try:
            await system.__aenter__()
        finally:
            system.terminate()
            await system.wait_stopped()

    with pytest.raises(TypeError, match="write child"):
        virtually(main())


def test_the_living_tree_shows_kinds_states_and_strategies(virtually: Any) -> None:
    """`tree()` is plain values; a declared tree has the same shape without running."""
    world = World(rising={"b": 5.0})
    strategy = RestForOne(backoff=SHORT)
    inner = child(
        Supervisor,
        life(world, "a", restart="transient"),
        life(world, "b"),
        life(world, "c"),
        strategy=strategy,
        name="inner",
    )
    pool = child(DynamicSupervisor, child(Life, world, restart="temporary"), name="pool")
    declared = declared_tree("t", (inner, pool))
    rows = [(one.name, one.actor, one.state, one.restart) for one in declared.walk()]
    assert rows == [
        ("t", "", "declared", ""),
        ("inner", "Supervisor", "declared", "permanent"),
        ("a", "Life", "declared", "transient"),
        ("b", "Life", "declared", "permanent"),
        ("c", "Life", "declared", "permanent"),
        ("pool", "DynamicSupervisor", "declared", "permanent"),
        ("<Life>", "Life", "declared", "temporary"),
    ]
    assert declared.children[0].strategy == "rest for one, 3 in 5 s"

    async def main() -> None:
        async with ActorSystem("t", tree=(inner, pool)) as system:
            await asyncio.sleep(1.0)
            found(system, "inner/c").tell("mail")
            tree = system.tree()
            inside = tree.children[0]
            assert [one.path for one in inside.walk()] == [
                one.path for one in declared.children[0].walk()
            ]
            assert inside.strategy == "rest for one, 3 in 5 s"
            assert [(one.state, one.restart) for one in inside.children[:2]] == [
                ("running", "transient"),
                ("starting", "permanent"),
            ]
            assert [one.waiting for one in inside.children] == [0, 0, 1]
            await asyncio.sleep(10.0)
            assert states(system, "inner") == dict.fromkeys("abc", "running")

    virtually(main())


def test_actors_are_found_by_their_paths(virtually: Any) -> None:
    """In full or from the root down; None where nobody lives."""
    world = World()

    async def main() -> None:
        inner = child(Supervisor, *lives(world, "ab"), name="inner")
        async with ActorSystem("t", tree=(inner,)) as system:
            await asyncio.sleep(1.0)
            refs = await found(system, "inner").ask(Children(), timeout=1.0)
            assert system.find("inner/b") == refs[1]
            assert system.find(str(refs[1].path)) == refs[1]
            for path in ("", "b", "inner/", "inner/c", "inner/b/x", "/inner"):
                assert system.find(path) is None

    virtually(main())
