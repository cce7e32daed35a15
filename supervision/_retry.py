"""What becomes of a message that its entity failed on."""

from ..actors import Escalate, Fate, Quarantine, Retry, Skip
from ._backoff import Backoff
from ._decider import check_exceptions, nearest

_DEFAULT_BACKOFF = Backoff(0.05, 5.0, jitter=0.2)

Errors = tuple[type[BaseException], ...]


class RetryPolicy:
    """Tries a message some times, then puts it into quarantine.

    ```python
    class Account(Entity):
        policy = RetryPolicy(max_attempts=5, skip=(Duplicate,), quarantine=(ValueError,))
    ```

    Exceptions that are listed decide at once, without another attempt; the nearest base class
    counts.

    Args:
        max_attempts: how often the message is handled before it goes to quarantine.
        backoff: how long to wait before each further attempt.
        skip: drop the message.
        quarantine: park it; later mail of the same entity waits behind it.
        escalate: the node cannot go on.

    Raises:
        ValueError: `max_attempts` is below 1, or an exception is listed twice.
        TypeError: something listed is no exception class.
    """

    __slots__ = ("_backoff", "_listed", "_max_attempts")

    def __init__(
        self,
        max_attempts: int = 3,
        backoff: Backoff = _DEFAULT_BACKOFF,
        skip: Errors = (),
        quarantine: Errors = (),
        escalate: Errors = (),
    ) -> None:
        if max_attempts < 1:
            raise ValueError(
                f"max_attempts is {max_attempts}; every message is handled at least once"
            )
        self._max_attempts = max_attempts
        self._backoff = backoff
        self._listed: dict[type[BaseException], Fate] = {}
        fates: tuple[tuple[str, Errors, Fate], ...] = (
            ("skip", skip, Skip()),
            ("quarantine", quarantine, Quarantine()),
            ("escalate", escalate, Escalate()),
        )
        for name, errors, fate in fates:
            check_exceptions(errors, name)
            for error in errors:
                if self._listed.setdefault(error, fate) != fate:
                    raise ValueError(
                        f"{error.__name__} is listed twice, the second time under {name}; a "
                        "failure has one fate"
                    )

    def decide(self, error: BaseException, attempt: int, uniform: float) -> Fate:
        """Return the message's fate. Pure.

        Args:
            error: what the handler raised.
            attempt: 1 for the first failure on this message.
            uniform: a random number in [0, 1), for jitter.
        """
        listed = nearest(self._listed, error)
        if listed is not None:
            return listed
        if attempt >= self._max_attempts:
            return Quarantine()
        return Retry(after=self._backoff.delay(attempt, uniform))

    def __repr__(self) -> str:
        return f"RetryPolicy(max_attempts={self._max_attempts}, backoff={self._backoff!r})"
