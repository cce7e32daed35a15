"""A consumer's lane for batches: a partition's messages, as many at a time as there are."""

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, NamedTuple

from ...actors import Escalate, SchemaError, UnknownMessageType
from ...actors import Quarantine as Park
from ...actors import Retry as Again
from ...actors import Skip as Drop
from ..delivery import BEHIND, FAILED, UNDECODABLE, Inbound, Outcome, StoredState, Turn
from ._partition_lane import PartitionLane
from ._receiver import KEYLESS, ConsumerReceiver, text_of_key
from ._target import DROPPED

if TYPE_CHECKING:
    from ..delivery import Shard


class ParkedKey(NamedTuple):
    """A key whose messages go to quarantine; implements `Keeper`."""

    key: str
    epoch: int
    at: int

    def stored(self) -> StoredState:
        """Return that the key is parked, as it is to be written."""
        return StoredState(epoch=self.epoch, applied=self.at, parked=True, parked_at=self.at)


class BatchLane(PartitionLane):
    """Implements `KeyLane` for a function of `list[...]`.

    A batch that fails is tried again as the policy says. When the policy, or the function itself,
    gives it up, its messages are handled one by one, so that only the bad one is put aside.
    """

    __slots__ = ("_batch", "_messages", "_singly")

    def __init__(self, shard: "Shard", receiver: ConsumerReceiver, key: str) -> None:
        super().__init__(shard, receiver, key)
        self._batch: list[Inbound] = []  # in hand
        self._messages: list[Any] = []
        self._singly = 0  # so many are handled one by one

    # -- what the shard asks ------------------------------------------------------

    @property
    def has_mail(self) -> bool:
        """There is a record, or a batch in hand."""
        return bool(self.queue or self._batch)

    # -- one batch ----------------------------------------------------------------

    def _handle(self) -> Coroutine[Any, Any, Any] | None:
        if not self._batch:
            self._collect()
        if not self._batch:
            return None
        # The next owner's batches may begin and end elsewhere: the same ids would name others.
        source = f"{self.shard.source}#{self.shard.epoch}"
        turn = Turn(source, self._batch[0].offset, self.receiver.sender)
        context = None
        if self.receiver.needs_context:
            headers = dict(self._batch[0].headers)
            context = self.receiver.context(
                self.shard, self._batch[0], headers, self._attempt, self._batch
            )
        return self._call(self.receiver.target.call, turn, self._messages, context)

    def _collect(self) -> None:
        """Take what has come, up to a batch; what cannot be decoded is put aside."""
        most = 1 if self._singly else self.receiver.options.batch_size
        queue, batch, messages = self.queue, self._batch, self._messages
        if self._collect_at_once(most):
            return
        lanes, truths, prepare = self.shard.lanes, self.shard.truths, self.receiver.target.prepare
        while queue and len(batch) < most:
            record = queue.popleft()
            if self._singly:
                self._singly -= 1
            if (len(lanes) > 1 or truths.any) and self._waits_aside(record):
                continue
            try:
                message = prepare(record, dict(record.headers))
            except Exception as error:  # noqa: BLE001 - the adapter is user code: supervised
                if any(each.key == record.key for each in batch):
                    # Parking says that all of the key so far is done for; these come first.
                    queue.appendleft(record)
                    break
                self._put_aside(record, error)
                continue
            if message is DROPPED:
                self._finished(record)
                continue
            batch.append(record)
            messages.append(message)

    def _collect_at_once(self, most: int) -> bool:
        """Take what has come, up to a batch, if there is nothing to be looked at in each record."""
        shard, target, queue = self.shard, self.receiver.target, self.queue
        if self._singly or len(shard.lanes) > 1 or shard.truths.any:
            return False
        batch = [queue.popleft() for _ in range(min(most, len(queue)))]
        messages = target.prepare_all(batch)
        if messages is None:
            queue.extendleft(reversed(batch))
            return False
        self._batch, self._messages = batch, messages
        return True

    def _waits_aside(self, record: Inbound) -> bool:
        """Put a record where the others of its key are, if they do not come in batches."""
        key = text_of_key(record)
        own = self.shard.lanes.get(key)
        if own is not None:  # its messages come back from quarantine, and go before
            own.post(record)
            return True
        known = self.shard.truths.look(key)
        if known is None or not known.parked:
            return False
        if record.offset <= known.applied:  # it came before: see ConsumerLane
            self._finished(record)
        else:
            self._park(record, BEHIND, None)
        return True

    def _succeeded(self, result: object) -> None:
        del result
        outputs = self._sent()
        self.shard.host.counters.handled += len(self._batch)
        if outputs:  # all in one flush, so they may be of any of them
            self.shard.done(Outcome(None, outputs, None, None, None))
        self.shard.finished([record.offset for record in self._batch])
        self._next()

    def _finished(self, record: Inbound) -> None:
        self.shard.finished((record.offset,))

    def _next(self) -> None:
        self._batch, self._messages = [], []
        self._attempt = 1

    # -- failure ------------------------------------------------------------------

    def _failed(self, error: BaseException) -> None:
        first = dict(self._batch[0].headers)
        match self._fate(error):
            case Again(after):
                self._report(first, error, "retry", after)
                self._try_again(after)
            case Drop() | Park() if len(self._batch) > 1:
                self._singly = len(self._batch)
                self.queue.extendleft(reversed(self._batch))
                self._next()
            case Drop():
                self._report(first, error, "skip")
                self._finished(self._batch[0])
                self._next()
            case Park():
                self._report(first, error, "quarantine")
                self._park(self._batch[0], FAILED, error)
                self._next()
            case Escalate():
                self._report(first, error, "escalate")
                self.shard.escalate(error, self.receiver.path)

    def _put_aside(self, record: Inbound, error: Exception) -> None:
        """Take a record that is no message, or that the adapter failed on, out of the batch."""
        headers = dict(record.headers)
        if isinstance(error, UnknownMessageType) and self.receiver.options.unknown == "skip":
            self._report(headers, error, "skip")
            self._finished(record)
            return
        self._report(headers, error, "quarantine")
        self._park(record, UNDECODABLE if isinstance(error, SchemaError) else FAILED, error)

    def _park(self, record: Inbound, reason: str, error: BaseException | None) -> None:
        shard, key = self.shard, text_of_key(record)
        keeper = None
        if not key.startswith(KEYLESS):
            keeper = ParkedKey(key, shard.epoch, record.offset)
            shard.truths.keep(key, keeper.stored())
        said = "" if error is None else repr(error)
        filed = shard.quarantine(record, reason, said, record.offset)
        shard.done(Outcome(record.offset, [], filed, None, keeper))
