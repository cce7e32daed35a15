"""What a consumer's function may raise to say what becomes of its message."""

import math


class Verdict(Exception):  # noqa: N818 - a decision that travels as an exception
    """Base of what a consumer's function raises to decide itself, instead of its retry policy."""


class Skip(Verdict):
    """Drop this message and go on with the next; nothing the function sent leaves.

    ```python
    raise Skip("a test order")
    ```

    Args:
        reason: for the log and the failure event.
    """

    def __init__(self, reason: str = "the consumer skipped it") -> None:
        super().__init__(reason)


class Retry(Verdict):
    """Handle this message again later; mail of the same key waits, all other keys flow on.

    It counts as an attempt: the policy's ceiling holds, and then it goes to quarantine.

    ```python
    raise Retry(after=5.0)
    ```

    Args:
        after: seconds to wait.
        reason: for the log and the failure event.

    Raises:
        ValueError: `after` is negative or no finite number.
    """

    def __init__(self, after: float, reason: str = "the consumer asked for another try") -> None:
        if not 0.0 <= after < math.inf:
            raise ValueError(f"after is {after!r}; give the seconds to wait, 0 or more")
        super().__init__(reason)
        self.after = after


class Quarantine(Verdict):
    """Put this message into quarantine now, without another attempt.

    Later messages of its key follow it there, so that their order is kept.

    ```python
    raise Quarantine(f"no such product: {message.product}")
    ```

    Args:
        reason: kept with the message.
    """

    def __init__(self, reason: str = "the consumer put it aside") -> None:
        super().__init__(reason)
