"""The chat: what each guest says is heard in the order it was said, and once."""

import asyncio
import random

from .. import ActorSystem, Entity, handler
from ..testing.simulation import Simulation
from ._common import ask_all, play, sent, settled
from .v1.scenarios_pb2 import RoomState, Say, Show

ROOMS = ["lobby", "bar", "roof"]
_GUESTS = 3
_SAYINGS = 10


class Room(Entity):
    """Hears what is said in it."""

    state: RoomState
    partitions = 3

    @handler
    def say(self, message: Say) -> None:
        """Hear it."""
        self.state.said.append(message)

    @handler
    def show(self, _: Show) -> RoomState:
        """Tell what was heard."""
        state = RoomState()
        state.CopyFrom(self.state)
        return state


class _Said:
    """What guests know of: by guest and room, the numbers that were accepted."""

    def __init__(self) -> None:
        self.accepted: dict[tuple[str, str], list[int]] = {}

    async def guest(self, system: ActorSystem, name: str, choices: random.Random) -> None:
        """Say numbers in rooms, each after the one before was accepted or given up."""
        for number in range(_SAYINGS):
            room = choices.choice(ROOMS)
            if await sent(system, Room, room, Say(guest=name, number=number)):
                self.accepted.setdefault((name, room), []).append(number)
            await asyncio.sleep(choices.uniform(0.0, 0.4))


async def chat(sim: Simulation) -> None:
    """Three nodes run rooms, three guests talk, and things go wrong meanwhile."""
    said = _Said()
    office = await play(sim, "chat", [Room], [said.guest] * _GUESTS)

    async def look() -> dict[str, RoomState]:
        return await ask_all(sim, office, Room, ROOMS, Show())

    def calm(rooms: dict[str, RoomState]) -> bool:
        return all(
            set(numbers) <= set(_heard(rooms[room], guest))
            for (guest, room), numbers in said.accepted.items()
        )

    rooms = await settled(sim, look, calm)
    for (guest, room), numbers in said.accepted.items():
        heard = _heard(rooms[room], guest)
        assert len(set(heard)) == len(heard), f"{guest} was heard twice in {room}: {heard}"
        assert heard == sorted(heard), f"{guest} was heard out of order in {room}: {heard}"
        lost = sorted(set(numbers) - set(heard))
        assert not lost, f"{guest} was not heard in {room}: {lost}, which were accepted"


def _heard(room: RoomState, guest: str) -> list[int]:
    return [said.number for said in room.said if said.guest == guest]
