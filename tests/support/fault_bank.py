"""A bank whose books show every message that was lost, applied twice or out of order."""

import os
from collections import Counter
from collections.abc import Mapping
from typing import ClassVar

from google.protobuf.wrappers_pb2 import BytesValue

from callboard import ActorSystem, Entity, handler
from callboard.scenarios.v1.scenarios_pb2 import AccountState, Credit, Transfer
from callboard.supervision import Backoff, RetryPolicy
from callboard.transport import DeliveryOptions

ACCOUNTS = [f"acc-{number}" for number in range(16)]
LEDGER = "all"
_POLICY = RetryPolicy(max_attempts=3, backoff=Backoff(0.05, 0.2))


class Account(Entity):
    """Sends money to others and takes it; may owe, so that no transfer is refused."""

    partitions = 6
    policy = _POLICY
    state: AccountState
    diary: ClassVar[int | None] = None
    """A file that is told of each credit a handler begins with, and when."""

    @handler
    def transfer(self, message: Transfer) -> None:
        """Send money."""
        self.state.cents -= message.cents
        self.state.debited.append(message.id)
        self.context.entity(Account, message.to).tell(Credit(id=message.id, cents=message.cents))

    @handler
    def credit(self, message: Credit) -> None:
        """Take money, and have the ledger count it."""
        if Account.diary is not None:
            line = f"{self.context.system.wall_clock():.3f} {message.id}\n"
            os.write(Account.diary, line.encode())
        self.state.cents += message.cents
        self.state.credited.append(message.id)
        self.context.entity(Ledger, LEDGER).tell(message)


class Ledger(Entity):
    """Counts how often each credit was heard of, in the byte at its number."""

    partitions = 1
    policy = _POLICY
    state: BytesValue

    @handler
    def credit(self, message: Credit) -> None:
        """Count a credit."""
        number = int(message.id)
        counts = bytearray(self.state.value)
        counts.extend(bytes(max(0, number + 1 - len(counts))))
        counts[number] += 1
        self.state.value = bytes(counts)


KINDS = (Account, Ledger)
SYSTEM, DIARY, EXACTLY_ONCE = "FAULT_SYSTEM", "FAULT_DIARY", "FAULT_EXACTLY_ONCE"
STATE_DIR = "FAULT_STATE_DIR"


def node() -> ActorSystem:
    """Return a node of the bank, as `callboard run` wants it; its environment says which."""
    Account.diary = os.open(os.environ[DIARY], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    delivery = DeliveryOptions(
        exactly_once=EXACTLY_ONCE in os.environ,
        state_dir=os.environ.get(STATE_DIR),
        checkpoint_interval=0.5,
    )
    return ActorSystem(os.environ[SYSTEM], entities=KINDS, delivery=delivery)


class Books:
    """What was asked of the bank, and what became of it.

    Attributes:
        asked: Source and target of each transfer, by its number.
        acknowledged: Numbers of those whose `send` returned.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.acknowledged: set[int] = set()

    def check(self, accounts: Mapping[str, AccountState], counts: bytes) -> None:
        """Compare with the books.

        Raises:
            AssertionError: Something was lost, applied twice, made up or out of order.
        """
        debited = Counter(int(id_) for state in accounts.values() for id_ in state.debited)
        credited = Counter(int(id_) for state in accounts.values() for id_ in state.credited)
        heard = Counter({number: count for number, count in enumerate(counts) if count})
        lost = sorted(self.acknowledged - debited.keys())
        assert not lost, f"acknowledged and never applied: {lost}"
        twice = {number: count for number, count in debited.items() if count > 1}
        assert not twice, f"applied more than once: {twice}"
        assert credited == debited, f"missing {debited - credited}, too many {credited - debited}"
        assert heard == credited, f"missing {credited - heard}, too many {heard - credited}"
        assert sum(state.cents for state in accounts.values()) == 0
        for name, state in accounts.items():
            self._check_order(name, state)

    def _check_order(self, name: str, state: AccountState) -> None:
        """One sender's messages come in its order: the client's, and each account's."""
        sent = [int(id_) for id_ in state.debited]
        assert sent == sorted(sent), f"{name} was debited in the order {sent}"
        assert {self.asked[number][0] for number in sent} <= {name}
        by_source: dict[str, list[int]] = {}
        for number in map(int, state.credited):
            source, target = self.asked[number]
            assert target == name, f"{number} was for {target} and came to {name}"
            by_source.setdefault(source, []).append(number)
        for source, numbers in by_source.items():
            assert numbers == sorted(numbers), f"{source} credited {name} in the order {numbers}"
