"""The transaction coordinator: whose transaction is open, and how it ends."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from ._clock import Clock, Timer
from .log import Store
from .wire import ErrorCode

_LAST_EPOCH = 2**15 - 2
_BLOCK = 1000
"""Producer ids taken from the store at a time: after a crash the rest of a block is skipped."""


class Status(Enum):
    """Where a transaction is in its life; the values are Kafka's names."""

    EMPTY = "Empty"
    ONGOING = "Ongoing"
    PREPARE_COMMIT = "PrepareCommit"
    PREPARE_ABORT = "PrepareAbort"
    COMPLETE_COMMIT = "CompleteCommit"
    COMPLETE_ABORT = "CompleteAbort"


_PREPARED = {Status.PREPARE_COMMIT, Status.PREPARE_ABORT}


@dataclass(slots=True)
class Transaction:
    """What is known of one transactional id.

    Attributes:
        id: As the client named it.
        producer_id: Its producer.
        epoch: Which of the producer's lives may write.
        timeout: Seconds a transaction may take.
        status: Where it is.
        partitions: What takes part in the open transaction.
        groups: Groups whose offsets do.
        timer: Ends it when it takes too long.
    """

    id: str
    producer_id: int
    epoch: int
    timeout: float
    status: Status = Status.EMPTY
    partitions: dict[tuple[str, int], None] = field(default_factory=dict[tuple[str, int], None])
    groups: dict[str, None] = field(default_factory=dict[str, None])
    timer: Timer | None = None


class Identity(NamedTuple):
    """The answer to a producer that asks for its id."""

    error: ErrorCode
    producer_id: int = -1
    epoch: int = -1


