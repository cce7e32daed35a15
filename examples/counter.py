"""A counter that crashes: what survives a restart, and what does not.

python examples/counter.py
"""

import asyncio
from dataclasses import dataclass

from callboard import (
    Accepts,
    Actor,
    ActorFailed,
    ActorRef,
    ActorSystem,
    configure_logging,
    handler,
)
from callboard.supervision import Backoff, Children, OneForOne, Supervisor, child


@dataclass(frozen=True)
class Add:
    """Add to the count; adding nothing is a bug of the sender, and crashes the counter."""

    number: int


@dataclass(frozen=True)
class Total:
    """Ask for the count."""


class Counter(Actor, Accepts[Add | Total]):
    """Counts in an attribute, from where its constructor says."""

    def __init__(self, start: int) -> None:
        self.total = start

    async def started(self) -> None:
        """Say so: this runs before the first message of each new instance."""
        print(f"  counter: started with {self.total} (restart {self.context.restarts})")

    async def stopped(self) -> None:
        """Say so: this runs when an instance is given up, here after it crashed."""
        print(f"  counter: stopped at {self.total}")

    @handler
    def add(self, message: Add) -> None:
        """Add, or crash. There is no `try` here: what to do about it is not the counter's job."""
        if message.number == 0:
            raise ValueError("nothing to add")
        self.total += message.number
        print(f"  counter: + {message.number} = {self.total}")

    @handler
    def tell_total(self, message: Total) -> int:
        """Answer with the count."""
        del message
        return self.total


# At most 3 restarts in 5 seconds, the first after 50 ms. One more, and the supervisor fails itself.
STRATEGY = OneForOne(max_restarts=3, within=5.0, backoff=Backoff(0.05, 1.0))


async def main() -> None:
    """Let it crash with mail in its mailbox."""
    async with ActorSystem("counting") as system:
        desk = system.spawn(
            Supervisor, child(Counter, 100, name="counter"), strategy=STRATEGY, name="desk"
        )
        counter: ActorRef[Add | Total]
        (counter,) = await desk.ask(Children(), timeout=1.0)

        for number in (1, 2):
            counter.tell(Add(number))
        print("total:", await counter.ask(Total(), timeout=1.0, reply_type=int))

        print("a message that crashes it, and two behind it in the mailbox:")
        for number in (0, 10, 20):
            counter.tell(Add(number))
        # The same ref, and after those two: messages of one sender to one actor keep their order.
        print("total:", await counter.ask(Total(), timeout=1.0, reply_type=int))

        print("an ask that crashes it is told so at once:")
        try:
            await counter.ask(Add(0), timeout=1.0)
        except ActorFailed as error:
            print(f"  main: {error.error_type}: {error.error_message}")
        print("total:", await counter.ask(Total(), timeout=1.0, reply_type=int))


if __name__ == "__main__":
    configure_logging("critical")  # each crash is logged with its traceback; here they are told of
    asyncio.run(main())
