"""How long to wait before trying again."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays that grow from attempt to attempt.

    >>> backoff = Backoff(0.1, 10.0)
    >>> [backoff.delay(attempt, 0.0) for attempt in (1, 2, 3, 20)]
    [0.1, 0.2, 0.4, 10.0]

    Args:
        initial: seconds before the first attempt after a failure.
        maximum: seconds that no delay exceeds.
        factor: what each further delay is multiplied with.
        jitter: the part of a delay, from 0 to 1, by which chance may shorten it, so that those who
            failed together do not come back together.

    Raises:
        ValueError: an argument makes no sense.
    """

    initial: float
    maximum: float
    factor: float = 2.0
    jitter: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.initial <= self.maximum:
            raise ValueError(
                f"Backoff({self.initial:g}, {self.maximum:g}): the initial delay lies between 0 "
                "and the "
                "maximum, in seconds, as in Backoff(0.1, 10.0)"
            )
        if self.factor < 1.0:
            raise ValueError(f"a backoff's factor is {self.factor:g}; below 1 delays would shrink")
        if not 0.0 <= self.jitter <= 1.0:
            raise ValueError(
                f"a backoff's jitter is {self.jitter:g}; it is a part of the delay, from 0.0 to 1.0"
            )

    def delay(self, attempt: int, uniform: float) -> float:
        """Return the seconds to wait before an attempt.

        Args:
            attempt: 1 for the first after a failure.
            uniform: a random number in [0, 1).
        """
        try:
            grown = self.initial * self.factor ** (attempt - 1)
        except OverflowError:
            grown = self.maximum
        return min(grown, self.maximum) * (1.0 - self.jitter * uniform)
