"""Strategies, backoff and retry policies as tables."""

from typing import Any

import pytest

from callboard import RestartIntensityExceeded
from callboard.actors import (
    ActorPath,
    Decision,
    Escalate,
    Failure,
    Fate,
    Quarantine,
    Restart,
    Resume,
    Retry,
    Skip,
    Stop,
)
from callboard.supervision import Backoff, Directive, History, Intensity, OneForOne, RetryPolicy

PATH = ActorPath("t", ("user", "a"))


def failure(**kwargs: Any) -> Failure:
    """Return a failure at 100 s, with whatever else is given."""
    error = kwargs.pop("error", None) or ValueError("x")
    return Failure(error=error, path=PATH, now=100.0, **kwargs)


@pytest.mark.parametrize(
    ("attempt", "uniform", "delay"),
    [
        (1, 0.0, 0.1),
        (2, 0.0, 0.2),
        (3, 0.0, 0.4),
        (8, 0.0, 10.0),
        (100_000, 0.0, 10.0),
        (1, 0.5, 0.09),
        (1, 0.999, 0.08002),
        (100_000, 0.5, 9.0),
    ],
)
def test_delays_grow_to_their_maximum_and_jitter_shortens_them(
    attempt: int, uniform: float, delay: float
) -> None:
    """Delays double up to the maximum, and chance takes off at most the jitter's part."""
    assert Backoff(0.1, 10.0, jitter=0.2).delay(attempt, uniform) == pytest.approx(delay)


def test_a_factor_of_one_keeps_the_delay() -> None:
    """Constant delays are the factor 1."""
    backoff = Backoff(2.0, 60.0, factor=1.0)
    assert {backoff.delay(attempt, 0.9) for attempt in range(1, 50)} == {2.0}


@pytest.mark.parametrize(
    "arguments",
    [(-1.0, 1.0), (2.0, 1.0), (1.0, 2.0, 0.5), (1.0, 2.0, 2.0, 1.5), (1.0, 2.0, 2.0, -1)],
)
def test_a_backoff_is_checked(arguments: tuple[float, ...]) -> None:
    """Delays that would shrink, be negative or be more than shortened away are refused."""
    with pytest.raises(ValueError, match=r"backoff|Backoff"):
        Backoff(*arguments)


@pytest.mark.parametrize(
    ("history", "now", "admitted", "kept"),
    [
        ((), 10.0, True, (10.0,)),
        ((10.0,), 10.0, True, (10.0, 10.0)),
        ((9.0, 10.0), 10.5, False, (9.0, 10.0)),
        ((5.0, 10.0), 10.0, False, (5.0, 10.0)),
        ((5.0, 10.0), 10.01, True, (10.0, 10.01)),
        ((1.0, 2.0), 10.0, True, (10.0,)),
    ],
)
def test_intensity_counts_what_is_within_the_window(
    history: History,
    now: float,
    admitted: bool,
    kept: History,
) -> None:
    """Two restarts within five seconds, the end of the window included, are all there may be."""
    assert Intensity(2, 5.0).admit(history, now) == (admitted, kept)


@pytest.mark.parametrize(("most", "within"), [(-1, 5.0), (1, 0.0), (1, -1.0)])
def test_an_intensity_is_checked(most: int, within: float) -> None:
    """Negative counts and empty windows are refused."""
    with pytest.raises(ValueError, match=r"max_restarts|within"):
        Intensity(most, within)


class Special(KeyError):  # noqa: N818 - a name for the table
    """An error with bases that are listed."""


@pytest.mark.parametrize(
    ("error", "decision"),
    [
        (ValueError(), Restart(0.1, 1, (100.0,))),
        (KeyError(), Resume()),
        (Special(), Stop()),
        (LookupError(), Escalate()),
        (IndexError(), Escalate()),
        (OSError(), Restart(0.1, 1, (100.0,))),
    ],
)
def test_the_nearest_class_in_the_decider_decides(error: Exception, decision: Decision) -> None:
    """An exception is decided on by its own class or its nearest base; the rest is restarted."""
    strategy = OneForOne(
        backoff=Backoff(0.1, 10.0),
        decider={
            LookupError: Directive.ESCALATE,
            KeyError: Directive.RESUME,
            Special: Directive.STOP,
            OSError: Directive.RESTART,
        },
    )
    assert strategy.decide(failure(error=error)) == decision


