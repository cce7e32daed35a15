"""The bank: money is conserved, and a transfer that was acknowledged is applied once."""

import asyncio
import random
from collections import Counter

from aiokafka import AIOKafkaConsumer

from .. import ActorSystem, Entity, handler
from ..actors import CallboardError
from ..testing.simulation import Machine, Simulation
from ..transport import DeliveryOptions
from ._common import ask_all, play, settled
from .v1.scenarios_pb2 import AccountState, Credit, Sent, Show, Transfer

ACCOUNTS = [f"acc-{number}" for number in range(5)]
OPENING_CENTS = 10_000
_TRANSFERS = 8
_CUSTOMERS = 3


class Account(Entity):
    """Holds money, and sends it to others."""

    state: AccountState
    partitions = 3

    @handler
    def transfer(self, message: Transfer) -> Sent:
        """Send money if there is enough."""
        state = self._open()
        if state.cents < message.cents:
            return Sent(id=message.id, accepted=False)
        state.cents -= message.cents
        state.debited.append(message.id)
        to = self.context.entity(Account, message.to)
        to.tell(Credit(id=message.id, cents=message.cents))
        return Sent(id=message.id, accepted=True)

    @handler
    def credit(self, message: Credit) -> None:
        """Take money."""
        state = self._open()
        state.cents += message.cents
        state.credited.append(message.id)

    @handler
    def show(self, _: Show) -> AccountState:
        """Tell how it stands."""
        state = AccountState()
        state.CopyFrom(self._open())
        return state

    def _open(self) -> AccountState:
        if not self.state.opened:
            self.state.opened = True
            self.state.cents = OPENING_CENTS
        return self.state


class _Told:
    """What customers were told: all that the bank can be held to."""

    def __init__(self) -> None:
        self.accepted: list[str] = []
        self.refused: list[str] = []

    async def customer(self, system: ActorSystem, name: str, choices: random.Random) -> None:
        """Make transfers, one after another; one without an answer is not made again."""
        for number in range(_TRANSFERS):
            source, target = choices.sample(ACCOUNTS, 2)
            order = Transfer(id=f"{name}-{number}", to=target, cents=choices.randint(1, 4_000))
            try:
                sent: Sent = await system.entity(Account, source).ask(order, timeout=8.0)
            except CallboardError:
                pass  # nobody knows; it may have been made, once
            else:
                (self.accepted if sent.accepted else self.refused).append(sent.id)
            await asyncio.sleep(choices.uniform(0.05, 0.6))


Accounts = dict[str, AccountState]


async def bank(sim: Simulation) -> None:
    """Three nodes run accounts, three customers send money, and things go wrong meanwhile."""
    await _business(sim, None)


async def vault(sim: Simulation) -> None:
    """The bank in exactly-once mode: a stranger who reads along sees every credit once, too."""
    office = await _business(sim, DeliveryOptions(exactly_once=True))
    credits_seen = await sim.on(office, _audit())
    twice = {id_: count for id_, count in credits_seen.items() if count > 1}
    assert not twice, f"credits that a reader of committed records sees more than once: {twice}"


async def _business(sim: Simulation, delivery: DeliveryOptions | None) -> Machine[ActorSystem]:
    told = _Told()
    clients = [told.customer] * _CUSTOMERS
    office = await play(sim, "bank", [Account], clients, delivery=delivery)

    async def look() -> Accounts:
        return await ask_all(sim, office, Account, ACCOUNTS, Show())

    accounts: Accounts = await settled(
        sim, look, lambda seen: _ids(seen, "debited") == _ids(seen, "credited")
    )
    _check(told, accounts)
    return office


async def _audit() -> Counter[str]:
    """Read the accounts' mailboxes as any program may, and count the credits."""
    consumer = AIOKafkaConsumer(
        f"bank.{Account.kind()}",
        bootstrap_servers="broker:9092",
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        seen: Counter[str] = Counter()
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            fetched = await consumer.getmany(timeout_ms=500)
            for record in (each for records in fetched.values() for each in records):
                if dict(record.headers)["ce_type"] == Credit.DESCRIPTOR.full_name.encode():
                    seen[Credit.FromString(record.value or b"").id] += 1
        return seen
    finally:
        await consumer.stop()


def _ids(accounts: Accounts, which: str) -> Counter[str]:
    return Counter(id_ for state in accounts.values() for id_ in getattr(state, which))


def _check(told: _Told, accounts: Accounts) -> None:
    debited, credited = _ids(accounts, "debited"), _ids(accounts, "credited")
    twice = {id_: count for id_, count in (debited | credited).items() if count > 1}
    assert not twice, f"transfers applied more than once: {twice}"
    lost = [id_ for id_ in told.accepted if id_ not in debited]
    assert not lost, f"transfers acknowledged and not applied: {lost}"
    missing, made_up = debited - credited, credited - debited
    assert not missing, f"debited and never credited: {dict(missing)}"
    assert not made_up, f"credited and never debited: {dict(made_up)}"
    refused = [id_ for id_ in told.refused if id_ in debited]
    assert not refused, f"refused and applied nevertheless: {refused}"
    total = sum(state.cents for state in accounts.values())
    assert total == len(ACCOUNTS) * OPENING_CENTS, f"{total} cents in all"
