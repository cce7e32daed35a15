"""The short way of plain functions: a partition's records one after the other, without lanes.

A plain function never waits, so the order of every key holds by itself. Only a key that has to
wait, since its message failed or is in quarantine, gets a lane of its own; its later mail goes
there, as long as there is any.
"""

from collections import deque
from inspect import iscoroutine
from typing import TYPE_CHECKING, Any

from ...actors import SchemaError
from ..delivery import REPLY_TO, Inbound, Outcome, StoredState, Turn, ask_reply, current_turn
from ._calls import CallingLane
from ._lane import ConsumerLane, own_lane
from ._receiver import ConsumerReceiver, text_of_key
from ._target import DROPPED

if TYPE_CHECKING:
    from ..delivery import Shard

_NOTHING = StoredState()


class ExpressLane(CallingLane):
    """Implements `KeyLane` for all keys of a partition that do not have to wait."""

    __slots__ = ("queue",)

    lasting = False

    def __init__(self, shard: "Shard", receiver: ConsumerReceiver, key: str) -> None:
        super().__init__(shard, receiver, key)
        self.queue: deque[Inbound] = deque()

    @property
    def has_mail(self) -> bool:
        """There is a record."""
        return bool(self.queue)

    def stored(self) -> StoredState:
        """Return nothing: what is known is known of keys."""
        return _NOTHING

    def post(self, record: Inbound) -> None:
        """Put a record at the end of the mail."""
        self.queue.append(record)
        if not self.scheduled:
            self.wake()

    def detach(self) -> None:
        """Forget everything: the partition is leaving this node."""
        super().detach()
        self.queue.clear()

    def step(self, limit: int) -> None:
        """Handle what there is, up to `limit`; a plain function never takes waiting."""
        queue, shard = self.queue, self.shard
        while limit > 0 and queue and shard.running:
            limit -= 1
            self._take(queue.popleft())
        self.scheduled = self.runnable

    # -- one record -----------------------------------------------------------------

    def _take(self, record: Inbound) -> None:
        shard, target = self.shard, self.receiver.target
        headers = dict(record.headers)
        ready: Any = None
        key: str | None = None
        problem: BaseException | None = None
        try:
            ready = target.prepare(record, headers)
            if target.keyed and ready is not DROPPED:
                key = target.key_of(ready)
        except Exception as error:  # noqa: BLE001 - the adapter is user code: supervised
            problem = error
        if key is None:
            key = text_of_key(record)
        lane = shard.lanes.get(key) or self._parked(key)
        if lane is not None:
            self.receiver.hand(record, ready)
            lane.post(record)
        elif problem is not None:
            self._own_lane(key).take(record, None, headers, problem)
        elif ready is DROPPED:
            shard.done(Outcome(record.offset, [], None, None, None))
        else:
            self._handle_at_once(record, ready, key, headers)

    def _handle_at_once(
        self, record: Inbound, ready: Any, key: str, headers: dict[str, bytes]
    ) -> None:
        receiver, shard = self.receiver, self.shard
        context = receiver.context(shard, record, headers) if receiver.needs_context else None
        turn = Turn(shard.source, record.offset, receiver.sender)
        token = current_turn.set(turn)
        try:
            result = receiver.target.call(ready, context)
        except Exception as error:  # noqa: BLE001 - user code: supervised
            turn.open = False
            self._own_lane(key).take(record, turn, headers, error)
            return
        finally:
            current_turn.reset(token)
        turn.open = False
        if iscoroutine(result):  # it waits after all, and is none that says so
            result.close()
            receiver.express = False
            self._own_lane(key).post(record)
            return
        reply = None
        if REPLY_TO in headers and receiver.target.answers:
            try:
                reply = ask_reply(headers, result, shard.host.codec)
            except SchemaError as error:
                self._own_lane(key).take(record, turn, headers, error)
                return
        shard.host.counters.handled += 1
        shard.done(Outcome(record.offset, turn.outputs, None, reply, None, turn.floor))

    def _parked(self, key: str) -> ConsumerLane | None:
        known = self.shard.truths.look(key)
        return self._own_lane(key) if known is not None and known.parked else None

    def _own_lane(self, key: str) -> ConsumerLane:
        return own_lane(self.shard, self.receiver, key)
