"""The messages of the subjects that take any object for one.

Each is made once and sent many times: what is measured is what carries it, not what makes it.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Tick:
    """Nothing but a message."""


@dataclass(slots=True)
class Question:
    """Is answered with a number."""


@dataclass(slots=True)
class Probe:
    """Says when it was due, by the monotonic clock."""

    due: float


TICK = Tick()
QUESTION = Question()
