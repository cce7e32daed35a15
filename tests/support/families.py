"""Children that record when they come up and go down, and hosts that supervise them."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from support.actor_lives import Boom, Crash

from callboard import Actor, ActorRef, handler
from callboard import ActorSystem as CompleteSystem
from callboard.actors import ActorSystem, ChildSpec, SupervisionStrategy
from callboard.supervision import Children, child


@dataclass
class World:
    """What the children of one test share: what they do, and what they did.

    Attributes:
        log: `("up", name)` when a `started` has returned, `("down", name)` when a `stopped` has.
        made: instances made, by name.
        handled: name, number of the instance and text of each message handled.
        rising: seconds that `started` of a name takes.
        falling: seconds that `stopped` of a name takes.
        failing: how many `started` of a name are still to fail.
    """

    log: list[tuple[str, str]] = field(default_factory=list)
    made: Counter[str] = field(default_factory=Counter)
    handled: list[tuple[str, int, str]] = field(default_factory=list)
    rising: dict[str, float] = field(default_factory=dict)
    falling: dict[str, float] = field(default_factory=dict)
    failing: dict[str, int] = field(default_factory=dict)

    def take(self) -> list[str]:
        """Return the log so far as `+name` and `-name`, and begin anew."""
        taken = [f"{'+' if what == 'up' else '-'}{name}" for what, name in self.log]
        self.log.clear()
        return taken


class Life(Actor):
    """A child that does what its world says."""

    def __init__(self, world: World, name: str) -> None:
        world.made[name] += 1
        self.world = world
        self.name = name
        self.number = world.made[name]

    async def started(self) -> None:
        if self.name in self.world.rising:
            await asyncio.sleep(self.world.rising[self.name])
        if self.world.failing.get(self.name, 0) > 0:
            self.world.failing[self.name] -= 1
            raise Boom(f"start of {self.name}")
        self.world.log.append(("up", self.name))

    async def stopped(self) -> None:
        if self.name in self.world.falling:
            await asyncio.sleep(self.world.falling[self.name])
        self.world.log.append(("down", self.name))

    @handler
    def text(self, message: str) -> int:
        self.world.handled.append((self.name, self.number, message))
        return self.number

    @handler
    async def busy(self, message: float) -> None:
        await asyncio.sleep(message)

    @handler
    def crash(self, message: Crash) -> None:
        raise Boom(f"crash of {self.name}")

    @handler
    def call(self, message: FunctionType) -> Any:
        return message(self)


class Host(Actor):
    """Starts children as it is told, some of them without a spec, and supervises them."""

    def __init__(
        self, strategy: SupervisionStrategy | None, *children: ChildSpec | tuple[Any, ...]
    ) -> None:
        self.supervision = strategy
        self.first = children

    async def started(self) -> None:
        for one in self.first:
            if isinstance(one, ChildSpec):
                self.context.spawn(one)
            else:
                actor, *args, name = one
                self.context.spawn(actor, *args, name=name)

    @handler
    def call(self, message: FunctionType) -> Any:
        return message(self)

    @handler
    def crash(self, message: Crash) -> None:
        raise Boom("crash of the host")

    @handler
    def tell_children(self, message: Children) -> Sequence[ActorRef[Any]]:
        return tuple(self.context.children)


def life(world: World, name: str, **how: Any) -> ChildSpec:
    """Return the spec of one child."""
    return child(Life, world, name, name=name, **how)


def lives(world: World, names: str, **how: Any) -> Iterator[ChildSpec]:
    """Return specs of children with names of one letter each."""
    return (life(world, name, **how) for name in names)


def states(system: ActorSystem, path: str = "host") -> dict[str, str]:
    """Return the state of each living child of an actor, by name, oldest first."""
    host = next(one for one in system.tree().walk() if one.path.endswith(f"/user/{path}"))
    return {one.name: one.state for one in host.children}


def running(names: str) -> dict[str, str]:
    """Return what `states` says when all of these run."""
    return dict.fromkeys(names, "running")


def found(system: ActorSystem, path: str) -> ActorRef[Any]:
    """Return the ref of a living actor."""
    ref = system.find(path)
    assert ref is not None, f"nobody lives at {path}"
    return ref


@asynccontextmanager
async def hosted(
    strategy: SupervisionStrategy | None, *children: ChildSpec | tuple[Any, ...]
) -> AsyncGenerator[ActorSystem]:
    """Enter a system with a host of these children, a second after it was made."""
    async with CompleteSystem("t") as system:
        system.spawn(Host, strategy, *children, name="host")
        await asyncio.sleep(1.0)
        yield system


async def does(ref: ActorRef[Any], call: Callable[[Any], Any]) -> Any:
    """Run a function in an actor's turn and return what it returns."""
    return await ref.ask(call, timeout=60.0)


def does_later(ref: ActorRef[Any], call: Callable[[Any], Any]) -> None:
    """Have a function run in an actor's turn."""
    ref.tell(call)
