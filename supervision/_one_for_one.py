"""The strategy that leaves the siblings alone."""

from collections.abc import Collection, Sequence

from ._strategy import Strategy


class OneForOne(Strategy):
    """Decides for the child that failed, and for it alone.

    ```python
    class Desk(Actor):
        supervision = OneForOne(
            max_restarts=5,
            within=10.0,
            decider={KeyError: Directive.RESUME, OSError: Directive.RESTART},
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

    __slots__ = ()

    def affected(self, failed: str, order: Sequence[str]) -> Collection[str]:
        """Return the child that failed.

        >>> OneForOne().affected("b", ["a", "b", "c"])
        ('b',)
        """
        del order
        return (failed,)
