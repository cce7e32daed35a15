"""Orders from a topic: entities that add up, a function that mails, and a bad one put aside.

python examples/orders.py
"""

import asyncio
from collections.abc import Iterator

from google.protobuf.wrappers_pb2 import Int64Value
from pydantic import BaseModel

from callboard import ActorSystem, ConsumerContext, Entity, FailureEvent, configure_logging, handler
from callboard.supervision import Backoff, RetryPolicy


class Order(BaseModel):
    """What another team writes to the topic, as JSON."""

    order_id: int
    customer: str
    cents: int


class Mail(BaseModel):
    """What we write to a topic of ours."""

    to: str
    text: str


class Customer(Entity):
    """Knows how much a customer has spent, through every crash, each order once."""

    state: Int64Value

    @handler
    def spent(self, message: Int64Value) -> Int64Value:
        """Add to it, and answer with the sum."""
        self.state.value += message.value
        return self.state


system = ActorSystem("shop", transport="memory://", node="one")
orders = system.publisher("orders.placed", Order, key="customer")
mails = system.publisher("mails", Mail, key="to")
FEW = RetryPolicy(max_attempts=2, backoff=Backoff(0.01, 0.1))


@system.consumer("orders.placed", to=Customer, key="customer")
def spending(order: Order) -> Int64Value | None:
    """Turn the event into a command for its customer; a free order is none of its business."""
    return Int64Value(value=order.cents) if order.cents > 0 else None


@system.consumer("orders.placed", retry=FEW)
async def confirm(order: Order, context: ConsumerContext) -> None:
    """Write a mail for each order, if and when this function has succeeded."""
    text = f"order {order.order_id}: {order.cents / 100:.2f}"
    context.publish("mails", Mail(to=order.customer, text=text))
    if order.cents < 0:
        raise ValueError(f"order {order.order_id} costs {order.cents}")


sent: list[str] = []
mailed = asyncio.Event()


@system.consumer("mails")
def post(batch: list[Mail]) -> None:
    """Take the mails as many at a time as there are."""
    sent.extend(mail.to for mail in batch)
    if len(sent) == 24:  # ada's, edsger's, and grace's first four; the fifth holds up the rest
        mailed.set()


def placed() -> Iterator[Order]:
    """Yield the orders of a morning; one of Grace's cannot be right."""
    for number in range(30):
        customer = ("ada", "grace", "edsger")[number % 3]
        yield Order(order_id=number, customer=customer, cents=-1 if number == 13 else number * 10)


async def main() -> None:
    """Place the orders, and look at what became of them."""
    configure_logging("error")
    async with system:
        aside: asyncio.Future[FailureEvent] = asyncio.get_running_loop().create_future()

        def failed(event: FailureEvent) -> None:
            if event.decision == "quarantine":
                aside.set_result(event)

        system.events.subscribe(FailureEvent, failed)
        await orders.send_all(placed())
        async with asyncio.timeout(20):
            event = await aside
            await mailed.wait()
        for name in ("ada", "grace", "edsger"):
            spent = await system.entity(Customer, name).ask(Int64Value(), timeout=5.0)
            print(f"{name}: {sent.count(name)} mails, spent {spent.value / 100:.2f}")
        print(f"put aside after {event.attempt} attempts: {event.error}")


if __name__ == "__main__":
    asyncio.run(main())
