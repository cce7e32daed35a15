"""Restart intensity and backoff, for all inputs."""

import math

from hypothesis import given
from hypothesis import strategies as st

from callboard.actors import ActorPath, Escalate, Failure, Restart
from callboard.supervision import Backoff, History, Intensity, OneForOne

SECONDS = st.floats(min_value=0.0, max_value=100.0)
GAPS = st.lists(st.one_of(st.just(0.0), SECONDS), max_size=60)


def times(gaps: list[float]) -> list[float]:
    """Return the times of failures that are so far apart."""
    at, result = 0.0, list[float]()
    for gap in gaps:
        at += gap
        result.append(at)
    return result


@given(GAPS, st.integers(0, 5), st.floats(min_value=0.01, max_value=50.0))
def test_no_window_ever_holds_more_than_max_restarts(
    gaps: list[float], most: int, within: float
) -> None:
    """Whatever fails when, any window of `within` seconds holds few enough restarts."""
    intensity, history, admitted = Intensity(most, within), (), list[float]()
    kept: History = history
    for now in times(gaps):
        ok, kept = intensity.admit(kept, now)
        if ok:
            admitted.append(now)
        assert len(kept) <= most
    for at in admitted:
        assert sum(1 for other in admitted if 0.0 <= other - at <= within) <= most


@given(GAPS, st.integers(1, 5), st.floats(min_value=0.01, max_value=50.0))
def test_a_refusal_means_that_the_window_is_full(
    gaps: list[float], most: int, within: float
) -> None:
    """A restart is refused only when `max_restarts` lie within the window before it."""
    intensity, admitted = Intensity(most, within), list[float]()
    kept: History = ()
    for now in times(gaps):
        recent = [at for at in admitted if now - at <= within]
        ok, kept = intensity.admit(kept, now)
        assert ok == (len(recent) < most)
        if ok:
            admitted.append(now)


@given(
    st.floats(min_value=0.0, max_value=10.0),
    st.floats(min_value=0.0, max_value=100.0),
    st.floats(min_value=1.0, max_value=10.0),
    st.floats(min_value=0.0, max_value=1.0),
    st.integers(1, 10_000),
    st.floats(min_value=0.0, max_value=1.0, exclude_max=True),
)
def test_delays_stay_within_their_bounds_and_never_shrink(
    initial: float, above: float, factor: float, jitter: float, attempt: int, uniform: float
) -> None:
    """A delay lies between the shortened initial one and the maximum; the next is no shorter."""
    backoff = Backoff(initial, initial + above, factor, jitter)
    delay = backoff.delay(attempt, uniform)
    assert math.isfinite(delay)
    assert 0.0 <= delay <= backoff.maximum
    assert delay >= initial * (1.0 - jitter) * (1 - 1e-9)
    assert backoff.delay(attempt + 1, uniform) >= delay


@given(GAPS, st.integers(0, 5), st.floats(min_value=0.01, max_value=50.0))
def test_deciding_is_pure(gaps: list[float], most: int, within: float) -> None:
    """The same failure gets the same decision: a restart exactly when one is admitted."""
    strategy, intensity = OneForOne(most, within), Intensity(most, within)
    history: History = ()
    for now in times(gaps):
        failure = Failure(
            error=ValueError(), path=ActorPath("t", ()), now=now, uniform=0.5, history=history
        )
        decision = strategy.decide(failure)
        again = strategy.decide(failure)
        admitted, history = intensity.admit(history, now)
        if admitted:
            assert decision == again
            assert isinstance(decision, Restart)
            assert decision.history == history
        else:
            assert isinstance(decision, Escalate)
