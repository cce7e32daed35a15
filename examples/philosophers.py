"""Dining philosophers, without deadlock: python examples/philosophers.py --meals 100 --seed 7."""

import argparse
import asyncio
from dataclasses import dataclass

from callboard import Actor, ActorRef, ActorSystem, handler

NAMES = ("Aristotle", "Confucius", "Descartes", "Hypatia", "Kant")
THINKING, EATING = 0.03, 0.02  # seconds, on average


@dataclass(frozen=True)
class Take:
    """Ask a fork for itself."""


@dataclass(frozen=True)
class Put:
    """Tell a fork that it is free."""


@dataclass(frozen=True)
class Ate:
    """Tell the host of a meal, and how many seconds it was waited for."""

    name: str
    waited: float


class Fork(Actor):
    """Is with one philosopher at a time; the others wait in the order they came."""

    taken = False

    @handler
    def take(self, message: Take) -> None:
        """Answer now, or put message and asker aside."""
        if self.taken:
            self.context.stash()
        self.taken = True

    @handler
    def put(self, message: Put) -> None:
        """Bring those back who wait: the first gets the fork, the others are put aside again."""
        self.taken = False
        self.context.unstash_all()


class Philosopher(Actor):
    """Thinks, takes two forks, eats, puts them back, thinks."""

    def __init__(self, name: str, forks: list[ActorRef[Take | Put]], host: ActorRef[Ate]) -> None:
        self.name, self.forks, self.host = name, forks, host

    async def started(self) -> None:
        """Begin with a thought; a timer leaves the actor free for other mail, such as a stop."""
        self.context.start_timer(
            "thought", self.context.system.random.uniform(0, 2 * THINKING), "hungry"
        )

    @handler
    async def eat(self, message: str) -> None:
        """Have a meal: while this handler waits, everybody else goes on."""
        clock = asyncio.get_running_loop().time
        hungry_since = clock()
        for fork in self.forks:
            await fork.ask(Take(), timeout=60.0)
        waited = clock() - hungry_since
        await asyncio.sleep(self.context.system.random.uniform(0, 2 * EATING))
        for fork in self.forks:
            fork.tell(Put())
        self.host.tell(Ate(self.name, waited))
        await self.started()


class Host(Actor):
    """Counts meals."""

    def __init__(self, meals: int) -> None:
        self.meals, self.eaten = meals, list[Ate]()

    @handler
    def serve(self, message: str) -> None:
        """Answer this ask later: in `count`, at the last meal."""
        self.reply = self.context.defer_reply()

    @handler
    def count(self, message: Ate) -> None:
        """Count a meal."""
        self.eaten.append(message)
        if len(self.eaten) == self.meals:
            self.reply.send(tuple(self.eaten))


async def main(meals: int = 100, seed: int = 7) -> None:
    """Give a dinner and print who ate how often, and waited how long."""
    async with ActorSystem("dinner", seed=seed) as system:
        host = system.spawn(Host, meals, name="host")
        forks = [system.spawn(Fork, name=f"fork-{number}") for number in range(len(NAMES))]
        for number, name in enumerate(NAMES):
            # The lower number first, by all: if each began on its left, all could wait for ever.
            first, second = sorted((number, (number + 1) % len(NAMES)))
            system.spawn(Philosopher, name, [forks[first], forks[second]], host, name=name)
        eaten: tuple[Ate, ...] = await host.ask("dinner", timeout=60.0 + meals)

    print(f"{'philosopher':<12} {'meals':>5} {'longest wait':>13}")
    for name in NAMES:
        waits = [meal.waited * 1000 for meal in eaten if meal.name == name]
        print(f"{name:<12} {len(waits):>5} {max(waits, default=0.0):>10.0f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--meals", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    asyncio.run(main(**vars(parser.parse_args())))
