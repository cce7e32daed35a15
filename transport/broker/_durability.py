"""When what was written is safe: before an answer, now and then, or when the system likes."""

import asyncio
from collections.abc import Callable

import structlog

from ._clock import Timer
from ._errors import BrokerError
from .log import Store

_log = structlog.get_logger("callboard.broker")

ALWAYS, NEVER = "always", "never"


def sync_interval(policy: str | float) -> float | None:
    """Return the seconds between two syncs; 0 for always, None for never.

    Raises:
        BrokerError: It is no policy.
    """
    if policy == NEVER:
        return None
    if policy == ALWAYS:
        return 0.0
    try:
        seconds = float(policy)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise BrokerError(
            f"got fsync={policy!r}; expected 'always', 'never', or seconds up to 3600"
        )
    return seconds


class Durability:
    """Syncs a store by its policy, one at a time, in a thread.

    Those who wait for a sync that has begun wait for the next, for it may have
    missed what they wrote. So one sync serves all that came during the one before.

    Args:
        store: What is synced.
        interval: Seconds between two; 0 before each answer, None never.
        failed: Called when the system cannot do it: nothing written since is safe.
    """

    def __init__(
        self, store: Store, interval: float | None, failed: Callable[[OSError], None]
    ) -> None:
        self._store = store
        self._interval = interval
        self._failed = failed
        self._waiting: list[Callable[[], None]] = []
        self._syncing: asyncio.Future[None] | None = None
        self._timer: Timer | None = None
        self._broken = False
        if interval:
            self._set_timer(interval)

    def owed(self) -> bool:
        """Tell whether an answer has to wait for a sync."""
        return self._interval == 0 and self._store.unsynced

    def wait(self, call: Callable[[], None]) -> None:
        """Call back when everything written so far is safe; never, if that fails."""
        self._waiting.append(call)
        self._begin()

    def close(self) -> None:
        """Sync no more."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self, interval: float) -> None:
        def tick() -> None:
            if self._store.unsynced:
                self._begin()
            self._set_timer(interval)

        self._timer = asyncio.get_running_loop().call_later(interval, tick)

    def _begin(self) -> None:
        if self._syncing is not None or self._broken:
            return
        waiting, self._waiting = self._waiting, []
        loop = asyncio.get_running_loop()
        self._syncing = syncing = loop.run_in_executor(None, self._store.sync)

        def done(_: "asyncio.Future[None]") -> None:
            self._syncing = None
            error = None if syncing.cancelled() else syncing.exception()
            if isinstance(error, OSError):
                # The system may have dropped what it could not write: trying again would lie.
                self._broken = True
                _log.error("the disk did not take what was written", reason=str(error))
                self._failed(error)
                return
            for call in waiting:
                call()
            if self._waiting:
                self._begin()

        syncing.add_done_callback(done)
