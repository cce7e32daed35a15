"""The strategy for children that build on those before them."""

from collections.abc import Collection, Sequence

from ._strategy import Strategy


class RestForOne(Strategy):
    """Restarts the child that failed and those that were started after it.

    For a row of children in which each needs the ones before: a connection, a session on it, a
    worker in that. Order of events: as with OneForAll, for the affected ones.

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
        """Return the child that failed and those after it.

        >>> RestForOne().affected("b", ["a", "b", "c"])
        ('b', 'c')
        """
        return tuple(order[order.index(failed) :]) if failed in order else (failed,)
