"""The orders: a topic is handled by a function, a route and batches, as their page promises."""

import asyncio
import random

from .. import (
    ActorSystem,
    ConsumerContext,
    ConsumerOptions,
    Entity,
    Publisher,
    Quarantine,
    Retry,
    Skip,
    handler,
)
from ..actors import CallboardError
from ..schemas import Message
from ..supervision import Backoff, RetryPolicy
from ..testing.simulation import Machine, Simulation, broker, node
from ._common import NODES, settled
from ._orders_check import amiss
from ._orders_log import BILLS, FLAKY_SUCCEEDS, ORDERS, PARTITIONS, SYSTEM, holder
from ._orders_watch import Watch
from .v1.scenarios_pb2 import Bill, BookState, Count, Order, Scrap, Ship, Trouble

CUSTOMERS = {
    "ann": None,
    "bob": Trouble.UNBILLABLE,
    "cat": Trouble.UNCOUNTABLE,
    "dan": Trouble.UNPAYABLE,
    "fay": None,
    "ida": Scrap,
}
"""By customer: what is among the orders that is fatal to somebody."""

_SOME = (*[Trouble.NONE] * 4, *[Trouble.SLOW] * 2, *[Trouble.FLAKY] * 2, Trouble.UNWANTED)
_PRODUCTS = ("ink", "pen")
_EACH = 10
_PATIENCE = 400.0
_HASTE = 2.0
"""Whoever has heard nothing for as long writes again."""

_OPTIONS = ConsumerOptions(
    retry=RetryPolicy(max_attempts=3, backoff=Backoff(0.05, 0.4)),
    concurrency=4,
    timeout=120.0,
    max_in_flight=12,
    batch_size=4,
    partitions=PARTITIONS,
)


class Book(Entity):
    """Keeps what became of the orders of a customer, or of a product."""

    state: BookState
    partitions = 2

    @handler
    def bill(self, message: Bill) -> None:
        """Keep that an order was billed."""
        self.state.billed.append(message.order)

    @handler
    def ship(self, message: Ship) -> None:
        """Keep that it was shipped."""
        self.state.shipped.append(f"{message.customer}-{message.number}")

    @handler
    def count(self, message: Count) -> None:
        """Keep that it was counted."""
        self.state.counted.append(message.order)


class _Shop:
    """Customers and what they order, and the consumers of the orders."""

    def __init__(self, sim: Simulation) -> None:
        self.watch = Watch(sim)
        self.orders = {name: _drawn(sim.seed, name) for name in CUSTOMERS}
        self.accepted = dict.fromkeys(CUSTOMERS, 0)
        """So many of each customer's were acknowledged; they go on from there."""
        self.others_flow = False
        self._seed = sim.seed
        self._lives = 0

    # -- who orders -------------------------------------------------------------------

    async def order(self, system: ActorSystem) -> None:
        """Write what all customers order; what nobody knows the fate of is written again."""
        self._lives += 1
        publisher = system.publisher(ORDERS, Message, key="customer", partitions=PARTITIONS)
        async with asyncio.TaskGroup() as group:
            for name in CUSTOMERS:
                choices = random.Random(f"{name} {self._lives} {self._seed}")
                group.create_task(self._customer(name, publisher, choices))

    async def _customer(
        self, name: str, publisher: Publisher[Message], choices: random.Random
    ) -> None:
        while True:
            first = self.accepted[name]
            some = self.orders[name][first : first + choices.choice((1, 1, 2, 4))]
            try:
                async with asyncio.timeout(_HASTE):
                    if len(some) == 1:
                        await publisher.send(some[0])
                    else:
                        await publisher.send_all(some)
            except (CallboardError, TimeoutError):
                pass
            else:
                self.accepted[name] += len(some)
            await asyncio.sleep(choices.uniform(0.05, 1.2))

    def all_accepted(self) -> bool:
        """Tell whether all that was ordered so far is acknowledged."""
        return all(self.accepted[name] == len(self.orders[name]) for name in CUSTOMERS)

    # -- who handles it -----------------------------------------------------------------

    def declare(self, system: ActorSystem) -> None:
        """Declare what each node does with orders, and with the bills they lead to."""
        system.publisher(BILLS, Bill, key="customer", partitions=PARTITIONS)
        system.consumer(ORDERS, options=_OPTIONS)(self.bill)
        system.consumer(BILLS, to=Book, options=_OPTIONS)(self.enter)
        system.consumer(ORDERS, to=Book, key="holder", options=_OPTIONS)(ship)
        system.consumer(ORDERS, options=_OPTIONS)(self.count)

    async def bill(self, order: Order, context: ConsumerContext) -> None:
        """Publish a bill, and only then look what is wrong: what failed must not leave."""
        with self.watch.call("bill", context):
            if order.trouble == Trouble.SLOW:
                await asyncio.sleep(0.2 * (order.number % 4))
            context.publish(
                BILLS,
                Bill(
                    order=_place(context),
                    customer=order.customer,
                    trouble=order.trouble,
                    attempt=context.attempt,
                ),
            )
            if order.trouble == Trouble.UNWANTED:
                raise Skip
            if order.trouble == Trouble.UNBILLABLE:
                raise ValueError("nobody can bill this")
            if order.trouble == Trouble.FLAKY and context.attempt < FLAKY_SUCCEEDS:
                raise Retry(after=0.1)
            while order.trouble == Trouble.STUCK and not self.others_flow:  # noqa: ASYNC110 - an event is of one machine
                await asyncio.sleep(0.05)
        if order.customer == "fay" and order.number == _EACH:
            self.others_flow = True

    async def enter(self, bill: Bill, context: ConsumerContext) -> Bill:
        """Enter a bill into the customer's book."""
        with self.watch.call("enter", context):
            if bill.trouble == Trouble.SLOW:
                await asyncio.sleep(0.15)
            if bill.trouble == Trouble.UNPAYABLE:
                raise Quarantine("nobody can pay this")
            if bill.trouble == Trouble.FLAKY and context.attempt < FLAKY_SUCCEEDS:
                raise ValueError("the ink has dried")
            return bill

    async def count(self, orders: list[Order], context: ConsumerContext) -> None:
        """Count orders, as many at a time as there are."""
        with self.watch.call("count", context):
            if any(order.trouble == Trouble.SLOW for order in orders):
                await asyncio.sleep(0.3)
            for order, record in zip(orders, context.records, strict=True):
                place = f"{record.topic}/{record.partition}/{record.offset}"
                context.entity(Book, order.customer).tell(Count(order=place))
            if any(order.trouble == Trouble.UNCOUNTABLE for order in orders):
                raise ValueError("nobody can count this")
            flaky = any(order.trouble == Trouble.FLAKY for order in orders)
            if flaky and context.attempt < 2:
                raise ValueError("lost count")


