"""The event stream: what happens in a system, told to whoever asked to hear it."""

from collections.abc import Callable
from typing import Any, TypeVar

import structlog

_log = structlog.get_logger("callboard.events")

E = TypeVar("E")


class EventStream:
    """Publish and subscribe within one process, by the event's class.

    Callbacks are plain functions, called at once, in the order they subscribed, for events of the
    class and its subclasses. One that raises is logged; neither the others nor the publisher
    notice.

    >>> stream = EventStream()
    >>> heard: list[str] = []
    >>> unsubscribe = stream.subscribe(str, heard.append)
    >>> stream.publish("curtain")
    >>> unsubscribe()
    >>> stream.publish("applause")
    >>> heard
    ['curtain']
    """

    __slots__ = ("_subscribers",)

    def __init__(self) -> None:
        self._subscribers: dict[type[Any], tuple[Callable[[Any], object], ...]] = {}

    def subscribe(self, event_type: type[E], callback: Callable[[E], object]) -> Callable[[], None]:
        """Call `callback` with each event of the type from now on.

        Returns:
            A function that ends the subscription; calling it twice does no harm.
        """
        self._subscribers[event_type] = (*self._subscribers.get(event_type, ()), callback)

        def unsubscribe() -> None:
            present = list(self._subscribers.get(event_type, ()))
            if callback in present:
                present.remove(callback)
                self._subscribers[event_type] = tuple(present)

        return unsubscribe

    def publish(self, event: object) -> None:
        """Tell every subscriber of the event's class or of a base of it."""
        subscribers = self._subscribers
        if not subscribers:
            return
        for base in type(event).__mro__:
            # A tuple, never changed in place: a callback may subscribe or unsubscribe meanwhile.
            for callback in subscribers.get(base, ()):
                try:
                    callback(event)
                except Exception as error:  # noqa: BLE001 - a subscriber's bug is its own
                    _log.error(
                        "subscriber failed",
                        event_type=type(event).__name__,
                        error=repr(error),
                        exc_info=error,
                    )
