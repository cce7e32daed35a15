"""A lane: one entity's mail, handled one message at a time."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from inspect import iscoroutine
from typing import TYPE_CHECKING, Any

from ...actors import Entity, EntityContext, Escalate, Quarantine, Retry, SchemaError, Skip
from ._codec import ID, SOURCE, TYPE, floor_of, id_of, text
from ._dedup import MessageId
from ._failures import (
    NewerStateError,
    UnhandledMessageError,
    ask_failure,
    ask_reply,
)
from ._outcome import Outcome
from ._parking import Parking
from ._quarantine import (
    BEHIND,
    FAILED,
    REDRIVEN,
    SKIPPED,
    UNDECODABLE,
    UNHANDLED,
    Redrive,
    redrive_of,
)
from ._records import Header, Inbound, Outbound
from ._state import StoredState, decode_window, encode_window
from ._turn import Turn, current_turn, in_turn

if TYPE_CHECKING:
    from ._kind import Kind
    from ._shard import Shard


class Lane:
    """One entity of an owned partition: its waiting records, its instance, its truth.

    A dispatcher's runnable. `step` handles records in order until one needs to
    wait: for an async handler, for a retry's delay, or because the partition is
    being taken away.

    The truth (what `stored` returns) only ever changes as one,
    after a handler has succeeded; a failed handler's half-changed state is
    thrown away with its instance, and the next try starts from the truth.
    """

    __slots__ = (
        "_attempt",
        "_entity",
        "_headers",
        "_message_id",
        "_pending",
        "_redrive",
        "_retry",
        "_source",
        "_turn",
        "applied",
        "chunk",
        "key",
        "kind",
        "last_used",
        "parking",
        "path",
        "queue",
        "scheduled",
        "scope",
        "self_ref",
        "shard",
        "value",
        "version",
        "window",
    )

    lasting = True

    def __init__(self, shard: "Shard", kind: "Kind", key: str, stored: StoredState) -> None:
        self.shard = shard
        self.kind = kind
        self.key = key
        self.self_ref = shard.host.reference(kind.name, key)
        """The dispatcher makes it the sender of what the handlers tell in memory."""
        self.queue: deque[Inbound] = deque()
        self.value = stored.value
        self.applied = stored.applied
        self.parking = Parking(
            parked=stored.parked, parked_at=stored.parked_at, redriven=stored.redriven
        )
        self.version = stored.version
        self.window = decode_window(stored.window)
        self.scheduled = False
        self.scope: Context | None = None
        self.chunk = 0
        self.last_used = 0.0
        self._entity: Entity | None = None
        self._pending: Inbound | None = None  # its async handler is running
        self._headers: dict[str, bytes] = {}
        self._message_id: MessageId | None = None
        self._redrive: Redrive | None = None  # the record in hand comes from quarantine
        self._turn: Turn | None = None
        self._attempt = 1
        self._retry: asyncio.TimerHandle | None = None
        self.path = str(self.self_ref.path)
        """The entity's address."""
        self._source: Header = (SOURCE, self.path.encode())

    # -- what the shard asks ------------------------------------------------

    @property
    def busy(self) -> bool:
        """An async handler is running."""
        return self._pending is not None

    @property
    def idle(self) -> bool:
        """It has no mail and nothing in hand."""
        return not self.queue and self._pending is None

    def stored(self) -> StoredState:
        """Return the truth as it is to be written."""
        return StoredState(
            self.value,
            self.shard.epoch,
            self.applied,
            self.parking.parked,
            encode_window(self.window),
            self.parking.parked_at,
            self.parking.redriven,
            self.version,
        )

    def post(self, record: Inbound) -> None:
        """Put a record at the end of the mail."""
        self.queue.append(record)
        self.wake()

    def wake(self) -> None:
        """Join the dispatcher's queue, unless already in it or with nothing to do."""
        if not self.scheduled and self.runnable:
            self.scheduled = True
            self.shard.host.dispatcher.schedule(self)

    def detach(self) -> None:
        """Forget timers and instance: the partition is leaving this node."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._pending is not None:
            self.shard.host.dispatcher.interrupt(self)
        self._attempt = 1
        self._entity = None
        self.queue.clear()

    async def passivate(self) -> None:
        """Let the instance go; the truth stays. Called when it has nothing in hand."""
        entity, self._entity = self._entity, None
        if entity is None or not self.kind.has_stopped:
            return
        try:
            await entity.stopped()
        except Exception as error:  # noqa: BLE001 `stopped` is user code; the entity goes all the same
            self._headers = {}
            self._report(error, "stop", 0.0)

    # -- what the dispatcher asks --------------------------------------------

    @property
    def runnable(self) -> bool:
        """There is mail, and nothing it has to wait for."""
        return (
            bool(self.queue)
            and self._pending is None
            and self._retry is None
            and self.shard.running
        )

    def step(self, limit: int) -> Coroutine[Any, Any, Any] | None:
        """Handle up to `limit` records; return a coroutine when a handler is async."""
        while limit > 0 and self.runnable:
            limit -= 1
            waiting = self._handle(self.queue[0])
            if waiting is not None:
                return waiting
        self.scheduled = self.runnable
        return None

    def completed(self, result: object) -> None:
        """Take an async handler's result."""
        self._succeeded(result)
        self.scheduled = self.runnable

    def failed(self, error: BaseException) -> None:
        """Take an async handler's exception."""
        self._failed(error)
        self.scheduled = self.runnable

    # -- one record -----------------------------------------------------------

    def _handle(self, record: Inbound) -> Coroutine[Any, Any, Any] | None:
        shard = self.shard
        headers = self._headers = dict(record.headers)
        self._turn = None
        redrive = self._redrive = redrive_of(headers)
        # What is redriven has its id in the window: it was applied by being parked.
        message_id = self._message_id = id_of(headers) if redrive is None else None
        if record.offset <= self.applied or (
            message_id is not None and self.window.has(message_id)
        ):
            self.queue.popleft()
            shard.host.counters.redeliveries_skipped += 1
            shard.done(Outcome(record.offset, [], None, None, None))
            return None
        if redrive is not None and not self.parking.is_next(redrive):
            self._not_due(record, redrive)
            return None
        if redrive is None and self.parking.parked:
            self._quarantine(BEHIND, None)
            return None
        try:
            message = shard.host.codec.decode(headers.get(TYPE), record.value, self.kind.sole_type)
        except SchemaError as error:
            self._quarantine(UNDECODABLE, error)
            return None
        handle = self.kind.handlers.lookup(type(message))
        if handle is None:
            self._quarantine(UNHANDLED, UnhandledMessageError(self.kind.entity, type(message)))
            return None
        self._turn = Turn(shard.source, record.offset, self._source)
        return self._call(handle, message, self._turn)

    def _call(
        self, handle: Callable[..., Any], message: object, turn: Turn
    ) -> Coroutine[Any, Any, Any] | None:
        """Call the handler; return a coroutine when it, or `started` before it, has to wait."""
        starting = self._entity is None and self.kind.has_started
        token = current_turn.set(turn)
        try:
            entity = self._entity or self._new_entity()
            context = entity.context
            context.sender = text(self._headers, SOURCE)
            context.message_id = text(self._headers, ID)
            context.attempt = self._attempt
            result = self._start(entity, handle, message) if starting else handle(entity, message)
        except NewerStateError as error:
            # Not this message's fault, nor any other's: older code must not touch newer states.
            self._report(error, "escalate", 0.0)
            self.shard.escalate(error, self.path)
            return None
        except Exception as error:  # noqa: BLE001 a handler is user code: supervised
            self._failed(error)
            return None
        finally:
            current_turn.reset(token)
        if iscoroutine(result):
            self._pending = self.queue[0]
            return in_turn(result, turn)
        self._succeeded(result)
        return None

    def _new_entity(self) -> Entity:
        """Make the instance, with its state."""
        kind, host = self.kind, self.shard.host
        entity = kind.entity()
        if kind.state_type is not None:
            entity.state = kind.restored(self.value, self.version, self.path)
        entity.context = EntityContext(
            system=host.system,
            self_ref=self.self_ref,
            log=host.system.log.bind(entity=self.path),
        )
        self._entity = entity
        return entity

    @staticmethod
    async def _start(entity: Entity, handle: Callable[..., Any], message: object) -> Any:
        await entity.started()
        result = handle(entity, message)
        return await result if iscoroutine(result) else result

    def _succeeded(self, result: object) -> None:
        self._pending = None
        if not self.shard.owned:
            return  # an older assignment's handler ended late: nothing of it is kept
        record, turn, shard = self.queue[0], self._turn, self.shard
        entity = self._entity
        try:
            if entity is not None and self.kind.state_type is not None:
                value = shard.host.codec.encode(entity.state)[1]
            else:
                value = b""
            reply = ask_reply(self._headers, result, shard.host.codec)
        except SchemaError as error:
            self._failed(error)
            return
        if turn is not None:
            turn.open = False
        self.value, self.version = value, self.kind.state_version
        outputs = turn.outputs if turn is not None else []
        self._applied(Outcome(record.offset, outputs, self._resolved(REDRIVEN), reply, self))
        shard.host.counters.handled += 1

    def _applied(self, outcome: Outcome) -> None:
        self.applied = self.queue.popleft().offset
        self._attempt = 1
        if self._message_id is not None:
            self.window.add(self._message_id, floor_of(self._headers))
        self.shard.done(outcome)

    # -- back from quarantine -----------------------------------------------------

    def _not_due(self, record: Inbound, redrive: Redrive) -> None:
        """Take a release, or a copy that is a repetition or out of turn."""
        filed: Outbound | None = None
        if redrive.run is not None:
            still = self.parking.release(redrive)
            filed = self.shard.release_answer(self.key, redrive.run, still)
        elif not self.parking.parked:
            # Redriven before; or parked by a former owner only, and applied by its successor.
            filed = self.shard.note(self.key, redrive.origin, SKIPPED)
        self._applied(Outcome(record.offset, [], filed, None, self))

    def _resolved(self, fate: bytes) -> Outbound | None:
        """Return the note of what became of a message from quarantine, if the record is one."""
        if self._redrive is None:
            return None
        self.parking.dealt_with(self._redrive)
        return self.shard.note(self.key, self._redrive.origin, fate)

    # -- failure ----------------------------------------------------------------

    def _failed(self, error: BaseException) -> None:
        self._pending = None
        if self._turn is not None:
            self._turn.open = False
        self._entity = None  # its state may be half changed: the next try starts from the truth
        if not self.shard.owned:
            return
        host = self.shard.host
        fate = self.kind.policy.decide(error, self._attempt, host.random.random())
        match fate:
            case Retry(after):
                self._report(error, "retry", after)
                host.counters.retries += 1
                self._attempt += 1
                self._retry = host.later(after, self._retry_now)
            case Quarantine():
                self._quarantine(FAILED, error)
            case Skip():
                self._report(error, "skip", 0.0)
                offset, reply = self.queue[0].offset, ask_failure(self._headers, self.path, error)
                self._applied(Outcome(offset, [], self._resolved(SKIPPED), reply, self))
            case Escalate():
                self._report(error, "escalate", 0.0)
                self.shard.escalate(error, self.path)

    def _retry_now(self) -> None:
        self._retry = None
        self.wake()

    def _quarantine(self, reason: str, error: BaseException | None) -> None:
        record, redrive = self.queue[0], self._redrive
        place = record.offset
        if redrive is None:
            self.parking.park(record.offset)
        else:  # it fails again, and keeps its place in quarantine, as do those behind it
            place = redrive.origin
        filed = self.shard.quarantine(record, reason, "" if error is None else repr(error), place)
        if error is not None:
            self._report(error, "quarantine", 0.0)
        failure = error or SchemaError(f"{self.path} is in quarantine; its mail waits there")
        reply = ask_failure(self._headers, self.path, failure)
        self._applied(Outcome(record.offset, [], filed, reply, self))

    def _report(self, error: BaseException, decision: str, delay: float) -> None:
        attempt = self._attempt
        self.shard.report(self.path, self._headers, error, decision, attempt=attempt, delay=delay)
