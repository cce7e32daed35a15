"""Each strategy, kind of child, way to end and place in the row, against a model of all of them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from support.actor_lives import Crash
from support.families import Host, Life, World, does, does_later, found, life, states

from callboard import ActorRef, ActorSystem, DeadLetter
from callboard.actors import ChildSpec, RestartKind
from callboard.supervision import Backoff, OneForAll, OneForOne, RestForOne

NAMES = "abc"
STRATEGIES = {"one": OneForOne, "all": OneForAll, "rest": RestForOne}
KINDS: Sequence[RestartKind | None] = ("permanent", "transient", "temporary", None)
REASONS = ("crash", "failing_start", "stops_itself", "stopped", "killed", "by_supervisor", "linked")
# Kinds of the two others, by the place of the one that ends; one of them is temporary.
OTHERS: Sequence[tuple[RestartKind | None, RestartKind | None]] = (
    ("temporary", None),
    ("permanent", "temporary"),
    ("temporary", "transient"),
)


@dataclass
class Row:
    """What became of each, `restarted`, `untouched` or `gone`, and in which order."""

    fates: list[str]
    events: list[str]


def model(strategy: str, kinds: Sequence[RestartKind | None], failed: int, reason: str) -> Row:
    """Say what must happen, from the table in `child` and the sentences of the strategies."""
    kind, crashed = kinds[failed], reason in ("crash", "failing_start")
    comes_back = {
        "crash": kind != "temporary",
        "failing_start": kind != "temporary",
        "stops_itself": kind == "permanent",
        "stopped": kind == "permanent",
        "killed": kind in ("permanent", "transient"),
        "linked": kind in ("permanent", "transient"),
        "by_supervisor": False,
    }[reason]
    # While one of a spec starts, those of a spec behind it wait; the others have all begun.
    waits = reason == "failing_start" and kind is not None
    up = [at < failed or kinds[at] is None or not waits for at in range(3)]
    fates, events = ["untouched"] * 3, list[str]()
    if not crashed and reason != "killed":
        events.append(f"-{NAMES[failed]}")  # `stopped` is called in its own end
    group = {"one": [failed], "all": [0, 1, 2], "rest": [0, 1, 2][failed:]}[strategy]
    for at in reversed(group if comes_back else [failed]):
        if at == failed:
            events += [f"-{NAMES[at]}"] * crashed
            fates[at] = "restarted" if comes_back else "gone"
        elif up[at]:
            events.append(f"-{NAMES[at]}")
            fates[at] = "gone" if kinds[at] == "temporary" else "restarted"
    events += [
        f"+{NAMES[at]}"
        for at in range(3)
        if fates[at] == "restarted" or (fates[at] == "untouched" and not up[at])
    ]
    return Row(fates, events)


def give_mail(system: ActorSystem, failed: str, reason: str) -> None:
    """Have everyone find mail after what it has in hand; for some, that is what ends it."""
    child = found(system, f"host/{failed}")
    for seconds, name in zip((3.0, 2.0, 1.0), NAMES, strict=True):  # busy until its turn to go down
        if name != failed:
            found(system, f"host/{name}").tell(seconds)
    if reason == "crash":
        child.tell(Crash())
    elif reason == "stops_itself":
        does_later(child, lambda me: me.context.stop())
    elif reason != "failing_start":
        child.tell(0.5)
    for name in NAMES:
        found(system, f"host/{name}").tell(f"for {name}")


async def end(system: ActorSystem, failed: str, reason: str, other: ActorRef[Any]) -> None:
    """Give everyone mail to be handled later, and have one of them end."""
    child = found(system, f"host/{failed}")
    if reason == "linked":
        await does(child, lambda me: me.context.link(other))
    give_mail(system, failed, reason)
    await asyncio.sleep(0.1)
    if reason == "stopped":
        system.stop(child)
    elif reason in ("killed", "linked"):
        system.kill(child if reason == "killed" else other)
    elif reason == "by_supervisor":
        does_later(found(system, "host"), lambda me: me.context.stop(child))


def specs(world: World, kinds: Sequence[RestartKind | None]) -> list[ChildSpec | tuple[Any, ...]]:
    """Return how to make the three; the ones without a kind are spawned without a spec."""
    return [
        (Life, world, name, name) if kind is None else life(world, name, restart=kind)
        for name, kind in zip(NAMES, kinds, strict=True)
    ]


def case(strategy: str, kind: RestartKind | None, reason: str, place: int) -> Any:
    """Return one case with a name that can be read."""
    place_name = ("first", "middle", "last")[place]
    name = f"{strategy}-{kind}-{reason}-{place_name}"
    return pytest.param(strategy, kind, reason, place, id=name)


@pytest.mark.parametrize(
    ("strategy", "kind", "reason", "place"),
    [case(*row) for row in product(STRATEGIES, KINDS, REASONS, range(3))],
)
def test_what_becomes_of_the_three(
    strategy: str,
    kind: RestartKind | None,
    reason: str,
    place: int,
    virtually: Any,
    logged: list[Any],
) -> None:
    """Fates, the order down and up, and the mail are as the model says, on a real system."""
    kinds = list(OTHERS[place])
    kinds.insert(place, kind)
    expected = model(strategy, kinds, place, reason)
    failed, world, dead = NAMES[place], World(), list[object]()
    world.falling = dict.fromkeys(NAMES, 0.1)
    if reason == "failing_start":
        world.rising, world.failing = {failed: 1.0}, {failed: 1}

    async def main() -> dict[str, str]:
        async with ActorSystem("t") as system:
            system.events.subscribe(DeadLetter, lambda letter: dead.append(letter.message))
            made = STRATEGIES[strategy](backoff=Backoff(0.1, 0.1))
            system.spawn(Host, made, *specs(world, kinds), name="host")
            other = system.spawn(Life, World(), "x")
            await asyncio.sleep(0.5)
            world.take()
            await end(system, failed, reason, other)
            await asyncio.sleep(20.0)
            result = states(system)
            events.extend(world.take())
            return result

    events: list[str] = []
    alive = virtually(main())
    gone = [name for name, fate in zip(NAMES, expected.fates, strict=True) if fate == "gone"]
    assert alive == {name: "running" for name in NAMES if name not in gone}
    assert events == expected.events
    instances = {"untouched": 1, "restarted": 2}
    mail = [
        (name, instances[fate], f"for {name}")
        for name, fate in zip(NAMES, expected.fates, strict=True)
        if fate != "gone"
    ]
    assert sorted(world.handled) == mail
    assert sorted(map(str, dead)) == [f"for {name}" for name in gone]
