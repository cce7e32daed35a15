"""What an actor may own besides its state: timers, a stash, behaviors, tasks, promised replies.

Most actors have none of it, so it is made with the first use. All of it belongs to one incarnation:
a restart cancels the timers and tasks, forgets the behaviors, fails the promised replies and puts
the stash back into the mailbox.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from ._errors import ActorFailed, StashFull
from ._handlers import HandlerTable
from ._mailbox import Envelope, Internal, Priority, unpack


class Owner(Protocol):
    """The cell, as its tools see it."""

    item: Any

    @property
    def path(self) -> Any: ...
    @property
    def runnable(self) -> bool: ...
    def put(self, message: Any) -> None: ...
    def put_back(self, items: list[Any]) -> None: ...
    def turn_away(self, envelope: Any) -> None: ...
    def task_failed(self, error: BaseException) -> None: ...


class Tick(Internal):
    """A timer's message on its way through the mailbox."""

    __slots__ = ("timer",)

    def __init__(self, timer: "Timer") -> None:
        self.timer = timer

    def dropped(self, cell: Any) -> None:
        """Let the timer put another one in."""
        del cell
        self.timer.waiting = False

    def rank(self, priority: Priority) -> float:
        """Return the rank of the timer's message."""
        return priority(self.timer.message)


class LastMail(Internal):
    """The end of an actor that stops when it has handled the mail before this."""

    __slots__ = ("final",)

    def __init__(self, *, final: bool) -> None:
        self.final = final

    def dropped(self, cell: Any) -> None:
        """Stop now: the mail before this has been dropped as well."""
        cell.stop(final=self.final)

    def rank(self, priority: Priority) -> float:
        """Stand behind all other mail."""
        del priority
        return float("inf")


class Timer:
    """One timer of an actor; `interval` is None for one that fires once."""

    __slots__ = ("due", "handle", "interval", "key", "message", "waiting")

    handle: asyncio.TimerHandle

    def __init__(self, key: object, message: object, interval: float | None) -> None:
        self.key = key
        self.message = message
        self.interval = interval
        self.waiting = False  # its message is in the mailbox
        self.due = 0.0


