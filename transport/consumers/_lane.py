"""A consumer's lane: the messages of one key, one at a time, in their order."""

from collections import deque
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from ...actors import Escalate, Fate, SchemaError, UnknownMessageType
from ...actors import Quarantine as Park
from ...actors import Retry as Again
from ...actors import Skip as Drop
from ..delivery import (
    BEHIND,
    FAILED,
    UNDECODABLE,
    UNHANDLED,
    Inbound,
    Outbound,
    Outcome,
    Parking,
    StoredState,
    Turn,
    ask_failure,
    ask_reply,
)
from ._calls import CallingLane
from ._keys import MissingKeyError
from ._receiver import KEYLESS, ConsumerReceiver
from ._target import DROPPED, AdapterError
from ._verdicts import Skip

if TYPE_CHECKING:
    from ..delivery import Shard


class ConsumerLane(CallingLane):
    """Implements `KeyLane` for a consumer's function or route.

    What it knows lasts only while its key is parked. A key without mail costs nothing but
    this object, until it is passivated.
    """

    __slots__ = ("_given_up", "_headers", "_held", "applied", "parking", "queue")

    def __init__(
        self, shard: "Shard", receiver: ConsumerReceiver, key: str, stored: StoredState
    ) -> None:
        super().__init__(shard, receiver, key)
        self.queue: deque[tuple[Inbound, Any]] = deque()
        self.applied = stored.applied
        """All of the key up to this offset is done for: it was written when the key was parked."""
        self.parking = Parking(
            parked=stored.parked, parked_at=stored.parked_at, redriven=stored.redriven
        )
        self._held = False  # its messages come back from quarantine, and go before
        self._given_up: BaseException | None = None  # `on_failure` is told, then it is parked
        self._headers: dict[str, bytes] = {}

    # -- what the shard asks ------------------------------------------------------

    @property
    def has_mail(self) -> bool:
        """There is a record whose turn it is."""
        return bool(self.queue) and not self._held

    @property
    def idle(self) -> bool:
        """It has no mail and nothing in hand."""
        return not self.queue and not self._pending and not self._held

    @property
    def lasting(self) -> bool:
        """Its key is parked, or was."""
        return self.parking.parked or self.parking.redriven >= 0

    def stored(self) -> StoredState:
        """Return that its key is parked, as it is to be written."""
        parking = self.parking
        return StoredState(
            epoch=self.shard.epoch,
            applied=self.applied,
            parked=parking.parked,
            parked_at=parking.parked_at,
            redriven=parking.redriven,
        )

    def post(self, record: Inbound) -> None:
        """Put a record at the end of the mail."""
        self.queue.append((record, self.receiver.handed(record)))
        self.wake()

    def take(
        self,
        record: Inbound,
        turn: Turn | None,
        headers: dict[str, bytes],
        error: BaseException,
    ) -> None:
        """Begin with a record that has just failed."""
        self.queue.append((record, None))
        self._turn, self._headers = turn, headers
        self._failed(error)
        self.wake()

    def begun(self, record: Inbound, turn: Turn, headers: dict[str, bytes]) -> None:
        """Begin with a record whose function has been called, and waits."""
        self.queue.append((record, None))
        self._turn, self._headers = turn, headers
        self._pending = self.scheduled = True
        self.receiver.slots.began(self)

    def hold(self) -> None:
        """Handle nothing until `go_on`."""
        self._held = True

    def go_on(self, answer: Outbound | None, *, released: bool) -> None:
        """Go on, and be parked no more if its messages have all come back.

        Args:
            answer: What whoever asked for them is told.
            released: They have.
        """
        self._held = False
        if released:
            self.parking.parked, self.parking.parked_at = False, -1
        if answer is not None and self.shard.owned:
            self.shard.done(Outcome(None, [], answer, None, self if released else None))
        self.wake()

    @property
    def is_keyless(self) -> bool:
        """It is the lane of one record that has no key."""
        return self.key.startswith(KEYLESS)

    def detach(self) -> None:
        """Forget everything: the partition is leaving this node."""
        super().detach()
        self.queue.clear()

    # -- one record ---------------------------------------------------------------

    def _handle(self) -> Coroutine[Any, Any, Any] | None:
        record, ready = self.queue[0]
        if self._given_up is not None:
            return self._tell_on_failure(self._given_up)
        self._headers = headers = dict(record.headers)
        self._turn = None
        if record.offset <= self.applied:
            self.shard.host.counters.redeliveries_skipped += 1
            self._done(Outcome(record.offset, [], None, None, None))
            return None
        if self.parking.parked:
            self._park(BEHIND, None)
            return None
        try:
            if ready is None:
                ready = self.receiver.target.prepare(record, headers)
        except Exception as error:  # noqa: BLE001 - the adapter is user code: supervised
            self._failed(error)
            return None
        if ready is DROPPED:
            self._done(Outcome(record.offset, [], None, None, None))
            return None
        if self.receiver.consumer.takes.batch:
            ready = [ready]
        context = self.receiver.context(self.shard, record, headers, self._attempt)
        return self._call(self.receiver.target.call, self._new_turn(), ready, context)

    def _new_turn(self) -> Turn | None:
        """Return what collects the messages that the function sends."""
        return Turn(self.shard.source, self.queue[0][0].offset, self.receiver.sender)

    def _succeeded(self, result: object) -> None:
        outputs = self._sent()
        if self._given_up is not None:
            self._give_up(self._given_up, outputs)
            return
        reply = None
        try:
            if self.receiver.target.answers:
                reply = ask_reply(self._headers, result, self.shard.host.codec)
        except SchemaError as error:
            self._failed(error)
            return
        self.shard.host.counters.handled += 1
        floor = None if self._turn is None else self._turn.floor
        self._done(Outcome(self.queue[0][0].offset, outputs, None, reply, None, floor))

    def _done(self, outcome: Outcome) -> None:
        self.queue.popleft()
        self._attempt = 1
        self._given_up = None
        self.shard.done(outcome)
        receiver = self.receiver
        if not self.queue and not self.lasting and (receiver.shares_lanes or self.is_keyless):
            self.shard.lanes.pop(self.key, None)

    # -- failure ------------------------------------------------------------------

    def _failed(self, error: BaseException) -> None:
        if self._given_up is not None:
            self._failed_on_failure(self._given_up, error)
            return
        match self._fate(error):
            case Again(after):
                self._report(self._headers, error, "retry", after)
                self.queue[0] = self.queue[0][0], None
                self._try_again(after)
            case Park():
                self._given_up = error
                if self.receiver.options.on_failure is None:
                    self._give_up(error, [])
            case Drop():
                self._skip(error)
            case Escalate():
                self._report(self._headers, error, "escalate")
                self.shard.escalate(error, self.receiver.path)

    def _fate(self, error: BaseException) -> Fate:
        if isinstance(error, UnknownMessageType) and self.receiver.options.unknown == "skip":
            return Drop()
        if isinstance(error, MissingKeyError) or (
            isinstance(error, SchemaError) and self._turn is None
        ):
            return Park()  # bytes stay what they are: another attempt would find the same
        return super()._fate(error)

    def _skip(self, error: BaseException) -> None:
        self._report(self._headers, error, "skip")
        reply = ask_failure(self._headers, self.receiver.path, error)
        self._done(Outcome(self.queue[0][0].offset, [], None, reply, None))

    def _tell_on_failure(self, error: BaseException) -> Coroutine[Any, Any, Any] | None:
        on_failure = self.receiver.options.on_failure
        assert on_failure is not None, "else it was parked at once"
        record = self.queue[0][0]
        context = self.receiver.context(self.shard, record, self._headers, self._attempt)
        return self._call(on_failure, self._new_turn(), context, error)

    def _failed_on_failure(self, first: BaseException, error: BaseException) -> None:
        if isinstance(error, Skip):
            self._skip(first)
            return
        self._report(self._headers, error, "quarantine")
        self._give_up(first, [])

    def _give_up(self, error: BaseException, outputs: list[Any]) -> None:
        """Put the message into quarantine, with what `on_failure` has published."""
        reason = FAILED
        if isinstance(error, UnknownMessageType | AdapterError):
            reason = UNHANDLED
        elif isinstance(error, SchemaError):
            reason = UNDECODABLE
        self._park(reason, error, outputs)

    def _park(
        self, reason: str, error: BaseException | None, outputs: list[Any] | None = None
    ) -> None:
        record = self.queue[0][0]
        keeper = None
        if not self.is_keyless:
            self.parking.park(record.offset)
            self.applied = record.offset
            keeper = self
        said = "" if error is None else repr(error)
        key = None if self.is_keyless else self.key
        filed = self.shard.quarantine(record, reason, said, record.offset, key)
        if error is not None:
            self._report(self._headers, error, "quarantine")
        failure = error or SchemaError(f"{self.receiver.path} waits: this key is in quarantine")
        reply = ask_failure(self._headers, self.receiver.path, failure)
        self._done(Outcome(record.offset, outputs or [], filed, reply, keeper))


def own_lane(shard: "Shard", receiver: ConsumerReceiver, key: str) -> ConsumerLane:
    """Return a key's own lane; made if it has none."""
    lane = shard.lanes.get(key)
    if not isinstance(lane, ConsumerLane):
        known = shard.truths.take(key) or StoredState()
        lane = shard.lanes[key] = ConsumerLane(shard, receiver, key, known)
    return lane
