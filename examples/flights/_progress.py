"""Where a replay stands: what the screens show."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

NodeState = Literal["waiting", "starting", "running", "killed", "stopped"]

_WINDOW = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeProgress:
    """One worker.

    Attributes:
        node: Its name.
        state: `waiting` for its turn to join, `starting`, `running`, `killed`, `stopped`.
        owned: Partitions it runs.
        handled: Messages it handled, as it last said.
        rate: Messages a second.
    """

    node: str
    state: NodeState
    owned: int = 0
    handled: int = 0
    rate: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One moment of a replay.

    Attributes:
        seconds: Since the run began.
        flights: Rows to replay in all.
        handled: Rows handled, with all that followed from them in Kafka.
        lag: Messages in mailboxes that are not handled yet.
        rate: Messages handled a second, by all workers.
        restarts: Entities restarted after a crash.
        quarantined: Messages in quarantine.
        skipped: Messages delivered again and recognized.
        nodes: The workers, in the order they join.
    """

    seconds: float
    flights: int
    handled: int = 0
    lag: int = 0
    rate: float = 0.0
    restarts: int = 0
    quarantined: int = 0
    skipped: int = 0
    nodes: tuple[NodeProgress, ...] = ()

    @property
    def left(self) -> int:
        """Rows that are not handled yet."""
        return self.flights - self.handled


class Meter:
    """Rates from counters that only grow, over the last seconds."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, Mapping[str, int]]] = deque()

    def rates(self, now: float, counts: Mapping[str, int]) -> dict[str, float]:
        """Take the counts of a moment; return each one's growth a second.

        Args:
            now: In seconds, by any clock that does not go back.
            counts: By name; a name may come late, and counts from 0 then.
        """
        self._samples.append((now, dict(counts)))
        while len(self._samples) > 2 and self._samples[1][0] <= now - _WINDOW:
            self._samples.popleft()
        then, before = self._samples[0]
        if now <= then:
            return dict.fromkeys(counts, 0.0)
        return {
            name: max(0, count - before.get(name, 0)) / (now - then)
            for name, count in counts.items()
        }