class Transactions:
    """All transactional ids of a broker. Pure but for what it is handed.

    Args:
        clock: Sets timers.
        store: Keeps what must survive.
        finish: Writes the markers of a transaction, and settles its offsets.
        max_timeout: The longest a transaction may take, in seconds.
    """

    def __init__(
        self,
        clock: Clock,
        store: Store,
        finish: Callable[[Transaction, bool], None],
        max_timeout: float,
    ) -> None:
        self._clock = clock
        self._store = store
        self._finish = finish
        self._max_timeout = max_timeout
        self._known: dict[str, Transaction] = {}
        self._held: dict[str, None] = {}
        self._next_id = 0
        self._block_end = 0

    def __iter__(self) -> Iterator[Transaction]:
        return iter(self._known.values())

    def find(self, id_: str) -> Transaction | None:
        """Return a transactional id, or None."""
        return self._known.get(id_)

    def new_producer_id(self) -> int:
        """Return an id no producer ever had."""
        if self._next_id == self._block_end:
            self._block_end += _BLOCK
            self._store.put("producers", {"next": self._block_end})
        self._next_id += 1
        return self._next_id - 1

    # -- what producers ask -------------------------------------------------------------

    def init(self, id_: str, timeout: float) -> Identity:
        """Give a transactional id's new producer its place; whoever had it is fenced."""
        if not 0 < timeout <= self._max_timeout:
            return Identity(ErrorCode.INVALID_TRANSACTION_TIMEOUT)
        known = self._known.get(id_)
        if known is None:
            known = Transaction(id_, self.new_producer_id(), -1, timeout)
            self._known[id_] = known
        if known.status in _PREPARED:
            return Identity(ErrorCode.CONCURRENT_TRANSACTIONS)
        if known.status is Status.ONGOING:
            # Fenced first, so that nothing of the former can come behind the markers.
            known.epoch += 1
            self._end(known, commit=False)
            return Identity(ErrorCode.CONCURRENT_TRANSACTIONS)
        if known.epoch >= _LAST_EPOCH:
            known.producer_id, known.epoch = self.new_producer_id(), -1
        known.epoch += 1
        known.timeout = timeout
        known.status = Status.EMPTY
        self._keep(known)
        return Identity(ErrorCode.NONE, known.producer_id, known.epoch)

    def check(self, id_: str, producer_id: int, epoch: int) -> ErrorCode:
        """Tell whether a request comes from the producer that has the id now."""
        known = self._known.get(id_)
        if known is None or known.producer_id != producer_id:
            return ErrorCode.INVALID_PRODUCER_ID_MAPPING
        return ErrorCode.NONE if known.epoch == epoch else ErrorCode.PRODUCER_FENCED

    def add(
        self,
        id_: str,
        producer_id: int,
        epoch: int,
        *,
        partitions: "list[tuple[str, int]]",
        groups: "list[str]",
    ) -> ErrorCode:
        """Have partitions, or a group's offsets, take part; the first begins the transaction."""
        error = self.check(id_, producer_id, epoch)
        if error is not ErrorCode.NONE:
            return error
        known = self._known[id_]
        if known.status in _PREPARED:
            return ErrorCode.CONCURRENT_TRANSACTIONS
        if known.status is not Status.ONGOING:
            known.status = Status.ONGOING
            self._set_timer(known)
        known.partitions.update(dict.fromkeys(partitions))
        known.groups.update(dict.fromkeys(groups))
        self._keep(known)
        return ErrorCode.NONE

    def end(self, id_: str, producer_id: int, epoch: int, *, commit: bool) -> ErrorCode:
        """Commit or abort."""
        error = self.check(id_, producer_id, epoch)
        if error is not ErrorCode.NONE:
            return error
        known = self._known[id_]
        if known.status is Status.ONGOING:
            self._end(known, commit=commit)
            return ErrorCode.NONE
        prepared = Status.PREPARE_COMMIT if commit else Status.PREPARE_ABORT
        if known.status is prepared:
            return ErrorCode.CONCURRENT_TRANSACTIONS
        done = Status.COMPLETE_COMMIT if commit else Status.COMPLETE_ABORT
        return ErrorCode.NONE if known.status is done else ErrorCode.INVALID_TXN_STATE

    def covers(self, id_: str, producer_id: int, epoch: int, place: tuple[str, int]) -> ErrorCode:
        """Tell whether a batch may be written to a partition as part of a transaction."""
        error = self._ongoing(id_, producer_id, epoch)
        if error is ErrorCode.NONE and place not in self._known[id_].partitions:
            return ErrorCode.INVALID_TXN_STATE
        return error

    def covers_group(self, id_: str, producer_id: int, epoch: int, group: str) -> ErrorCode:
        """Tell whether a group's offsets may be written as part of a transaction."""
        error = self._ongoing(id_, producer_id, epoch)
        if error is ErrorCode.NONE and group not in self._known[id_].groups:
            return ErrorCode.INVALID_TXN_STATE
        return error

    def _ongoing(self, id_: str, producer_id: int, epoch: int) -> ErrorCode:
        error = self.check(id_, producer_id, epoch)
        if error is ErrorCode.PRODUCER_FENCED:
            return ErrorCode.INVALID_PRODUCER_EPOCH
        if error is ErrorCode.NONE and self._known[id_].status is not Status.ONGOING:
            return ErrorCode.INVALID_TXN_STATE
        return error

    # -- how it ends ----------------------------------------------------------------------

    def hold(self, id_: str) -> None:
        """Write no markers for an id until `release`, as a coordinator in trouble does."""
        self._held[id_] = None

    def release(self, id_: str) -> None:
        """Write the markers that were held back."""
        self._held.pop(id_, None)
        known = self._known.get(id_)
        if known is not None and known.status in _PREPARED:
            self._complete(known)

    def _end(self, known: Transaction, *, commit: bool) -> None:
        if known.timer is not None:
            known.timer.cancel()
            known.timer = None
        known.status = Status.PREPARE_COMMIT if commit else Status.PREPARE_ABORT
        self._keep(known)
        if known.id not in self._held:
            self._complete(known)

    def _complete(self, known: Transaction) -> None:
        commit = known.status is Status.PREPARE_COMMIT
        self._finish(known, commit)
        known.status = Status.COMPLETE_COMMIT if commit else Status.COMPLETE_ABORT
        known.partitions.clear()
        known.groups.clear()
        self._keep(known)

    def _set_timer(self, known: Transaction) -> None:
        def too_long() -> None:
            known.timer = None
            known.epoch += 1  # its producer may still be there, and must not go on
            self._end(known, commit=False)

        known.timer = self._clock.later(known.timeout, too_long)

    def _keep(self, known: Transaction) -> None:
        value = {
            "producer_id": known.producer_id,
            "epoch": known.epoch,
            "timeout": known.timeout,
            "status": known.status.value,
            "partitions": [list(place) for place in known.partitions],
            "groups": list(known.groups),
        }
        self._store.put(f"transaction/{known.id}", value)

    # -- after a restart ----------------------------------------------------------------

    def restore(self, table: Mapping[str, Any]) -> None:
        """Bring back what a store held, and end what was being ended."""
        self._next_id = self._block_end = table.get("producers", {"next": 0})["next"]
        for key, value in table.items():
            if not key.startswith("transaction/"):
                continue
            id_ = key.removeprefix("transaction/")
            known = self._known[id_] = Transaction(
                id_,
                value["producer_id"],
                value["epoch"],
                value["timeout"],
                Status(value["status"]),
                dict.fromkeys((topic, index) for topic, index in value["partitions"]),
                dict.fromkeys(value["groups"]),
            )
            if known.status in _PREPARED:
                # Markers twice do no harm: the second finds no open transaction.
                self._complete(known)
            elif known.status is Status.ONGOING:
                self._set_timer(known)

    def close(self) -> None:
        """Take all timers back."""
        for known in self:
            if known.timer is not None:
                known.timer.cancel()
