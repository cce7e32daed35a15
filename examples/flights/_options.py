"""What `callboard demo` was asked to do, and what it will therefore do when."""

import random
from dataclasses import dataclass

from ._data import TOTAL

MAX_KILLS = 9
WORKERS = 2
"""Worker nodes at the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """The arguments of one run.

    Attributes:
        flights: How many rows of the file are replayed, from the first.
        kills: How many workers are killed; each is replaced.
        seed: Decides where in the replay and whom.
        transport: URL of a cluster; None for a broker of the demo's own.

    Raises:
        ValueError: A number is out of range.
    """

    flights: int = TOTAL
    kills: int = 1
    seed: int = 2013
    transport: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.flights <= TOTAL:
            raise ValueError(f"flights is {self.flights:,}; the file has 1 to {TOTAL:,}")
        if not 0 <= self.kills <= MAX_KILLS:
            raise ValueError(f"kills is {self.kills}; expected 0 to {MAX_KILLS}")


@dataclass(frozen=True, slots=True)
class PlannedKill:
    """One `kill -9`.

    Attributes:
        row: It comes when so many rows have been handled.
        hold: So many rows are sent at most before it. Without this a short
            replay would be over before the kill, and nothing would be in flight.
        choice: In [0, 1): whom it hits among those that run.
    """

    row: int
    hold: int
    choice: float

    def victim(self, running: list[str]) -> str:
        """Return who is hit.

        Args:
            running: Names of the workers that run; at least one.
        """
        return sorted(running)[int(self.choice * len(running))]


def plan_kills(options: DemoOptions) -> list[PlannedKill]:
    """Return the kills in order: one in each equal part of the middle half of the replay."""
    source = random.Random(options.seed)
    first, span = 0.25, 0.5
    plan: list[PlannedKill] = []
    for number in range(options.kills):
        share = first + span * (number + source.random()) / options.kills
        row = int(share * options.flights)
        hold = min(options.flights, row + max(1, options.flights // 10))
        plan.append(PlannedKill(row, hold, source.random()))
    return plan
