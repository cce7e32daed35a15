"""Random trees of actors under random trouble, in virtual time: what must hold whatever happens."""

import asyncio
import random
from collections import defaultdict
from typing import Any

import pytest

from callboard import (
    Actor,
    ActorRef,
    ActorSystem,
    CallboardError,
    DeadLetter,
    MailboxOptions,
    Terminated,
    handler,
)
from callboard.actors import ActorSystem as CoreSystem
from callboard.supervision import Backoff, Directive, OneForOne


class World:
    """What the actors of one run share, and what they record."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.refs: list[ActorRef[Any]] = []
        self.handled: dict[tuple[str, str], list[int]] = defaultdict(list)
        self.busy: set[int] = set()
        self.trace: list[Any] = []


class Trouble(Exception):  # noqa: N818 - short
    """Raised at random."""


class Node(Actor):
    """Does something random on each message, and checks that it does one thing at a time."""

    supervision = OneForOne(
        max_restarts=1_000,
        backoff=Backoff(0.0, 0.2, jitter=0.5),
        decider={KeyError: Directive.RESUME, OSError: Directive.STOP},
    )

    def __init__(self, world: World) -> None:
        self.world = world

    async def started(self) -> None:
        if self.world.random.random() < 0.1:
            raise Trouble

    async def stopped(self) -> None:
        await asyncio.sleep(self.world.random.random() * 0.1)

    @handler
    async def work(self, message: tuple) -> int:  # type: ignore[type-arg]
        sender: str = message[0]
        number: int = message[1]
        world, chance = self.world, self.world.random
        assert id(self.context) not in world.busy
        world.busy.add(id(self.context))
        world.handled[sender, str(self.context.path)].append(number)
        try:
            kind = chance.random()
            if kind < 0.1:
                await asyncio.sleep(chance.random())
            elif kind < 0.2:
                world.refs.append(self.context.spawn(Node, world))
            elif kind < 0.25 and self.context.children:
                self.context.stop(chance.choice(self.context.children))
            elif kind < 0.3:
                self.context.watch(chance.choice(world.refs))
            elif kind < 0.4:
                error: type[Exception] = chance.choice([Trouble, KeyError, OSError])
                raise error
            elif kind < 0.45:
                await chance.choice(world.refs).ask(("inside", 0), timeout=chance.random())
        finally:
            world.busy.discard(id(self.context))
        return number

    @handler
    def plain(self, message: int) -> int:
        if message % 7 == 0:
            raise Trouble
        return message

    @handler
    def gone(self, message: Terminated) -> None:
        self.world.trace.append(str(message.ref.path))


async def live(seed: int) -> World:
    """Run one world to its end, checking what must hold."""
    world = World(seed)
    loop = asyncio.get_running_loop()
    system: CoreSystem = ActorSystem("w", seed=seed, node="n", shutdown_timeout=3.0)
    # Top-level actors are judged leniently too, so that the system itself lives on.
    system.default_supervision = lambda: Node.supervision  # type: ignore[method-assign]
    outcomes: list[Any] = []

    async def sender(name: str) -> None:
        for number in range(40):
            ref, verb = world.random.choice(world.refs), world.random.random()
            try:
                if verb < 0.4:
                    ref.tell((name, number))
                elif verb < 0.7:
                    async with asyncio.timeout(1.0):
                        await ref.send((name, number))
                elif verb < 0.8:
                    ref.tell(number)
                else:
                    before = loop.time()
                    try:
                        outcomes.append(await ref.ask((name, number), timeout=0.5))
                    finally:
                        assert loop.time() - before <= 0.5 + 1e-9
            except (CallboardError, TimeoutError) as error:
                outcomes.append(type(error).__name__)

    async with system:
        dead: list[DeadLetter] = []
        system.events.subscribe(DeadLetter, dead.append)
        for bound in (None, 1, 3):
            options = MailboxOptions(bound, world.random.choice(["wait", "fail", "drop_oldest"]))
            world.refs.append(system.spawn(Node, world, mailbox=options))
        await asyncio.gather(*(sender(name) for name in "abc"))
        assert system.statistics().dead_letters == len(dead)
        if world.random.random() < 0.3:
            system.terminate()
    statistics = system.statistics()
    assert statistics.actors == 0
    assert statistics.dispatcher.runners == 0
    assert statistics.asks == 0
    for numbers in (
        numbers for (sender_name, _), numbers in world.handled.items() if sender_name in "abc"
    ):
        # Order kept, and none twice.
        assert numbers == sorted(set(numbers))
    world.trace += [loop.time(), outcomes, dict(world.handled)]
    return world


@pytest.mark.parametrize("seed", range(25))
def test_whatever_happens_order_holds_and_all_end(
    seed: int, virtually: Any, logged: list[Any]
) -> None:
    """Per sender, order and at-most-once hold; every ask ends in time; nothing is left behind."""
    first = virtually(live(seed))
    again = virtually(live(seed))
    assert first.trace == again.trace  # and the same seed is the same life


def test_seeds_differ(virtually: Any, logged: list[Any]) -> None:
    """Some seeds lead to different lives."""
    assert len({repr(virtually(live(seed)).trace) for seed in range(5)}) > 1