@pytest.mark.parametrize(
    ("restarts", "uptime", "attempt", "delay"),
    [(0, 60.0, 1, 0.1), (0, 0.0, 1, 0.1), (2, 0.0, 3, 0.4), (2, 4.9, 3, 0.4), (2, 5.0, 1, 0.1)],
)
def test_a_row_of_restarts_ends_with_a_quiet_time(
    restarts: int, uptime: float, attempt: int, delay: float
) -> None:
    """The delay grows with the restarts in a row, which ends after `within` seconds of running."""
    decision = OneForOne(backoff=Backoff(0.1, 10.0)).decide(
        failure(restarts=restarts, uptime=uptime)
    )
    assert isinstance(decision, Restart)
    assert decision.attempt == attempt
    assert decision.delay == pytest.approx(delay)


def test_one_restart_too_many_escalates_with_its_cause() -> None:
    """The error says how many in how long, and carries the failure and the history."""
    error = ValueError("the last straw")
    decision = OneForOne(2, 5.0).decide(failure(error=error, history=(98.0, 99.0)))
    assert isinstance(decision, Escalate)
    assert isinstance(decision.error, RestartIntensityExceeded)
    assert decision.error.cause is error
    assert decision.error.__cause__ is error
    assert decision.error.history == (98.0, 99.0)
    assert str(decision.error) == (
        "more than 2 restarts within 5 s; the last failure was ValueError: the last straw"
    )


def test_no_restarts_at_all_is_an_intensity_too() -> None:
    """With max_restarts=0 the first failure escalates."""
    assert isinstance(OneForOne(max_restarts=0).decide(failure()), Escalate)


@pytest.mark.parametrize("decider", [{ValueError: "restart"}, {3: Directive.STOP}])
def test_a_decider_is_checked(decider: Any) -> None:
    """What is no directive or no exception class is refused with the line to write."""
    with pytest.raises(TypeError, match=r"Directive|classes of exceptions"):
        OneForOne(decider=decider)


def test_strategies_show_their_numbers() -> None:
    """Their repr can be read in a log."""
    assert repr(OneForOne(backoff=Backoff(1.0, 2.0))) == (
        "OneForOne(max_restarts=3, within=5, backoff=Backoff(initial=1.0, maximum=2.0, factor=2.0, "
        "jitter=0.0))"
    )
    assert repr(RetryPolicy()).startswith("RetryPolicy(max_attempts=3, backoff=")


@pytest.mark.parametrize(
    ("error", "attempt", "fate"),
    [
        (OSError(), 1, Retry(0.05)),
        (OSError(), 2, Retry(0.1)),
        (OSError(), 3, Quarantine()),
        (OSError(), 4, Quarantine()),
        (ValueError(), 1, Quarantine()),
        (UnicodeError(), 1, Quarantine()),
        (KeyError(), 1, Skip()),
        (MemoryError(), 1, Escalate()),
        (Special(), 3, Skip()),
    ],
)
def test_a_message_is_retried_then_parked_unless_its_error_is_listed(
    error: Exception, attempt: int, fate: Fate
) -> None:
    """Listed errors decide at once; the others are retried with backoff, three attempts in all."""
    policy = RetryPolicy(
        backoff=Backoff(0.05, 5.0),
        skip=(KeyError,),
        quarantine=(ValueError,),
        escalate=(MemoryError,),
    )
    assert policy.decide(error, attempt, 0.5) == fate


def test_a_retry_policy_is_checked() -> None:
    """No attempts, double listings and things that are no exceptions are refused."""
    with pytest.raises(ValueError, match="at least once"):
        RetryPolicy(max_attempts=0)
    with pytest.raises(ValueError, match="listed twice"):
        RetryPolicy(skip=(KeyError,), escalate=(KeyError,))
    with pytest.raises(TypeError, match="skip has 'KeyError'"):
        RetryPolicy(skip=("KeyError",))  # type: ignore[arg-type]
