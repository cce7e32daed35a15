"""The life of one actor: its start, its crashes, its restarts and its end.

A cell outlives its actor: a restart replaces the instance and nothing else, so refs and mail stay.
"""

import asyncio
from functools import partial
from types import CoroutineType
from typing import Any

from ._actor import Actor
from ._errors import ActorFailed, failed, text_of
from ._failure import Decision, Ending, Failure, Restart, Resume, Stop
from ._judge import report
from ._mailbox import NOTHING, Envelope
from ._place import Place
from ._props import RestartKind
from ._turns import Signal, State, Work


class Cell(Place):
    """One actor through all its incarnations, and the signals that move it from state to state."""

    __slots__ = ()

    # --- start, crash, restart --------------------------------------------------------------------

    def make(self) -> None:
        """Make the first instance; raises what its `__init__` does."""
        self._actor = actor = self._class(*self._args, **self._kwargs)
        actor._cell = self  # noqa: SLF001 - how `context` finds its way  # pyright: ignore[reportPrivateUsage]

    def begin(self) -> None:
        """Start the first instance: at once if nothing is to be called, else in the first turn."""
        if self._class.started is Actor.started:
            self.state = State.RUNNING
            self._ready = True
            self._since = self.system.now()
            self.held = False
        else:
            self.signal(self._start)

    def begin_down(self, restart: RestartKind, shutdown: float | None) -> None:
        """Wait to be brought up by `rise`, as a child of a spec."""
        self.restart, self._shutdown = restart, shutdown
        self.state = State.RESTARTING
        self.is_down = True

    def _start(self) -> Work | None:
        actor = self._actor
        assert actor is not None, "an instance is made before it is started"
        if self._class.started is Actor.started:
            return self._run()
        self._then = self._run
        try:
            work: Any = actor.started()
        except Exception as error:  # noqa: BLE001 - a plain `started` fails here
            self._then = None
            self.crash(error, NOTHING)
            return None
        if type(work) is CoroutineType:
            return work
        self._then = None
        return self._run()

    def _run(self) -> Work | None:
        if self.state is State.STARTING:
            self.state = State.RUNNING
            self._ready = True
            self._since = self.system.now()
            self.give_held()
            if self._family is not None and self._family.rising:
                # A supervisor runs when its children do: only then may its next sibling start.
                self._family.on_risen = self._risen
            else:
                self._risen()
        return None

    def _risen(self) -> None:
        self.parent.family.risen(self)

    def crash(self, error: BaseException, envelope: Envelope) -> None:
        """Stand still until the supervisor has decided; the asker need not wait for that."""
        message, _, reply = envelope
        if reply is not None and not reply.done():
            failure = ActorFailed(str(self.path), type(error).__name__, text_of(error))
            failure.__cause__ = error
            reply.set_exception(failure)
        self.state = State.FAILED
        self.parent.family.failed(self, error, message)

    def task_failed(self, error: BaseException) -> None:
        """Crash of a piped task's failure, in the actor's own turn."""
        self.signal(partial(self._crash_later, error))

    def _crash_later(self, error: BaseException) -> Work | None:
        if self.state is State.RUNNING:
            self.crash(error, NOTHING)
        return None

    def failure(
        self, error: BaseException, message: object, history: tuple[float, ...], ending: Ending
    ) -> Failure:
        """Return what a strategy may know of a failure of this actor."""
        now = self.system.now()
        return Failure(
            error=error,
            message=message,
            path=self.path,
            now=now,
            uniform=self.system.random.random(),
            restarts=self.restarts,
            uptime=now - self._since if self._ready else 0.0,
            history=history,
            ending=ending,
            kind=self.restart or "transient",
        )

    def obey(self, decision: Decision, error: BaseException) -> None:
        """Carry out what the supervisor decided about this failed actor alone."""
        if isinstance(decision, Restart):
            self.restarts = decision.attempt
            self.signal(partial(self._restart, decision.delay))
        elif isinstance(decision, Resume):
            self.signal(self.resume)
        elif isinstance(decision, Stop):
            reason = self.reason if self._actor is None and self.reason != "stopped" else ""
            self.stop(reason or failed(error), final=True)

    def resume(self) -> Work | None:
        """Go on with the same instance; without one, with a new one."""
        if self.state is not State.FAILED:
            return None
        if not self._ready or self._actor is None:
            return self._restart(0.0)
        self.state = State.RUNNING
        for child in self.children():
            child.signal(child.resume)  # those whose failure was escalated through this one
        self.give_held()
        return None

    def lower(self) -> None:
        """Bring the instance down for a restart of its group; the family is told when it is."""
        self._held_down = True  # at once: what it is about to do ends down
        self.signal(self._lower)

    def _lower(self) -> Work | None:
        if not self._held_down:
            return None  # it got there by itself
        if self.state in (State.STARTING, State.RUNNING, State.FAILED):
            self.state = State.FAILED
            return self._restart(0.0)
        if self.state is State.RESTARTING and self._actor is None and self._timer is not None:
            return self._pause(0.0)  # its own delay is cut short
        return None

    def _be_down(self) -> None:
        """Stand without an instance until the family brings it up."""
        self.state = State.RESTARTING
        self._held_down, self.is_down = False, True
        self.parent.family.settled(self)

    def rise(self) -> None:
        """Start a new instance of one that is down."""
        self.is_down = False
        self.signal(self._renew)

    def _restart(self, delay: float) -> Work | None:
        if self.state is not State.FAILED:
            return None
        self.state = State.RESTARTING
        return self._without_children(partial(self._replace, delay))

    def _replace(self, delay: float) -> Work | None:
        if self.state is not State.RESTARTING or self.is_down:
            return None  # ended meanwhile, or killed in the moment its last child went
        self.alone_since = self.system.now()
        return self._dismiss(partial(self._pause, delay))

    def _pause(self, delay: float) -> Work | None:
        self._cancel_timer()
        if self.state is not State.RESTARTING or self.is_down:
            return None
        if self._held_down:
            self._be_down()
            return None
        if delay <= 0.0:
            return self._renew()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(delay, self.signal, self._delay_over)
        return None

    def _delay_over(self) -> Work | None:
        # The timer is gone if the restart was cut short in the moment it fired.
        return None if self._timer is None else self._renew()

    def _renew(self) -> Work | None:
        if self.state is not State.RESTARTING or self.is_down:
            return None  # ended, or brought down again, between being told to rise and its turn
        self._cancel_timer()
        self.state, self._ready = State.STARTING, False
        try:
            self.make()
        except Exception as error:  # noqa: BLE001 - a failed restart is decided on like any failure
            self.crash(error, NOTHING)
            return None
        if self.tools is not None:
            self.tools.unstash()
        return self._start()

    def give_up(self, child: "Cell", error: BaseException) -> None:
        """Fail with a failure that a child escalated."""
        del child  # it stands still until this one's supervisor has decided
        if self._escalated is None:
            self._escalated = error
            # A handler that waits, perhaps for that very child, is cut off.
            if not (self._working and self.dispatcher.interrupt(self)):
                self.signal(self._escalate)

    def _escalate(self) -> Work | None:
        error, self._escalated = self._escalated, None
        if self.state is State.RUNNING and error is not None:
            self.crash(error, NOTHING)
        return None

    # --- the end ----------------------------------------------------------------------------------

    def stop(self, reason: str = "stopped", *, final: bool = False) -> None:
        """Stop after the message in hand; mail that is left becomes dead letters.

        Unless it is `final`, a supervisor whose spec wants the child back starts it again.
        """
        self.signal(partial(self._stop, reason, final))

    def kill(self, *, final: bool = False) -> None:
        """Stop now, with all below: what is in hand is cancelled, `stopped` is not called."""
        if self.state is State.STOPPED:
            return
        self._final = self._final or final
        if self.killed or (self.is_down and self._wanted_back("killed")):
            return  # it is on its way, or there is nothing to kill
        self.killed, self.reason = True, "killed"
        for child in self.children():
            child.kill(final=True)
        if not (self._working and self.dispatcher.interrupt(self)):
            self.signal_first(self._end_killed)  # ahead of a start that might never return

    def _end_killed(self) -> Work | None:
        return self.end() if self.killed else None  # else a handler's end has seen to it already

    def abandon(self) -> None:
        """Give the place up although a coroutine of it still runs."""
        self._final = True
        self.end()

    def _stop(self, reason: str, final: bool) -> Work | None:  # noqa: FBT001 - made by `stop` alone
        if self.state in (State.STOPPING, State.STOPPED):
            self._final = self._final or final
            return None
        self._final = final
        if (self.is_down or self._held_down) and self._wanted_back(reason):
            return None  # it is on its way down, and will be brought up again
        self.reason = reason
        self.state = State.STOPPING
        self.is_down = False
        if not self._wanted_back(reason):
            self._final = True  # also if it is killed on its way
            self.shut_inbox()
        self._cancel_timer()
        return self._without_children(self._say_farewell)

    def _say_farewell(self) -> Work | None:
        if self.killed or self.state is not State.STOPPING:
            return None
        self.alone_since = self.system.now()
        return self._dismiss(self.end)

    def _wanted_back(self, reason: str) -> bool:
        """Whether its supervisor wants it back after an end that it did not bring about."""
        if self._final or self.restart == "temporary":
            return False
        if self._held_down and self.killed:
            return True  # it was too slow in the fall of its group, and comes up with that
        return self.restart == "permanent" or (self.restart == "transient" and reason != "stopped")

    def _without_children(self, then: Signal) -> Work | None:
        """Stop the children, newest first, and go on with `then` when all are gone."""
        if self._family is None or not self._family.members:
            return then()
        self._family.stop_all(partial(self.signal, then))
        return None

    def _dismiss(self, then: Signal) -> Work | None:
        """End the instance, if there is one, and go on with `then`."""
        actor, self._actor = self._actor, None
        if self.tools is not None:
            self.tools.dispose()
        self.behavior = self._class.handlers
        if actor is None or self._class.stopped is Actor.stopped:
            return then()
        self._then = then
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self.stop_deadline, self.dispatcher.interrupt, self)
        return self._farewell(actor)

    async def _farewell(self, actor: Actor) -> None:
        try:
            work: Any = actor.stopped()
            if work is not None:
                await work
        except (Exception, asyncio.CancelledError) as error:
            if self.killed:
                raise
            if isinstance(error, asyncio.CancelledError):
                seconds = self.stop_deadline
                error = TimeoutError(f"`stopped` did not return within {seconds:g} s")
            restarting = self.state is State.RESTARTING
            decision = Restart(attempt=self.restarts) if restarting else Stop()
            failure = self.failure(error, None, (), "failed")
            report(self.system, failure, decision)
        finally:
            self._cancel_timer()

    def end(self) -> Work | None:
        """Be stopped, or stand still for the supervisor that may want it back."""
        if self.state is State.STOPPED:
            return None
        self._actor = None
        self._cancel_timer()
        wanted = self._wanted_back(self.reason)
        if self._family is not None:
            if wanted and self._family.members:  # killed as well; their names must be free again
                self.state = State.STOPPING
                self._family.stop_all(partial(self.signal, self.end))
                return None
            self._family.close()
        if wanted:
            if self.tools is not None:
                self.tools.dispose()
            self.killed = False
            if self._held_down:
                self._be_down()
                return None
            self.state = State.FAILED
            self.parent.family.exited(self, self.reason)
            return None
        self.state = State.STOPPED
        self.held = True
        self.shut_inbox()
        if self.tools is not None:
            self.tools.end()
        self.empty_inbox()
        self.system.counters.stopped += 1
        self.parent.family.gone(self)
        self.tell_tied()  # who is told finds the name free
        if self._signals is not None:
            self._signals.clear()
        return None

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
