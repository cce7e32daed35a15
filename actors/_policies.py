"""The two questions a failure raises, as the interfaces that answer them."""

from collections.abc import Collection, Sequence
from typing import Protocol

from ._failure import Decision, Failure, Fate


class SupervisionStrategy(Protocol):
    """Decides what happens to a child that failed."""

    def decide(self, failure: Failure) -> Decision:
        """Return the decision. Pure: no clock, no randomness, no waiting."""
        ...

    def affected(self, failed: str, order: Sequence[str]) -> Collection[str]:
        """Return the names of the children that are restarted when `failed` is, itself included.

        Args:
            failed: name of the child that failed.
            order: names of all living children, in the order they were spawned. Pure as well.
        """
        ...


class MessagePolicy(Protocol):
    """Decides what becomes of a message its entity failed on."""

    def decide(self, error: BaseException, attempt: int, uniform: float) -> Fate:
        """Return the message's fate. Pure.

        Args:
            error: what the handler raised.
            attempt: 1 for the first failure on this message.
            uniform: a random number in [0, 1), for jitter.
        """
        ...
