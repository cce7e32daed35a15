"""What the three strategies have in common: everything but who is affected."""

from collections.abc import Mapping
from types import MappingProxyType

from ..actors import (
    Decision,
    Escalate,
    Failure,
    Restart,
    RestartIntensityExceeded,
    Resume,
    Stop,
)
from ._backoff import Backoff
from ._decider import check_exceptions, nearest
from ._directive import Directive
from ._intensity import Intensity

DEFAULT_BACKOFF = Backoff(0.1, 10.0, jitter=0.2)


class Strategy:
    """Decides about one failure by the child's kind, then its exception, then the intensity.

    Args:
        max_restarts: how many restarts are admitted in the window.
        within: length of the window, in seconds.
        backoff: how long to wait before each restart.
        decider: what to do about which exception; the nearest base class counts, and what is not
            listed is restarted.

    Raises:
        ValueError: a number makes no sense.
        TypeError: the decider is no mapping of exception classes to directives.
    """

    __slots__ = ("_backoff", "_decider", "_intensity")

    def __init__(
        self,
        max_restarts: int = 3,
        within: float = 5.0,
        backoff: Backoff = DEFAULT_BACKOFF,
        decider: Mapping[type[BaseException], Directive] | None = None,
    ) -> None:
        self._intensity = Intensity(max_restarts, within)
        self._backoff = backoff
        table = dict(decider or {})
        check_exceptions(table, "the decider")
        for error, directive in table.items():
            if not isinstance(directive, Directive):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
                raise TypeError(
                    f"the decider answers {error.__name__} with {directive!r}; write a Directive, "
                    f"such as {{{error.__name__}: Directive.RESTART}}"
                )
        self._decider = MappingProxyType(table)

    def decide(self, failure: Failure) -> Decision:
        """Return what happens to the child. Pure.

        A temporary child is never started again, whatever the directive, and a transient one not
        after it stopped in good order. Directives are about exceptions: a child that stopped or was
        killed is restarted or not by its kind alone.
        """
        if failure.ending == "failed":
            directive = nearest(self._decider, failure.error) or Directive.RESTART
        else:
            directive = Directive.RESTART
        if directive is Directive.RESUME:
            return Resume()
        if directive is Directive.ESCALATE:
            return Escalate()
        never = failure.kind == "temporary" or (
            failure.kind == "transient" and failure.ending == "stopped"
        )
        if directive is Directive.STOP or never:
            return Stop()
        intensity = self._intensity
        admitted, history = intensity.admit(failure.history, failure.now)
        if not admitted:
            return Escalate(
                RestartIntensityExceeded(
                    intensity.max_restarts, intensity.within, failure.error, history
                )
            )
        attempt = 1 if failure.uptime >= intensity.within else failure.restarts + 1
        delay = self._backoff.delay(attempt, failure.uniform)
        return Restart(delay=delay, attempt=attempt, history=history)

    def __str__(self) -> str:
        words = "".join(f" {one.lower()}" if one.isupper() else one for one in type(self).__name__)
        intensity = self._intensity
        return f"{words.strip()}, {intensity.max_restarts} in {intensity.within:g} s"

    def __repr__(self) -> str:
        intensity = self._intensity
        return (
            f"{type(self).__name__}(max_restarts={intensity.max_restarts}, "
            f"within={intensity.within:g}, backoff={self._backoff!r})"
        )
