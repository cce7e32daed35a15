"""Small applications of actors, written once for any number of processes.

Each has roles, which say what is spawned where, and a `play` that is run by the role `front`. It
reaches the others by address, by service, or by what messages say; so it is the same program when
all roles are one process and when each is a process of its own.

Run as a program, this is one such process: `small_apps.py SYSTEM URL ROLE`.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable
from typing import Any, Protocol

from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import ListValue
from google.protobuf.wrappers_pb2 import BoolValue, Int64Value, StringValue

from callboard import (
    Actor,
    ActorFailed,
    ActorRef,
    ActorStopped,
    ActorSystem,
    AskTimeout,
    Listing,
    NodeUnreachable,
    ServiceKey,
    Terminated,
    handler,
)

ROLES = ("front", "back", "side")
WORK = ServiceKey[Int64Value]("work")
At = Callable[[str, str], str]
"""Returns the address of an actor from its role's name and its own."""


class App(Protocol):
    """An application."""

    def host(self, system: ActorSystem, role: str) -> None:
        """Spawn what a role has."""
        ...

    async def play(self, system: ActorSystem, at: At) -> None:
        """Do what the application is for, and check it."""
        ...


async def within(seconds: float, true: Callable[[], bool]) -> None:
    """Return as soon as something is true."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.02)


# --- a scribe: order, answers, failures -----------------------------------------------------------


class Scribe(Actor):
    """Writes down what it is told, and reads it out."""

    def __init__(self) -> None:
        self.lines = ListValue()

    @handler
    def line(self, message: Int64Value) -> None:
        """Write down; what is below zero fails."""
        if message.value < 0:
            raise ValueError("below zero")
        self.lines.values.add().number_value = message.value

    @handler
    def read(self, message: Empty) -> ListValue:
        """Read out."""
        return self.lines


class Author(Actor):
    """Tells a scribe a number of lines."""

    def __init__(self, scribe: str) -> None:
        self.scribe = scribe

    @handler
    async def write(self, message: Int64Value) -> ListValue:
        """Tell them all, then ask what was written."""
        scribe = self.context.system.ref(self.scribe)
        for number in range(message.value):
            scribe.tell(Int64Value(value=number))
        return await scribe.ask(Empty(), timeout=10.0, reply_type=ListValue)


class Writing:
    """Per sender and receiver, order is kept; failures come back typed, and restarts are local."""

    def host(self, system: ActorSystem, role: str) -> None:
        """The back has the scribe."""
        if role == "back":
            system.spawn(Scribe, name="scribe")

    async def play(self, system: ActorSystem, at: At) -> None:
        """Two authors at once, then a bad line."""
        authors = [system.spawn(Author, at("back", "scribe")) for _ in range(2)]
        await asyncio.gather(*(each.ask(Int64Value(value=300), timeout=20.0) for each in authors))
        scribe = system.ref(at("back", "scribe"))
        lines = await scribe.ask(Empty(), timeout=20.0, reply_type=ListValue)
        numbers = [int(each.number_value) for each in lines.values]
        assert sorted(numbers) == sorted([*range(300), *range(300)])
        firsts = [number for place, number in enumerate(numbers) if number not in numbers[:place]]
        seconds = [number for place, number in enumerate(numbers) if number in numbers[:place]]
        assert firsts == seconds == list(range(300))
        with contextlib.suppress(ActorFailed):
            await scribe.ask(Int64Value(value=-1), timeout=20.0)
            raise AssertionError("it failed, and that was not said")
        after = await scribe.ask(Empty(), timeout=20.0, reply_type=ListValue)
        assert not after.values, "restarted: its lines were in memory"


# --- a room: refs in messages ---------------------------------------------------------------------


class Room(Actor):
    """Takes guests by their address, and tells all what one says."""

    def __init__(self) -> None:
        self.guests: list[Any] = []

    @handler
    def enter(self, message: StringValue) -> Int64Value:
        """Let a guest in."""
        guest = self.context.system.ref(message.value)
        assert isinstance(guest, ActorRef)
        self.context.watch(guest)
        self.guests.append(guest)
        return Int64Value(value=len(self.guests))

    @handler
    def say(self, message: Int64Value) -> None:
        """Tell everybody but the one who says it."""
        for guest in self.guests:
            if self.context.sender is None or guest.address != self.context.sender.address:
                guest.tell(message)

    @handler
    def left(self, message: Terminated) -> None:
        """A guest is gone."""
        self.guests.remove(message.ref)

    @handler
    def count(self, message: Empty) -> Int64Value:
        """Count the guests."""
        return Int64Value(value=len(self.guests))


class Guest(Actor):
    """Enters a room, says what it is told to say, and keeps what it hears."""

    def __init__(self, room: str) -> None:
        self.room = room
        self.heard = ListValue()

    @handler
    async def go(self, message: BoolValue) -> Int64Value:
        """Enter, or go home."""
        if not message.value:
            self.context.stop(self.context.self_ref)
            return Int64Value()
        here = StringValue(value=self.context.self_ref.address)
        room = self.context.system.ref(self.room)
        return await room.ask(here, timeout=10.0, reply_type=Int64Value)

    @handler
    def say(self, message: StringValue) -> None:
        """Say a number in the room."""
        self.context.system.ref(self.room).tell(Int64Value(value=int(message.value)))

    @handler
    def hear(self, message: Int64Value) -> None:
        """Keep it."""
        self.heard.values.add().number_value = message.value

    @handler
    def tell_all(self, message: Empty) -> ListValue:
        """Tell what it heard."""
        return self.heard


class Talking:
    """Guests of all roles in a room at the back, known to it by address alone."""

    def __init__(self) -> None:
        self._at: At | None = None

    def host(self, system: ActorSystem, role: str) -> None:
        """The back has the room, all have a guest."""
        if role == "back":
            system.spawn(Room, name="room")
        system.spawn(Guest, f"callboard://{system.name}/{back_of(system)}/user/room", name=role)

    async def play(self, system: ActorSystem, at: At) -> None:
        """All enter, one speaks, one leaves."""
        guests = {role: system.ref(at(role, role)) for role in ROLES}
        for guest in guests.values():
            await guest.ask(BoolValue(value=True), timeout=10.0)
        for number in range(50):
            guests["side"].tell(StringValue(value=str(number)))
        for role in ("front", "back"):
            async with asyncio.timeout(10.0):
                while True:
                    heard = await guests[role].ask(Empty(), timeout=20.0, reply_type=ListValue)
                    if len(heard.values) == 50:
                        break
            assert [int(each.number_value) for each in heard.values] == list(range(50))
        own = await guests["side"].ask(Empty(), timeout=20.0, reply_type=ListValue)
        assert not own.values, "the one who speaks is known by its address"
        await guests["side"].ask(BoolValue(value=False), timeout=20.0)
        room = system.ref(at("back", "room"))
        async with asyncio.timeout(10.0):
            while (await room.ask(Empty(), timeout=5.0, reply_type=Int64Value)).value != 2:
                await asyncio.sleep(0.02)
        with contextlib.suppress(ActorStopped):
            await guests["side"].ask(Empty(), timeout=20.0)
            raise AssertionError("it has stopped, and that was not said")


# --- workers: services, watches, work done by whoever is there ---------------------------------


class Worker(Actor):
    """Squares numbers, slowly."""

    async def started(self) -> None:
        """Offer it."""
        self.context.system.receptionist.register(WORK, self.context.self_ref)

    @handler
    async def square(self, message: Int64Value) -> Int64Value:
        """Square a number."""
        await asyncio.sleep(0.005)
        return Int64Value(value=message.value**2)


class Master(Actor):
    """Has all work done by the workers there are, whatever becomes of them meanwhile."""

    def __init__(self) -> None:
        self.workers: dict[Any, None] = {}

    async def started(self) -> None:
        """Hear who works."""
        self.context.system.receptionist.subscribe(WORK, self.context.self_ref)

    @handler
    def listing(self, message: Listing[Any]) -> None:
        """Know them, and watch them."""
        for worker in message.refs:
            if worker not in self.workers:
                self.workers[worker] = None
                self.context.watch(worker)

    @handler
    def gone(self, message: Terminated) -> None:
        """Do without."""
        self.workers.pop(message.ref, None)

    @handler
    async def square_all(self, message: ListValue) -> Int64Value:
        """Have each number squared; the answer is their sum."""
        numbers = [int(each.number_value) for each in message.values]
        results = await asyncio.gather(*(self.square(number) for number in numbers))
        return Int64Value(value=sum(results))

    async def square(self, number: int) -> int:
        """Ask one worker after the other, until one has answered."""
        turn = number
        async with asyncio.timeout(60.0):
            while True:
                workers = self.context.system.receptionist.find(WORK)
                if not workers:
                    await asyncio.sleep(0.05)
                    continue
                turn += 1
                worker = workers[turn % len(workers)]
                try:
                    question = Int64Value(value=number)
                    answer = await worker.ask(question, timeout=10.0, reply_type=Int64Value)
                except (ActorStopped, NodeUnreachable, AskTimeout):
                    continue
                return answer.value


class Working:
    """Workers of two roles; the front finds them by service."""

    numbers = 200

    def host(self, system: ActorSystem, role: str) -> None:
        """The back and the side have two workers each."""
        if role != "front":
            for number in range(2):
                system.spawn(Worker, name=f"{role}-{number}")

    async def play(self, system: ActorSystem, at: At) -> None:
        """All numbers are squared."""
        await within(30.0, lambda: len(system.receptionist.find(WORK)) == 4)
        await self.square_all(system)

    async def square_all(self, system: ActorSystem) -> None:
        """Have the numbers squared by whoever is there."""
        master = system.spawn(Master)
        work = ListValue()
        work.extend(range(self.numbers))
        answer = await master.ask(work, timeout=90.0, reply_type=Int64Value)
        assert answer.value == sum(number**2 for number in range(self.numbers))
        system.stop(master)


# --- a clock: one in all -----------------------------------------------------------------------


class Clock(Actor):
    """Counts; says where it is."""

    def __init__(self) -> None:
        self.ticks = 0

    @handler
    def tick(self, message: Int64Value) -> Int64Value:
        """Count."""
        self.ticks += message.value
        return Int64Value(value=self.ticks)

    @handler
    def where(self, message: Empty) -> StringValue:
        """Say where it is."""
        return StringValue(value=self.context.system.node)


class Has(Actor):
    """Says whether its node runs the clock."""

    @handler
    def look(self, message: Empty) -> BoolValue:
        """Look."""
        return BoolValue(value=self.context.system.find("clock") is not None)


class Counting:
    """A singleton that every role may run, and reaches by the same ref."""

    def host(self, system: ActorSystem, role: str) -> None:
        """All are candidates."""
        system.singleton(Clock, name="clock")
        system.spawn(Has, name=f"has-{role}")

    async def play(self, system: ActorSystem, at: At) -> None:
        """It counts on, since it is one."""
        clock = system.ref(f"callboard://{system.name}/singletons/clock")
        for number in range(1, 21):
            answer = await clock.ask(Int64Value(value=1), timeout=20.0, reply_type=Int64Value)
            assert answer.value == number


APPS: dict[str, Callable[[], App]] = {
    "writing": Writing,
    "talking": Talking,
    "working": Working,
    "counting": Counting,
}


def back_of(system: ActorSystem) -> str:
    """Return the node that plays the back."""
    return system.node if system.node == "solo" else "back"


def host_all(system: ActorSystem, role: str, apps: dict[str, App]) -> None:
    """Spawn what a role has in all applications."""
    for app in apps.values():
        app.host(system, role)


async def main(name: str, url: str, role: str) -> None:
    """Be one role of all applications, until told to end."""
    ended = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, ended.set)
    async with ActorSystem(name, transport=url, node=role) as system:
        host_all(system, role, {key: make() for key, make in APPS.items()})
        print("ready", flush=True)
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
