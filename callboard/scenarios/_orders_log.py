"""What the topics of the orders hold, and what has to become of it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from ..testing.simulation import Machine, Simulation
from ..transport.broker import Broker
from ..transport.delivery import ID, Shelf
from ._common import inbound
from .v1.scenarios_pb2 import Bill, Order, Scrap, Trouble

SYSTEM = "orders"
ORDERS, BILLS = "orders", "bills"
PARTITIONS = 2
FLAKY_SUCCEEDS = 3
"""At which attempt a flaky message does no harm any more."""

_CLASSES = {each.DESCRIPTOR.full_name.encode(): each for each in (Order, Scrap, Bill)}

_FATAL = {
    "bill": Trouble.UNBILLABLE,
    "enter": Trouble.UNPAYABLE,
    "count": Trouble.UNCOUNTABLE,
    "ship": None,
}
"""By consumer: what it never survives, besides what is no order."""


class Line(NamedTuple):
    """A record of a topic.

    Attributes:
        place: Topic, partition and offset.
        partition: Which.
        offset: Where in it.
        key: Whose it is.
        id: What tells this message from all others, however often it was written.
        message: Order, Scrap or Bill.
    """

    place: str
    partition: int
    offset: int
    key: str
    id: bytes
    message: Any


def lines(sim: Simulation, topic: str) -> list[Line]:
    """Return what a topic holds, partition by partition."""
    broker = _broker(sim)
    found: list[Line] = []
    if topic not in broker.topic_names():
        return found
    for index in range(len(broker.partitions(topic))):
        for record in broker.records(topic, index):
            headers = {name: value or b"" for name, value in record.headers}
            message = _CLASSES[headers["ce_type"]].FromString(record.value or b"")
            place = f"{topic}/{index}/{record.offset}"
            key = (record.key or b"").decode()
            found.append(Line(place, index, record.offset, key, headers[ID], message))
    return found


def end(sim: Simulation, topic: str) -> int:
    """Return a number that grows with the topic."""
    broker = _broker(sim)
    return sum(broker.end_offset(topic, index) for index in range(PARTITIONS))


def quarantined(sim: Simulation, consumer: str) -> list[str]:
    """Return the places of the messages that a consumer has in quarantine, in order."""
    broker, topic = _broker(sim), f"{SYSTEM}.{consumer}.quarantine"
    shelf = Shelf()
    for index in range(PARTITIONS if topic in broker.topic_names() else 0):
        shelf.fold(inbound(broker, topic, index))
    return [f"{each.topic}/{each.partition}/{each.offset}" for each in shelf.messages()]


def is_fatal(consumer: str, message: Any) -> bool:
    """Tell whether a consumer never survives a message."""
    return isinstance(message, Scrap) or message.trouble == _FATAL[consumer]


def split(consumer: str, some: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """Return the lines of one key before the first that is fatal, and those from there on."""
    first = next(
        (at for at, line in enumerate(some) if is_fatal(consumer, line.message)), len(some)
    )
    return list(some[:first]), list(some[first:])


def by_key(some: Iterable[Line], key: Callable[[Line], str]) -> dict[str, list[Line]]:
    """Return lines by what a function says whose they are, each in its order."""
    found: dict[str, list[Line]] = {}
    for line in some:
        found.setdefault(key(line), []).append(line)
    return found


def once(some: Iterable[Line]) -> list[Line]:
    """Return lines without those that repeat an id."""
    found: dict[bytes, Line] = {}
    for line in some:
        found.setdefault(line.id, line)
    return list(found.values())


def holder(order: Order) -> str:
    """Return into whose book a shipment goes: every third into its product's."""
    return order.product if order.number % 3 == 0 else order.customer


def _broker(sim: Simulation) -> Broker:
    machine: Machine[Broker] = sim.machines["broker"]
    return machine.value
