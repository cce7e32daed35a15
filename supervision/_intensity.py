"""How many restarts are too many."""

from bisect import bisect_left
from dataclasses import dataclass
from typing import TypeAlias

# Loop times of restarts, oldest first.
History: TypeAlias = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Intensity:
    """At most `max_restarts` restarts within any `within` seconds.

    All children of one supervisor count together.

    >>> intensity = Intensity(max_restarts=1, within=5.0)
    >>> intensity.admit((), 10.0)
    (True, (10.0,))
    >>> intensity.admit((10.0,), 15.0)
    (False, (10.0,))
    >>> intensity.admit((10.0,), 15.1)
    (True, (15.1,))

    Args:
        max_restarts: how many are admitted; 0 admits none.
        within: length of the window in seconds.

    Raises:
        ValueError: an argument makes no sense.
    """

    max_restarts: int
    within: float

    def __post_init__(self) -> None:
        if self.max_restarts < 0:
            raise ValueError(f"max_restarts is {self.max_restarts}; write 0 to restart nothing")
        if self.within <= 0.0:
            raise ValueError(f"within is {self.within:g}; it is a time in seconds, above 0")

    def admit(self, history: History, now: float) -> tuple[bool, History]:
        """Decide about one more restart at `now`.

        Returns:
            Whether it is admitted, and the history to keep: with it if so, without what is too old.
        """
        # Sorted, and cut by C: a supervisor of many children may have a long history.
        recent = history[bisect_left(history, -self.within, key=lambda at: at - now) :]
        if len(recent) >= self.max_restarts:
            return False, recent
        return True, (*recent, now)
