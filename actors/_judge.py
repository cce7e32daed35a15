"""From a failure to a decision that is logged, counted and published."""

import traceback
from functools import partial

from ._errors import text_of
from ._failure import Decision, Escalate, Failure, FailureEvent, Restart, Resume, Stop
from ._policies import SupervisionStrategy
from ._runtime import System

_NAMES = {"Restart": "restart", "Resume": "resume", "Stop": "stop", "Escalate": "escalate"}


def judge(system: System, strategy: SupervisionStrategy | None, failure: Failure) -> Decision:
    """Ask the strategy (without one, what fails is stopped) and report the failure with the answer.

    A strategy that raises is a failure of the supervisor: its exception is escalated.
    """
    decision: Decision
    if strategy is None:
        decision = Stop()
    else:
        try:
            decision = strategy.decide(failure)
            if not isinstance(decision, Restart | Resume | Stop | Escalate):  # pyright: ignore[reportUnnecessaryIsInstance] - strategies are user code
                raise TypeError(
                    f"{strategy!r} decided {decision!r}; a decision is a Restart, Resume, Stop or "
                    "Escalate"
                )
        except Exception as error:  # noqa: BLE001 - strategies are user code; the supervisor fails with it
            decision = Escalate(error)
    if isinstance(decision, Restart):
        system.counters.restarts += 1
    report(system, failure, decision)
    return decision


def report(system: System, failure: Failure, decision: Decision) -> None:
    """Log a failure as one line, count it and publish it, unless its path has had too many."""
    system.counters.failures += 1
    make = partial(_event, system.node, system.wall_clock(), failure, decision)
    if isinstance(failure.message, FailureEvent):
        event: FailureEvent | None = make()  # its actor must not be told of its own crash
    else:
        event = system.failures.admit(str(failure.path), failure.now, make)
    if event is None:
        return
    fields = {
        "actor": event.path,
        "message": event.message_type,
        "error": f"{event.error_type}: {event.error}",
        "decision": event.decision,
        "delay": round(event.delay, 3),
    }
    if isinstance(decision, Stop | Escalate):
        system.log.error("actor failed", **fields, exc_info=failure.error)
    else:
        system.log.warning("actor failed", **fields)
        system.log.debug("actor failed: traceback", actor=event.path, exc_info=failure.error)


def _event(node: str, at: float, failure: Failure, decision: Decision) -> FailureEvent:
    """Make the event: dear, because of the traceback, and so only when it is published."""
    error = failure.error
    attempt, delay = failure.restarts + 1, 0.0
    if isinstance(decision, Restart):
        attempt, delay = decision.attempt, decision.delay
    return FailureEvent(
        at=at,
        node=node,
        path=str(failure.path),
        message_type="" if failure.message is None else type(failure.message).__name__,
        message_id="",
        error_type=type(error).__name__,
        error=text_of(error)[:500],
        traceback=_trace(error),
        decision=_NAMES[type(decision).__name__],
        attempt=attempt,
        delay=delay,
    )


def _trace(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))[-4000:]
    except Exception:  # noqa: BLE001 - one whose `__str__` fails cannot be formatted on every Python
        return "".join(traceback.format_tb(error.__traceback__))[-4000:]
