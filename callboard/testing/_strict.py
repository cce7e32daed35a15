"""What strict mode looks at: the actor systems of one test, and how they ended."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ..actors import SYSTEM_OBSERVERS, ActorSystem, DeadLetter, ShutdownOverrun
from ._capture import expects_dead_letters

# Dead letters and actors that are named one by one.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a test may leave behind.

    Attributes:
        dead_letters: messages that nobody took.
        leaks: systems that run on, and actors that had to be killed.
    """

    dead_letters: bool = False
    leaks: bool = False


@dataclass(slots=True)
class _Seen:
    """One system, and what it did that a test must not leave unsaid."""

    system: ActorSystem
    letters: list[DeadLetter] = field(default_factory=list[DeadLetter])
    overruns: list[ShutdownOverrun] = field(default_factory=list[ShutdownOverrun])
    unsubscribe: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])


class Watch:
    """Sees every system that starts, from `begin` to `end`.

    Args:
        allowed: what need not be told.
        skip: asked for each; True leaves a system out.
    """

    def __init__(self, allowed: Allowed, skip: Callable[[], bool]) -> None:
        self._allowed = allowed
        self._skip = skip
        self._seen: list[_Seen] = []

    def begin(self) -> None:
        """See systems that start from now on."""
        SYSTEM_OBSERVERS.append(self._started)

    def end(self) -> None:
        """See no more."""
        SYSTEM_OBSERVERS.remove(self._started)
        for seen in self._seen:
            for unsubscribe in seen.unsubscribe:
                unsubscribe()
        self._seen = []

    @property
    def seen(self) -> int:
        """How many systems have started."""
        return len(self._seen)

    def complaints(self, *, since: int = 0) -> list[str]:
        """Return a sentence for each thing that was left behind and is not allowed.

        Args:
            since: how many of the systems, in the order they started, are left out.
        """
        found: list[str] = []
        for seen in self._seen[since:]:
            if not self._allowed.leaks:
                found += _leaks(seen)
            if not self._allowed.dead_letters and seen.letters:
                found.append(_letters(seen))
        return found

    def _started(self, system: ActorSystem) -> None:
        if self._skip():
            return
        seen = _Seen(system)
        self._seen.append(seen)

        def letter(event: DeadLetter) -> None:
            if not expects_dead_letters(system):
                seen.letters.append(event)

        seen.unsubscribe += [
            system.events.subscribe(DeadLetter, letter),
            system.events.subscribe(ShutdownOverrun, seen.overruns.append),
        ]


def _leaks(seen: _Seen) -> list[str]:
    name, alive = seen.system.name, seen.system.statistics().actors
    found: list[str] = []
    if seen.system.running:
        found.append(
            f"system {name!r} was started and not stopped, with {alive} actors alive; enter it "
            "with `async with`, so that it is stopped"
        )
    elif alive:
        found.append(f"system {name!r} has stopped and {alive} of its actors are still alive")
    overruns = [f"{each.path} ({each.seconds:g} s, {each.outcome})" for each in seen.overruns]
    if overruns:
        found.append(f"actors of system {name!r} did not stop in time: {_some(overruns)}")
    return found


def _letters(seen: _Seen) -> str:
    letters = [
        f"{each.message!r} to {each.recipient}, because {each.reason}" for each in seen.letters
    ]
    return (
        f"system {seen.system.name!r} had dead letters that the test does not look at: "
        f"{_some(letters)}"
    )


def _some(items: list[str]) -> str:
    left = len(items) - _NAMED
    return "; ".join(items[:_NAMED]) + (f"; and {left} more" if left > 0 else "")
