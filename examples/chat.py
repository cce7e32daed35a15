"""A chat room: found by its service key, joined by users, and left when they stop.

python examples/chat.py
"""

import asyncio
from dataclasses import dataclass

from callboard import Accepts, Actor, ActorRef, ActorSystem, ServiceKey, Terminated, handler
from callboard.supervision import child


@dataclass(frozen=True)
class Join:
    """Take me in, under this name."""

    name: str
    user: "ActorRef[Said]"


@dataclass(frozen=True)
class Say:
    """Say this to all."""

    name: str
    text: str


@dataclass(frozen=True)
class Said:
    """Somebody said something."""

    name: str
    text: str


LOBBY: ServiceKey[Join | Say] = ServiceKey("lobby")


class Room(Actor, Accepts[Join | Say]):
    """Passes on what is said to all who are there, and notices who goes."""

    def __init__(self) -> None:
        self.users: dict[str, ActorRef[Said]] = {}

    async def started(self) -> None:
        """Be found."""
        self.context.system.receptionist.register(LOBBY, self.context.self_ref, unique=True)

    @handler
    def join(self, message: Join) -> None:
        """Take somebody in, and be told when it stops."""
        self.users[message.name] = message.user
        self.context.watch(message.user)
        self.tell_all(Said("room", f"{message.name} joined"))

    @handler
    def say(self, message: Say) -> None:
        """Pass it on. Each user gets what one sender said in the order it was said."""
        self.tell_all(Said(message.name, message.text))

    @handler
    def gone(self, message: Terminated) -> None:
        """Take somebody off."""
        (name,) = [name for name, ref in self.users.items() if ref == message.ref]
        del self.users[name]
        self.tell_all(Said("room", f"{name} left"))

    def tell_all(self, said: Said) -> None:
        """Tell everybody."""
        for user in self.users.values():
            user.tell(said)


class User(Actor, Accepts[Said | str]):
    """Joins the lobby, says what it is told to, and writes down what it hears."""

    def __init__(self, name: str, heard: list[str]) -> None:
        self.name, self.heard = name, heard

    async def started(self) -> None:
        """Find the room by its key, not by its path."""
        (self.room,) = self.context.system.receptionist.find(LOBBY)
        self.room.tell(Join(self.name, self.context.self_ref))

    @handler
    def hear(self, message: Said) -> None:
        """Write it down."""
        self.heard.append(f"{message.name}: {message.text}")

    @handler
    def speak(self, message: str) -> None:
        """Say it."""
        self.room.tell(Say(self.name, message))


async def main() -> dict[str, list[str]]:
    """Three users meet, talk, and one leaves early."""
    heard: dict[str, list[str]] = {"ada": [], "grace": [], "edsger": []}
    async with ActorSystem("chat", tree=[child(Room, name="lobby", restart="transient")]) as system:
        await asyncio.sleep(0.05)
        users = {name: system.spawn(User, name, lines, name=name) for name, lines in heard.items()}
        await asyncio.sleep(0.05)
        for number in (1, 2):
            users["ada"].tell(f"line {number}")
        await asyncio.sleep(0.05)
        system.stop(users["edsger"])
        await asyncio.sleep(0.05)
        users["grace"].tell("bye")
        await asyncio.sleep(0.05)
        system.stop(system.receptionist.find(LOBBY)[0])  # before all others go, and it is told
    return heard


if __name__ == "__main__":
    for who, lines in asyncio.run(main()).items():
        print(f"{who} heard\n  " + "\n  ".join(lines))