def ship(order: Order) -> Ship | None:
    """Make a command of an order, unless nobody wants it."""
    if order.trouble == Trouble.UNWANTED:
        return None
    return Ship(holder=holder(order), customer=order.customer, number=order.number)


async def orders(sim: Simulation) -> None:
    """Three nodes handle what customers order, things go wrong meanwhile, and nothing is lost."""
    await broker(sim).until_ready(5.0)
    shop = _Shop(sim)
    nodes = [
        node(sim, f"{SYSTEM}-{n}", system=SYSTEM, entities=[Book], declare=shop.declare)
        for n in range(NODES)
    ]
    office = node(sim, "office", system=SYSTEM, run=shop.order)
    sim.invariant(shop.watch.check)
    sim.faults([*nodes, office], during=8.0, most=9)
    await sim.until(shop.all_accepted, "all orders are acknowledged", _PATIENCE)
    await sim.recovered()
    await _others_flow(sim, shop)
    await _to_the_end(sim, shop, nodes)


async def _others_flow(sim: Simulation, shop: _Shop) -> None:
    """While a function waits with one key, another key of its partition goes on."""
    for name, trouble in (("ann", Trouble.STUCK), ("fay", Trouble.NONE)):
        last = Order(customer=name, number=_EACH, product=_PRODUCTS[0], trouble=trouble)
        shop.orders[name].append(last)
        await sim.until(shop.all_accepted, "one more order is acknowledged", _PATIENCE)
    await sim.until(lambda: shop.others_flow, "other keys flow while one waits", 60.0)


async def _to_the_end(sim: Simulation, shop: _Shop, nodes: list[Machine[ActorSystem]]) -> None:
    """Kill all nodes and start them anew, and look whether what is in the log is right."""
    for each in nodes:
        sim.crash(each)
        sim.restart(each)

    async def look() -> list[str]:
        await asyncio.sleep(0)
        return amiss(sim, shop.accepted)

    found = await settled(sim, look, lambda seen: not seen)
    if not found:
        await sim.sleep(3.0)  # what comes twice would come now
        found = amiss(sim, shop.accepted)
    assert not found, "; ".join(found)


def _place(context: ConsumerContext) -> str:
    record = context.record
    return f"{record.topic}/{record.partition}/{record.offset}"


def _drawn(seed: int, name: str) -> list[Message]:
    """Return what a customer orders, with one that is fatal among the others, if any is."""
    choices = random.Random(f"orders of {name} {seed}")
    fatal, at = CUSTOMERS[name], choices.randint(2, 6)
    found: list[Message] = []
    for number in range(_EACH):
        if number == at and fatal is Scrap:
            found.append(Scrap(customer=name, number=number))
            continue
        trouble = choices.choice(_SOME)
        if number == at and isinstance(fatal, int):
            trouble = fatal
        product = choices.choice(_PRODUCTS)
        found.append(Order(customer=name, number=number, product=product, trouble=trouble))
    return found