class Tools:
    """The tools of one incarnation; the cell calls, this keeps order."""

    __slots__ = (
        "_idle_handle",
        "_idle_message",
        "_idle_since",
        "_owner",
        "_put_aside",
        "behaviors",
        "idle_after",
        "promises",
        "stash",
        "tasks",
        "timers",
    )

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._put_aside: Envelope | None = None  # the message in hand, once it is in the stash
        self.timers: dict[object, Timer] = {}
        self.stash: list[Any] = []
        self.behaviors: list[HandlerTable] = []
        self.tasks: set[asyncio.Task[Any]] = set()
        self.promises: dict[asyncio.Future[Any], None] = {}
        self.idle_after: float | None = None
        self._idle_message: object = None
        self._idle_since = 0.0
        self._idle_handle: asyncio.TimerHandle | None = None

    # --- timers -----------------------------------------------------------------------------------

    def start_timer(
        self, key: object, delay: float, message: object, interval: float | None
    ) -> None:
        """Start a timer in place of the one with the same key."""
        hash(key)  # an empty dict would take any key out, and the timer would be started
        self.cancel_timer(key)
        loop = asyncio.get_running_loop()
        timer = Timer(key, message, interval)
        timer.due = loop.time() + delay
        timer.handle = loop.call_at(timer.due, self._fire, timer)
        self.timers[key] = timer

    def cancel_timer(self, key: object) -> bool:
        """Cancel a timer; its message is not handled even if it is in the mailbox already."""
        timer = self.timers.pop(key, None)
        if timer is None:
            return False
        timer.handle.cancel()
        return True

    def timer_fired(self, tick: Tick) -> bool:
        """Return whether the message of a tick is still wanted, which is out of the mailbox."""
        timer = tick.timer
        timer.waiting = False
        if self.timers.get(timer.key) is not timer:
            return False
        if timer.interval is None:
            del self.timers[timer.key]
        return True

    def _fire(self, timer: Timer) -> None:
        if timer.interval is not None:
            loop = asyncio.get_running_loop()
            # Late ones are left out, not made up for: an actor that is behind gets no burst.
            timer.due = max(timer.due + timer.interval, loop.time())
            timer.handle = loop.call_at(timer.due, self._fire, timer)
        if not timer.waiting:
            timer.waiting = True
            self._owner.put(Tick(timer))

    # --- receive timeout --------------------------------------------------------------------------

    def set_receive_timeout(self, seconds: float | None, message: object) -> None:
        """Put `message` into the mailbox whenever there was none for `seconds`."""
        if self._idle_handle is not None:
            self._idle_handle.cancel()
            self._idle_handle = None
        self.idle_after, self._idle_message = seconds, message
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._idle_since = loop.time()
            self._idle_handle = loop.call_later(seconds, self._idle)

    def rested(self) -> None:
        """Note that a turn is over."""
        if self.idle_after is not None:
            loop = asyncio.get_running_loop()
            self._idle_since = loop.time()
            if self._idle_handle is None:
                self._idle_handle = loop.call_later(self.idle_after, self._idle)

    def _idle(self) -> None:
        self._idle_handle = None
        if self.idle_after is None or self._owner.runnable:
            return  # `rested` arms it again
        loop = asyncio.get_running_loop()
        due = self._idle_since + self.idle_after
        if loop.time() + 1e-9 < due:
            self._idle_handle = loop.call_at(due, self._idle)
        else:
            self._owner.put(self._idle_message)

    # --- stash ------------------------------------------------------------------------------------

    def put_aside(self, capacity: int) -> None:
        """Keep the message in hand for later."""
        owner = self._owner
        item = owner.item
        if item is self._put_aside:
            return  # it is there already
        if len(self.stash) >= capacity:
            raise StashFull(str(owner.path), capacity)
        self.stash.append(item)
        message, sender, _ = unpack(item)
        # It is answered when it is handled in the end.
        owner.item = self._put_aside = (message, sender, None)

    def unstash(self) -> None:
        """Put what was kept back, ahead of all other mail."""
        items, self.stash = self.stash, []
        self._owner.put_back(items)

    # --- tasks and promised replies ---------------------------------------------------------------

    def run(
        self,
        coroutine: Coroutine[Any, Any, Any],
        on_success: Callable[[Any], object],
        on_failure: Callable[[BaseException], object] | None,
        seconds: float | None,
    ) -> None:
        """Run a coroutine beside the actor and put what it comes to into the mailbox."""

        async def bounded() -> Any:
            async with asyncio.timeout(seconds):
                return await coroutine

        def done(task: "asyncio.Task[Any]") -> None:
            coroutine.close()  # it may have been cancelled before its first step
            if task not in self.tasks:  # cancelled with the incarnation
                if not task.cancelled():
                    task.exception()  # so that asyncio does not complain that nobody looked
                return
            self.tasks.discard(task)
            error = asyncio.CancelledError() if task.cancelled() else task.exception()
            try:
                if error is None:
                    message = on_success(task.result())
                elif on_failure is not None:
                    message = on_failure(error)
                else:
                    self._owner.task_failed(error)
                    return
            except Exception as mapping:  # noqa: BLE001 - the functions are the actor's own
                self._owner.task_failed(mapping)
                return
            self._owner.put(message)

        task = asyncio.get_running_loop().create_task(bounded())
        self.tasks.add(task)
        task.add_done_callback(done)

    def promise(self, reply: "asyncio.Future[Any]") -> None:
        """Remember an asker who was promised an answer, to tell it if none can come."""
        self.promises[reply] = None
        reply.add_done_callback(lambda done: self.promises.pop(done, None))

    # --- the end of the incarnation ---------------------------------------------------------------

    def dispose(self) -> None:
        """Cancel what runs, forget the behaviors, and fail the replies that were promised."""
        for key in list(self.timers):
            self.cancel_timer(key)
        self.set_receive_timeout(None, None)
        self.behaviors.clear()
        tasks, self.tasks = self.tasks, set()
        for task in tasks:
            task.cancel()
        promises, self.promises = self.promises, {}
        for reply in promises:
            if not reply.done():
                reply.set_exception(
                    ActorFailed(
                        str(self._owner.path), "ReplyLost", "it ended before the promised answer"
                    )
                )

    def end(self) -> None:
        """Dispose for good: what is in the stash is turned away."""
        self.dispose()
        stash, self.stash = self.stash, []
        for item in stash:
            self._owner.turn_away(unpack(item))
