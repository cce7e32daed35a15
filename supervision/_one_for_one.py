"""The strategy that leaves the siblings alone."""

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

_DEFAULT_BACKOFF = Backoff(0.1, 10.0, jitter=0.2)


class OneForOne:
    """Decides for the child that failed, and for it alone.

    ```python
    class Desk(Actor):
        supervision = OneForOne(
            max_restarts=5, within=10.0, decider={KeyError: Directive.RESUME, OSError:
            Directive.RESTART}
        )
    ```

    It is the strategy for the *children* of the class it stands in. Order of events at a restart:
    the child's children stop, `stopped` of the old instance is called, the backoff passes, a new
    instance is made and its `started` called; then the mail goes on. The delay grows with each
    restart of the same child in a row; a row ends when the child has run for `within` seconds.

    More restarts than `max_restarts` within `within` seconds, all children of the supervisor
    together (as in OTP), are the supervisor's failure: it fails with RestartIntensityExceeded, and
    its own parent decides.

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
        backoff: Backoff = _DEFAULT_BACKOFF,
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
                    "such as "
                    f"{{{error.__name__}: Directive.RESTART}}"
                )
        self._decider = MappingProxyType(table)

    def decide(self, failure: Failure) -> Decision:
        """Return what happens to the child. Pure."""
        directive = nearest(self._decider, failure.error) or Directive.RESTART
        if directive is Directive.RESUME:
            return Resume()
        if directive is Directive.STOP:
            return Stop()
        if directive is Directive.ESCALATE:
            return Escalate()
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

    def __repr__(self) -> str:
        intensity = self._intensity
        return (
            f"OneForOne(max_restarts={intensity.max_restarts}, within={intensity.within:g}, "
            f"backoff={self._backoff!r})"
        )
