"""What a system publishes while a block of a test runs."""

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar, overload
from weakref import WeakKeyDictionary

from ..actors import DeadLetter, System

E = TypeVar("E")

# Systems whose dead letters a test is looking at, and how many blocks do.
_watched: WeakKeyDictionary[System, int] = WeakKeyDictionary()


@overload
def capture_events(system: System) -> AbstractContextManager[list[Any]]: ...
@overload
def capture_events(system: System, *types: type[E]) -> AbstractContextManager[list[E]]: ...
def capture_events(system: System, *types: type[Any]) -> AbstractContextManager[list[Any]]:
    """Collect the events of some types that a system publishes within the block.

    ```python
    with capture_events(system, FailureEvent) as failures:
        worker.tell(Work(0))
        await probe.expect(Terminated)
    assert [each.error_type for each in failures] == ["ZeroDivisionError"]
    ```

    Events are appended in the order they are published, at once. The list stays as it is after the
    block.

    Args:
        system: whose events.
        *types: classes of events, subclasses included; none for all events.
    """
    return _capture(system, types)


@contextmanager
def _capture(system: System, types: tuple[type[Any], ...]) -> Generator[list[Any]]:
    captured: list[Any] = []
    wanted = types or (object,)

    def take(event: object) -> None:
        if isinstance(event, wanted):
            captured.append(event)

    letters = bool(types) and issubclass(DeadLetter, wanted)
    unsubscribe = system.events.subscribe(object, take)
    _watched[system] = _watched.get(system, 0) + letters
    try:
        yield captured
    finally:
        _watched[system] -= letters
        unsubscribe()


def dead_letters(system: System) -> AbstractContextManager[list[DeadLetter]]:
    """Collect the messages that nobody could take within the block; see `capture_events`.

    Strict mode takes such a block to mean that dead letters are expected within it.
    """
    return capture_events(system, DeadLetter)


def expects_dead_letters(system: System) -> bool:
    """Return whether a block collects this system's dead letters now."""
    return _watched.get(system, 0) > 0
