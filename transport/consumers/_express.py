"""The short way: a partition's records one after the other, without a lane for each key.

A call that does not wait is over before the next one begins, so the order of every key holds by
itself. Only a key that has to wait gets a lane of its own, since its function waits for something,
or its message failed or is in quarantine; its later mail goes there, as long as there is any.
"""

from contextvars import copy_context
from inspect import iscoroutine
from typing import TYPE_CHECKING, Any

from ...actors import Begun, SchemaError
from ..delivery import REPLY_TO, Inbound, Outcome, Turn, ask_reply, current_turn
from ._context import ConsumerContext
from ._lane import ConsumerLane, own_lane
from ._partition_lane import PartitionLane
from ._receiver import ConsumerReceiver, text_of_key
from ._target import DROPPED, FunctionTarget, RouteTarget

if TYPE_CHECKING:
    from ..delivery import Shard


class ExpressLane(PartitionLane):
    """Implements `KeyLane` for all keys of a partition that do not have to wait."""

    __slots__ = ("_finished",)

    def __init__(self, shard: "Shard", receiver: ConsumerReceiver, key: str) -> None:
        super().__init__(shard, receiver, key)
        self._finished: list[int] = []  # in this step; they left nothing to be written

    def step(self, limit: int) -> Begun | None:
        """Handle up to `limit` messages, or up to a call that waits: its key has a lane then."""
        queue, shard, receiver = self.queue, self.shard, self.receiver
        begun = None
        try:
            while begun is None and limit > 0 and queue and shard.running:
                if receiver.waits and not receiver.slots.room:
                    self._blocked = True
                    receiver.slots.wait(self)
                    break
                limit -= 1
                begun = self._take(queue.popleft())
        finally:
            shard.finished(self._finished)
            self._finished.clear()
            self.scheduled = self.runnable
        if receiver.waits:
            receiver.slots.fill()
        return begun

    # -- one record -----------------------------------------------------------------

    def _take(self, record: Inbound) -> Begun | None:
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
        if len(shard.lanes) > 1 or shard.truths.any or problem is not None:
            # Else no key waits, and whose record it is does not matter.
            if key is None:
                key = text_of_key(record)
            lane = shard.lanes.get(key) or self._parked(key)
            if lane is not None:
                self.receiver.hand(record, ready)
                lane.post(record)
                return None
            if problem is not None:
                own_lane(shard, self.receiver, key).take(record, None, headers, problem)
                return None
        if ready is DROPPED:
            self._finished.append(record.offset)
            return None
        return self._handle_at_once(record, ready, key, headers)

    def _handle_at_once(
        self, record: Inbound, ready: Any, key: str | None, headers: dict[str, bytes]
    ) -> Begun | None:
        receiver, shard = self.receiver, self.shard
        if receiver.waits and shard.host.dispatcher.lent:
            self._own_lane(record, key).post(record)
            return None
        context = receiver.context(shard, record, headers) if receiver.needs_context else None
        turn = Turn(shard.source, record.offset, receiver.sender)
        scope = copy_context()
        try:
            result, running = scope.run(
                _first_step, receiver.target, ready, context, turn, receiver.waits
            )
        except Exception as error:  # noqa: BLE001 - user code: supervised
            turn.open = False
            self._own_lane(record, key).take(record, turn, headers, error)
            return None
        if running is not None:
            lane = self._own_lane(record, key)
            if not receiver.waits:  # it waits after all, and is none that says so
                running.close()
                receiver.waits = True
                lane.post(record)
                return None
            lane.begun(record, turn, headers)
            return Begun(lane, scope, running, result)
        turn.open = False
        reply = None
        if REPLY_TO in headers and receiver.target.answers:
            try:
                reply = ask_reply(headers, result, shard.host.codec)
            except SchemaError as error:
                self._own_lane(record, key).take(record, turn, headers, error)
                return None
        shard.host.counters.handled += 1
        if reply is None and not turn.outputs:
            self._finished.append(record.offset)
        else:
            shard.done(Outcome(record.offset, turn.outputs, None, reply, None, turn.floor))
        return None

    def _parked(self, key: str) -> ConsumerLane | None:
        known = self.shard.truths.look(key)
        if known is None or not known.parked:
            return None
        return own_lane(self.shard, self.receiver, key)

    def _own_lane(self, record: Inbound, key: str | None) -> ConsumerLane:
        return own_lane(self.shard, self.receiver, text_of_key(record) if key is None else key)


def _first_step(
    target: FunctionTarget | RouteTarget,
    ready: Any,
    context: ConsumerContext | None,
    turn: Turn,
    waits: bool,  # noqa: FBT001 - the hot path: a keyword costs more than a place
) -> tuple[Any, Any]:
    """Call the function, and take the first step if that takes waiting.

    Returns:
        Its result and None; or what it waits for, and its coroutine. The coroutine of a function
        that does not say that it waits has not been begun.
    """
    current_turn.set(turn)
    result = target.call(ready, context)
    if result is None or not iscoroutine(result):
        return result, None
    if not waits:
        return None, result
    try:
        waiting = result.send(None)
    except StopIteration as stop:
        return stop.value, None
    return waiting, result
