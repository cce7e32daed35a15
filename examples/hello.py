"""Say hello: an actor of a class, an actor of a function, and the three ways to reach them.

python examples/hello.py
"""

import asyncio
from dataclasses import dataclass

from callboard import Accepts, Actor, ActorContext, ActorRef, ActorSystem, actor, handler


@dataclass(frozen=True)
class Hello:
    """A message: any object will do, and a frozen dataclass does well."""

    name: str


@dataclass(frozen=True)
class HowMany:
    """A question, answered with an int."""


class Greeter(Actor, Accepts[Hello | HowMany]):
    """Greets, and counts.

    `Accepts` is for type checkers: `spawn(Greeter, ...)` gives an `ActorRef[Hello | HowMany]`.
    """

    def __init__(self, greeting: str) -> None:
        self.greeting = greeting
        self.greeted = 0  # no lock: an actor handles one message at a time

    @handler
    def hello(self, message: Hello) -> str:
        """Greet; what a handler returns answers whoever asked."""
        self.greeted += 1
        text = f"{self.greeting}, {message.name}"
        print(f"greeter: {text}")
        return text

    @handler
    def how_many(self, message: HowMany) -> int:
        """Answer with the number of greetings so far."""
        del message  # it says all by its class
        return self.greeted


@actor
async def shouter(context: ActorContext, message: Hello, greeter: ActorRef[Hello]) -> str:
    """Ask the greeter, and say it louder: an actor that keeps nothing can be a function."""
    text = await greeter.ask(message, timeout=1.0, reply_type=str)
    return f"{text.upper()}! (says {context.path.name})"


async def main() -> None:
    """Run the system; leaving the block stops its actors, the newest first."""
    async with ActorSystem("hello") as system:
        greeter = system.spawn(Greeter, "Good evening", name="greeter")

        greeter.tell(Hello("Ada"))  # fire and forget: nothing has happened yet
        print("main: told")
        await greeter.send(Hello("Grace"))  # it is in the mailbox
        print("main: sent")
        text = await greeter.ask(Hello("Edsger"), timeout=1.0, reply_type=str)
        print(f"main: asked, and the answer is {text!r}")

        loud = system.spawn(shouter, greeter, name="shouter")  # the function's other argument
        print("main:", await loud.ask(Hello("Barbara"), timeout=1.0, reply_type=str))

        count = await greeter.ask(HowMany(), timeout=1.0, reply_type=int)
        print(f"main: {count} greetings")


if __name__ == "__main__":
    asyncio.run(main())
