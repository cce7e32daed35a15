"""A system in figures."""

from dataclasses import dataclass

from ._runner import DispatcherStatistics


@dataclass(frozen=True, slots=True)
class SystemStatistics:
    """A system at one moment.

    Attributes:
        actors: actors alive.
        spawned: actors spawned since the start.
        failures: crashes of actors.
        restarts: restarts decided.
        dead_letters: messages nobody could take.
        late_replies: replies whose asker had given up.
        blocked: times the event loop was found blocked, if a watchdog looks.
        asks: asks whose deadline is still kept; some of them may be answered.
        dispatcher: the run queue and its runners.
    """

    actors: int
    spawned: int
    failures: int
    restarts: int
    dead_letters: int
    late_replies: int
    blocked: int
    asks: int
    dispatcher: DispatcherStatistics
