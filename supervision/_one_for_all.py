"""The strategy for children that cannot do without each other."""

from collections.abc import Collection, Sequence

from ._strategy import Strategy


class OneForAll(Strategy):
    """Restarts all children when one of them has to be restarted.

    For children that share what none of them can rebuild alone, as two ends of one connection.
    Order of events: all children stop, the newest first, each within its `stop_timeout`; the
    backoff passes; all start, the oldest first, each when the one before it runs. Refs and mail
    stay. Temporary children stop for good.

    Directives other than RESTART are about the child that failed alone, and what counts against the
    intensity is the failure, not the number of children.

    Args:
        max_restarts: how many restarts are admitted in the window.
        within: length of the window, in seconds.
        backoff: how long to wait before each restart.
        decider: what to do about which exception; see OneForOne.

    Raises:
        ValueError: a number makes no sense.
        TypeError: the decider is no mapping of exception classes to directives.
    """

    __slots__ = ()

    def affected(self, failed: str, order: Sequence[str]) -> Collection[str]:
        """Return all children.

        >>> OneForAll().affected("b", ["a", "b", "c"])
        ('a', 'b', 'c')
        """
        return tuple(order) if failed in order else (failed,)
