"""The poison: a message nobody survives stops its own key, in order, and no other."""

import asyncio
import random

from .. import ActorSystem, Entity, handler
from ..supervision import Backoff, RetryPolicy
from ..testing.simulation import Machine, Simulation
from ..transport.broker import Broker
from ._common import ask_all, play, sent, settled
from .v1.scenarios_pb2 import Put, ShelfState, Show

SHELVES = ["a", "b", "c", "d"]
_POISONED = "c"
_PUTS = 14
_BAD = 6
_SYSTEM = "poison"


class Shelf(Entity):
    """Keeps numbers; a bad one makes it fail, however often it is tried."""

    state: ShelfState
    partitions = 2
    policy = RetryPolicy(max_attempts=2, backoff=Backoff(0.05, 0.2))

    @handler
    def put(self, message: Put) -> None:
        """Keep a number, and only then look whether it is bad: what failed must not stay."""
        self.state.numbers.append(message.number)
        if message.bad:
            raise ValueError(f"{message.number} is poison")

    @handler
    def show(self, _: Show) -> ShelfState:
        """Tell what it keeps."""
        state = ShelfState()
        state.CopyFrom(self.state)
        return state


class _Given:
    """What was accepted, by shelf."""

    def __init__(self) -> None:
        self.accepted: dict[str, list[int]] = {shelf: [] for shelf in SHELVES}

    async def clerk(self, system: ActorSystem, name: str, choices: random.Random) -> None:
        """Put numbers on one shelf, in order; on the poisoned one, a bad one among them."""
        shelf = SHELVES[int(name[1:])]
        for number in range(_PUTS):
            bad = shelf == _POISONED and number == _BAD
            if await sent(system, Shelf, shelf, Put(number=number, bad=bad)):
                self.accepted[shelf].append(number)
            await asyncio.sleep(choices.uniform(0.0, 0.5))


async def poison(sim: Simulation) -> None:
    """Three nodes run shelves, one of which is poisoned, and things go wrong meanwhile."""
    given = _Given()
    office = await play(sim, _SYSTEM, [Shelf], [given.clerk] * len(SHELVES))
    healthy = [shelf for shelf in SHELVES if shelf != _POISONED]

    async def look() -> dict[str, ShelfState]:
        return await ask_all(sim, office, Shelf, healthy, Show())

    def calm(shelves: dict[str, ShelfState]) -> bool:
        done = all(set(given.accepted[s]) <= set(shelves[s].numbers) for s in healthy)
        return done and set(_after(given)) <= set(_parked(sim))

    shelves = await settled(sim, look, calm)
    for shelf in healthy:
        kept = list(shelves[shelf].numbers)
        assert kept == sorted(set(kept)), f"shelf {shelf} has {kept}, not each once and in order"
        lost = sorted(set(given.accepted[shelf]) - set(kept))
        assert not lost, f"shelf {shelf} lost {lost}, which were accepted"
    parked = _parked(sim)
    distinct = list(dict.fromkeys(parked))
    assert distinct == sorted(distinct), f"quarantined out of order: {parked}"
    assert not [n for n in parked if n < _BAD], f"quarantined without need: {parked}"
    lost = sorted(set(_after(given)) - set(parked))
    assert not lost, f"accepted, and neither applied nor in quarantine: {lost}"


def _after(given: _Given) -> list[int]:
    """Return what must be in quarantine: the bad one and all that stood behind it."""
    accepted = given.accepted[_POISONED]
    return [number for number in accepted if number >= _BAD] if _BAD in accepted else []


def _parked(sim: Simulation) -> list[int]:
    machine: Machine[Broker] = sim.machines["broker"]
    topic = f"{_SYSTEM}.Shelf.quarantine"
    broker = machine.value
    if topic not in broker.topic_names():
        return []
    numbers: list[int] = []
    for index in range(len(broker.partitions(topic))):
        for record in broker.records(topic, index):
            if record.key == _POISONED.encode() and record.value is not None:
                put = Put()
                put.ParseFromString(record.value)
                numbers.append(put.number)
    return numbers
