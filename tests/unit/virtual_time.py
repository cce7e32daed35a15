"""An event loop whose clock jumps: what waits for hours is over at once, and in the same order."""

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class JumpingSelector(selectors.BaseSelector):
    """Never waits: when nothing is ready, tells the loop's clock to jump over the wait."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; else jump."""
        ready = self._real.select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("everybody waits, and nothing is going to happen any more")
            self.now += max(timeout, 0.0)
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Pass on."""
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Pass on."""
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """Pass on."""
        return self._real.get_map()

    def close(self) -> None:
        """Pass on."""
        self._real.close()


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop in virtual time, beginning at 0.0."""

    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._jumping.now


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time, like `asyncio.run`."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
