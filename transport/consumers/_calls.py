"""What both kinds of lanes share: calling a function that may wait, fail, or take too long."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from inspect import iscoroutine
from typing import TYPE_CHECKING, Any

from ...actors import Begun, Fate
from ...actors import Quarantine as Park
from ...actors import Retry as Again
from ...actors import Skip as Drop
from ..delivery import Outbound, Turn, current_turn, in_turn
from ._verdicts import Quarantine, Retry, Skip

if TYPE_CHECKING:
    from ..delivery import Shard
    from ._receiver import ConsumerReceiver


class HandlerTimeoutError(TimeoutError):
    """A consumer's function took longer than its `timeout`, and was cancelled."""


class CallingLane:
    """Base of a consumer's lanes: a dispatcher's runnable that has one call under way at most.

    A lane says in `has_mail`, `_handle`, `_succeeded` and `_failed` what its calls are about.
    """

    __slots__ = (
        "_attempt",
        "_blocked",
        "_late",
        "_pending",
        "_retry",
        "_turn",
        "chunk",
        "key",
        "last_used",
        "receiver",
        "scheduled",
        "scope",
        "self_ref",
        "shard",
    )

    def __init__(self, shard: "Shard", receiver: "ConsumerReceiver", key: str) -> None:
        self.shard = shard
        self.receiver = receiver
        self.key = key
        self.self_ref = None
        """What its functions tell has no sender that could be answered."""
        self.last_used = 0.0
        self.scheduled = False
        self.scope: Context | None = None
        self.chunk = 0
        self._attempt = 1
        self._blocked = False  # in line for a slot
        self._pending = False  # an async call is under way
        self._late = False  # it has taken too long
        self._turn: Turn | None = None
        self._retry: asyncio.TimerHandle | None = None

    # -- what a lane says ---------------------------------------------------------

    @property
    def has_mail(self) -> bool:
        """There is something to handle."""
        raise NotImplementedError

    def _handle(self) -> Coroutine[Any, Any, Any] | None:
        raise NotImplementedError

    def _succeeded(self, result: object) -> None:
        raise NotImplementedError

    def _failed(self, error: BaseException) -> None:
        raise NotImplementedError

    # -- what the shard and the slots ask -----------------------------------------

    @property
    def busy(self) -> bool:
        """An async call is under way."""
        return self._pending

    @property
    def idle(self) -> bool:
        """It has no mail and nothing in hand."""
        return not self.has_mail and not self._pending

    def wake(self) -> None:
        """Join the dispatcher's queue, unless already in it or with nothing to do."""
        if not self.scheduled and self.runnable:
            self.scheduled = True
            self.shard.host.dispatcher.schedule(self)

    def detach(self) -> None:
        """End what is under way: the partition is leaving this node."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._pending:
            self.shard.host.dispatcher.interrupt(self)

    async def passivate(self) -> None:
        """Nothing to let go of."""

    def admitted(self) -> bool:
        """Go on, there is room; return whether there is anything to go on with."""
        self._blocked = False
        self.wake()
        return self.scheduled

    def overdue(self) -> None:
        """Cancel the call."""
        self._late = True
        self.shard.host.dispatcher.interrupt(self)

    # -- what the dispatcher asks -------------------------------------------------

    @property
    def runnable(self) -> bool:
        """There is mail, and nothing it has to wait for."""
        return (
            self.has_mail
            and not self._pending
            and not self._blocked
            and self._retry is None
            and self.shard.running
        )

    def step(self, limit: int) -> Coroutine[Any, Any, Any] | Begun | None:
        """Handle what there is, up to `limit`; return a coroutine when that takes waiting."""
        while limit > 0 and self.runnable:
            limit -= 1
            waiting = self._handle()
            if waiting is not None:
                return waiting
        self.scheduled = self.runnable
        return None

    def completed(self, result: object) -> None:
        """Take a call's result."""
        self._ended()
        if self.shard.owned:  # else of an older assignment: nothing of it is kept
            self._succeeded(result)
        self.scheduled = self.runnable

    def failed(self, error: BaseException) -> None:
        """Take a call's exception."""
        if self._late:
            error = HandlerTimeoutError(
                f"{self.receiver.name} took longer than {self.receiver.options.timeout:g} s and "
                f"was cancelled"
            )
        self._ended()
        if self._turn is not None:
            self._turn.open = False
        if self.shard.owned:
            self._failed(error)
        self.scheduled = self.runnable

    # -- calls --------------------------------------------------------------------

    def _call(
        self, function: Callable[..., Any], turn: Turn | None, *args: Any
    ) -> Coroutine[Any, Any, Any] | None:
        """Call a function in a turn; return a coroutine when it has to wait."""
        slots = self.receiver.slots
        if self.receiver.waits:
            if not slots.take(self):
                self._blocked = True
                return None
            self._pending = True
        self._turn = turn
        token = current_turn.set(turn)
        try:
            result = function(*args)
        except Exception as error:  # noqa: BLE001 - user code: supervised
            self.failed(error)
            return None
        finally:
            current_turn.reset(token)
        if iscoroutine(result):
            if not self._pending:  # a plain function that returns a coroutine
                slots.began(self)
                self._pending = True
            return in_turn(result, turn)
        self.completed(result)
        return None

    def _ended(self) -> None:
        if self._pending:
            self._pending = self._late = False
            self.receiver.slots.ended(self)

    def _sent(self) -> list[Outbound]:
        """Close the turn, and return what the function has sent in it."""
        if self._turn is None:
            return []
        self._turn.open = False
        return self._turn.outputs

    def _fate(self, error: BaseException) -> Fate:
        """Return what becomes of the message: as the function says, else as its policy does."""
        if isinstance(error, Skip):
            return Drop()
        if isinstance(error, Quarantine):
            return Park()
        fate = self.receiver.policy.decide(error, self._attempt, self.shard.host.random.random())
        if isinstance(error, Retry) and isinstance(fate, Again):
            return Again(error.after)
        return fate

    def _try_again(self, after: float) -> None:
        self.shard.host.counters.retries += 1
        self._attempt += 1
        self._retry = self.shard.host.later(after, self._retry_now)

    def _retry_now(self) -> None:
        self._retry = None
        self.wake()

    def _report(
        self, headers: dict[str, bytes], error: BaseException, decision: str, delay: float = 0.0
    ) -> None:
        path = self.receiver.path
        self.shard.report(path, headers, error, decision, attempt=self._attempt, delay=delay)
