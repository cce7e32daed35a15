"""Event adapters: functions that turn a foreign event into a command of ours."""

import inspect
from collections.abc import Callable
from typing import Any

from ...actors import HandlerError


def compose(*steps: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return an event adapter that is a chain of others; one that returns None drops the event.

    Each step is a plain function of one argument, pure, and tested alone. What the chain takes is
    what its first step's parameter is annotated with.

    ```python
    def parse(raw: bytes) -> Sighting | None: ...
    def command(sighting: Sighting) -> Departed | None: ...

    @system.consumer("sightings", to=Aircraft, key="tailnum", adapter=compose(parse, command))
    def on_departed(departed: Departed) -> Departed: ...
    ```

    Raises:
        HandlerError: there are no steps, or one is async: adapters compute, and wait for nothing.
    """
    if not steps:
        raise HandlerError("compose() was given no steps; expected functions of one argument")
    for step in steps:
        if inspect.iscoroutinefunction(step):
            raise HandlerError(
                f"{step.__qualname__} is async; an event adapter computes and waits for nothing. "
                f"Do what waits in the consumer's function"
            )

    def chain(event: Any) -> Any:
        for step in steps:
            event = step(event)
            if event is None:
                return None
        return event

    chain.__annotations__ = dict(inspect.get_annotations(steps[0]))
    chain.__module__ = steps[0].__module__
    chain.__wrapped__ = steps[0]  # type: ignore[attr-defined] # inspect.signature reads it
    return chain
