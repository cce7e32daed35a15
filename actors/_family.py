"""The children of one supervisor: their names, their order, and what happens when one fails."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from ._descent import Descent
from ._errors import ChildExited, NameTaken, failed
from ._failure import Decision, Ending, Escalate, Restart, Stop
from ._judge import judge, report
from ._messages import ShutdownOverrun
from ._path import ActorPath, check_name
from ._policies import SupervisionStrategy
from ._runtime import System
from ._turns import State, Work

if TYPE_CHECKING:
    from ._cell import Cell


class Host(Protocol):
    """The supervisor, as its family sees it: a cell, or the guardian at the root."""

    system: System

    @property
    def path(self) -> ActorPath: ...
    @property
    def strategy(self) -> SupervisionStrategy | None: ...
    @property
    def stopping(self) -> bool: ...
    def signal(self, call: Callable[[], Work | None]) -> None: ...
    def give_up(self, child: "Cell", error: BaseException) -> None: ...


class Family:
    """The living children of one supervisor, in the order they were spawned.

    It decides and acts at once, not in the supervisor's turn: a supervisor whose handler waits for
    a child, as for its answer or for room in its mailbox, must not be what the child waits for.
    Only the supervisor's own failure has to be its own turn's.

    Attributes:
        members: child by name.
        history: loop times of recent restarts, all children together.
        rising: children that a restart or an ordered start is still to bring up, oldest first.
        on_risen: what waits for them.
    """

    __slots__ = ("_delay", "_descent", "_host", "_made", "history", "members", "on_risen", "rising")

    def __init__(self, host: Host) -> None:
        self._host = host
        self.members: dict[str, Cell] = {}
        self.history: tuple[float, ...] = ()
        self.rising: list[Cell] = []
        self.on_risen: Callable[[], None] | None = None
        self._made = 0
        self._descent: Descent[Cell] | None = None
        self._delay: asyncio.TimerHandle | None = None

    def name_for(self, name: str | None) -> str:
        """Return the name a new child gets: the one given, if it is free, or `$1`, `$2` ...

        Raises:
            NameTaken: a living child has it.
            ValueError: it cannot be a name.
        """
        if name is None:
            self._made += 1
            return f"${self._made}"
        if name in self.members:
            raise NameTaken(str(self._host.path / name))
        return check_name(name)

    def newest_first(self) -> "list[Cell]":
        """Return the children in the order they are stopped."""
        return list(reversed(self.members.values()))

    # --- failures ---------------------------------------------------------------------------------

    def failed(self, child: "Cell", error: BaseException, message: object) -> None:
        """Decide about a child that stands still after a crash."""
        self._decide(child, error, message, "failed")

    def exited(self, child: "Cell", reason: str) -> None:
        """Decide about a child that ended by itself, though its spec wants it back."""
        ending: Ending = "stopped" if reason == "stopped" else "killed"
        error = ChildExited(str(child.path), reason, child.restart or "transient")
        self._decide(child, error, None, ending)

    def _decide(self, child: "Cell", error: BaseException, message: object, ending: Ending) -> None:
        host = self._host
        failure = child.failure(error, message, self.history, ending)
        if child.state is not State.FAILED:  # it was stopped, or brought down, meanwhile
            if ending == "failed":
                again = child.state in (State.RESTARTING, State.STARTING, State.RUNNING)
                late = Restart(attempt=max(child.restarts, 1)) if again else Stop()
                report(host.system, failure, late)
            return
        if host.stopping:
            report(host.system, failure, Stop())
            child.stop(failed(error), final=True)
            return
        if self._descent is not None and child in self.rising:
            # It goes down and comes up again with its group anyway.
            report(host.system, failure, Restart(attempt=max(child.restarts, 1)))
            return
        strategy = host.strategy
        if strategy is None:
            strategy = host.system.default_supervision()
        decision = judge(host.system, strategy, failure)
        if isinstance(decision, Restart) and strategy is not None:
            self.history = decision.history
            try:
                group = self._group(strategy, child)
            except Exception as wrong:  # noqa: BLE001 - strategies are user code; the supervisor fails with it
                self._carry_out(child, Escalate(wrong), error)
                return
            if len(group) > 1:
                child.restarts = decision.attempt
                self._regroup(group, decision.delay)
                return
        self._carry_out(child, decision, error)

    def _carry_out(self, child: "Cell", decision: Decision, error: BaseException) -> None:
        child.obey(decision, error)
        if isinstance(decision, Escalate):
            self._host.give_up(child, decision.error or error)

    def _group(self, strategy: SupervisionStrategy, child: "Cell") -> "list[Cell]":
        """Return the children that go down and up with this one, oldest first."""
        names = set(strategy.affected(child.name, tuple(self.members)))
        names.add(child.name)
        return [cell for name, cell in self.members.items() if name in names]

    # --- restarts of several, and starts in order -------------------------------------------------

    def _regroup(self, group: "list[Cell]", delay: float) -> None:
        """Bring a group down, newest first, and after `delay` up again, oldest first."""
        self._cancel_regroup()
        again = {*group, *self.rising}
        group = [cell for cell in self.members.values() if cell in again]
        # A temporary child has one life, which one that is down has still before it.
        self.rising = [cell for cell in group if cell.restart != "temporary" or cell.is_down]
        self._descent = Descent(
            children=reversed(group),
            lower=self._lower,
            done=lambda child: child.is_down or child.is_gone,
            kill=lambda child: child.kill(),
            overrun=self._overrun,
            then=partial(self._fallen, delay),
        )
        self._descent.begin()

    def start_in_order(self, children: "list[Cell]") -> None:
        """Start children that were made but not begun, each when the one before it runs."""
        idle = not self.rising
        self.rising.extend(children)
        if idle:
            self._rise()

    def risen(self, child: "Cell") -> None:
        """Go on with the next: this one runs."""
        falling = self._descent is not None or self._delay is not None
        if not falling and self.rising and self.rising[0] is child:
            del self.rising[0]
            self._rise()

    def _lower(self, child: "Cell") -> None:
        if child.restart == "temporary":
            child.stop(final=True)
        else:
            child.lower()

    def _fallen(self, delay: float) -> None:
        self._descent = None
        if delay > 0.0:
            self._delay = asyncio.get_running_loop().call_later(delay, self._delay_over)
        else:
            self._rise()

    def _delay_over(self) -> None:
        self._delay = None
        self._rise()

    def _rise(self) -> None:
        """Start the oldest that is still down."""
        if self._descent is not None or self._delay is not None:
            return
        while self.rising:
            child = self.rising[0]
            if child.is_down:
                child.rise()
                return
            if child.state not in (State.RUNNING, State.STOPPING, State.STOPPED):
                return  # it starts, or its failure is being decided on
            if child.has_children and child.family.rising:
                return  # a supervisor runs when its children do
            del self.rising[0]
        then, self.on_risen = self.on_risen, None
        if then is not None:
            then()

    def _cancel_regroup(self) -> None:
        if self._descent is not None:
            self._descent.cancel()
            self._descent = None
        if self._delay is not None:
            self._delay.cancel()
            self._delay = None

    # --- the end ----------------------------------------------------------------------------------

    def stop_all(self, then: Callable[[], None]) -> None:
        """Stop the children, newest first, one after another, and go on with `then`."""
        self._cancel_regroup()
        self.rising, self.on_risen, self.history = [], None, ()
        self._descent = Descent(
            children=self.newest_first(),
            lower=lambda child: child.stop(final=True),
            done=lambda child: child.is_gone,
            kill=lambda child: child.kill(final=True),
            overrun=self._overrun,
            then=partial(self._all_stopped, then),
        )
        self._descent.begin()

    def close(self) -> None:
        """Wait for nothing any more: the supervisor has ended."""
        self._cancel_regroup()
        self.rising, self.on_risen = [], None

    def _all_stopped(self, then: Callable[[], None]) -> None:
        self._descent = None
        then()

    def settled(self, child: "Cell") -> None:
        """A child is down: gone, or lowered for a restart."""
        if self._descent is not None:
            self._descent.settled(child)

    def gone(self, child: "Cell") -> None:
        """Forget a child that has stopped; its name is free."""
        if self.members.get(child.name) is child:
            del self.members[child.name]
        if child in self.rising:
            first = self.rising[0] is child
            self.rising.remove(child)
            if first:
                self._rise()
        self.settled(child)

    def _overrun(self, child: "Cell", seconds: float, outcome: str) -> None:
        system = self._host.system
        system.log.warning(
            "actor did not stop in time", actor=str(child.path), seconds=seconds, outcome=outcome
        )
        system.events.publish(ShutdownOverrun(child.path, seconds, outcome))


def check_strategy(strategy: Any) -> Any:
    """Return a strategy, or refuse what cannot be one.

    Raises:
        TypeError: with the line to write.
    """
    if callable(getattr(strategy, "decide", None)) and callable(
        getattr(strategy, "affected", None)
    ):
        return strategy
    raise TypeError(
        f"{strategy!r} is no supervision strategy; write one of OneForOne(), OneForAll(), "
        "RestForOne(), or an object with `decide` and `affected`"
    )
