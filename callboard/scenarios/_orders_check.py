"""What must be so when all orders have been handled: what `docs/consumers.md` promises."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ..testing.simulation import Simulation
from ._common import states
from ._orders_log import (
    BILLS,
    FLAKY_SUCCEEDS,
    ORDERS,
    SYSTEM,
    Line,
    by_key,
    holder,
    lines,
    once,
    quarantined,
    split,
)
from .v1.scenarios_pb2 import BookState, Order, Trouble


def amiss(sim: Simulation, accepted: Mapping[str, int]) -> list[str]:
    """Return what is not as it must be in the end.

    The topics are the truth: whatever stands in them must have been handled, however it came there.

    Args:
        sim: The simulation.
        accepted: How many orders of each customer were acknowledged.
    """
    seen = _Seen(sim)
    for customer, count in accepted.items():
        seen.written(customer, count)
        seen.billed(customer)
        seen.entered(customer)
        seen.counted(customer)
        seen.shipped(customer)
    seen.shipped_as_products()
    seen.put_aside(sim)
    return seen.amiss


class _Seen:
    """What topics, books and quarantines hold, compared with what they must."""

    def __init__(self, sim: Simulation) -> None:
        self.amiss: list[str] = []
        self._books = {
            name: BookState.FromString(raw) for name, raw in states(sim, f"{SYSTEM}.Book").items()
        }
        self._orders = by_key(lines(sim, ORDERS), lambda line: line.key)
        self._bills = by_key(lines(sim, BILLS), lambda line: line.key)
        self._aside: dict[str, list[Line]] = {}
        self._products: dict[tuple[str, int], list[Line]] = {}

    def written(self, customer: str, accepted: int) -> None:
        """What was acknowledged is in the topic, and of each the first in their order."""
        numbers = list(dict.fromkeys(line.message.number for line in self._of(customer)))
        self._same(f"orders of {customer}", numbers, list(range(accepted)))

    def billed(self, customer: str) -> None:
        """Each order was handled, and led to one bill, which may have been published again."""
        good = self._survived("bill", self._of(customer))
        wanted = [line.place for line in good if line.message.trouble != Trouble.UNWANTED]
        bills = self._bills.get(customer, [])
        has = [line.message.order for line in once(bills)]
        self._same(f"bills of {customer}", has, wanted)
        pairs = {(line.id, line.message.order) for line in bills}
        if len(pairs) > len({id_ for id_, _ in pairs}):
            self.amiss.append(f"bills of {customer} share an id: {sorted(pairs)}")
        for line in bills:
            bill = line.message
            if bill.trouble == Trouble.FLAKY and bill.attempt < FLAKY_SUCCEEDS:
                self.amiss.append(f"{line.place} was published by a call that failed")

    def entered(self, customer: str) -> None:
        """Each bill is in the book once, in order, however often it was published.

        It has the id it was published with, since the record's key is the book's id.
        """
        good = self._survived("enter", self._bills.get(customer, []))
        wanted = [line.message.order for line in once(good)]
        self._same(f"bills in the book of {customer}", list(self._book(customer).billed), wanted)

    def counted(self, customer: str) -> None:
        """Each order is in the book at least once, and the first of each in order."""
        good = self._survived("count", self._of(customer))
        counted = list(dict.fromkeys(self._book(customer).counted))
        self._same(f"counted of {customer}", counted, [line.place for line in good])

    def shipped(self, customer: str) -> None:
        """Each shipment is in the customer's book once, in order; what was written twice, too."""
        own: list[Line] = []
        for line in self._of(customer):
            order = line.message
            wanted = isinstance(order, Order) and order.trouble != Trouble.UNWANTED
            if wanted and holder(order) != customer:
                self._products.setdefault((holder(order), line.partition), []).append(line)
            else:
                own.append(line)
        good = self._survived("ship", own)
        kept = once(line for line in good if line.message.trouble != Trouble.UNWANTED)
        has = list(self._book(customer).shipped)
        self._same(f"shipped to {customer}", has, [_shipment(line) for line in kept])

    def shipped_as_products(self) -> None:
        """Each record's shipment is in the product's book once, those of a partition in order."""
        for (product, partition), some in self._products.items():
            some.sort(key=lambda line: line.offset)
            customers = {line.message.customer for line in some}
            shipped = self._book(product).shipped
            has = [each for each in shipped if each.split("-")[0] in customers]
            what = f"shipped as {product} from partition {partition}"
            self._same(what, has, [_shipment(line) for line in some])

    def put_aside(self, sim: Simulation) -> None:
        """In quarantine are the fatal messages and those behind them, and nothing else."""
        for consumer, some in self._aside.items():
            has, wanted = quarantined(sim, consumer), [line.place for line in some]
            self._same(f"in the quarantine of {consumer}", sorted(has), sorted(wanted))

    def _of(self, customer: str) -> list[Line]:
        return self._orders.get(customer, [])

    def _book(self, name: str) -> BookState:
        return self._books.get(name) or BookState()

    def _survived(self, consumer: str, some: list[Line]) -> list[Line]:
        """Return the lines of one key that a consumer survives; the others are put aside."""
        good, bad = split(consumer, some)
        self._aside.setdefault(consumer, []).extend(bad)
        return good

    def _same(self, what: str, has: list[Any], wanted: list[Any]) -> None:
        if has == wanted:
            return
        more, less = Counter(has) - Counter(wanted), Counter(wanted) - Counter(has)
        said = [f"too many: {sorted(more.elements())}"] if more else []
        said += [f"missing: {sorted(less.elements())}"] if less else []
        told = ", ".join(said) or f"out of order: {has}, not {wanted}"
        self.amiss.append(f"{what}: {told}")


def _shipment(line: Line) -> str:
    return f"{line.message.customer}-{line.message.number}"
