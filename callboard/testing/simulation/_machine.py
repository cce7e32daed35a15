"""A simulated machine: one process at a time, which can be killed and started again."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, Protocol, TypeVar

from ._hosts import Host, Running
from ._trace import Trace

T = TypeVar("T")


class World(Protocol):
    """What a machine is part of."""

    trace: Trace

    def started(self, host: Host) -> None:
        """Take note that a process begins."""
        ...

    def host_failed(self, name: str, error: BaseException) -> None:
        """Take note that a main coroutine failed."""
        ...

    def ended(self, host: Host) -> None:
        """Take note that a process has come to its end."""
        ...


class Machine(Generic[T]):
    """A simulated machine: it runs a main coroutine, can be killed, and started again.

    Attributes:
        name: Its address on the network.
        host: The life it is in.
        lives: All lives it has had.
        at_death: What the system does for a process that dies: lets go of the files it had open.
    """

    def __init__(
        self,
        simulation: World,
        name: str,
        main: Callable[["Machine[T]"], Coroutine[Any, Any, None]],
    ) -> None:
        self.name = name
        self.host = Host(name, 1)
        self.host.running = Running.DEAD  # until it is started
        self.lives: list[Host] = []
        self.at_death: Callable[[], None] | None = None
        self._simulation = simulation
        self._main = main
        self._value: T | None = None
        self._ready: asyncio.Event = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def up(self) -> bool:
        """Whether it runs; false while paused."""
        return self.host.running is Running.UP

    @property
    def is_ready(self) -> bool:
        """Whether its main coroutine has made something ready in this life."""
        return self._value is not None

    @property
    def value(self) -> T:
        """What its main coroutine made ready last.

        Raises:
            RuntimeError: It has made nothing ready yet.
        """
        if self._value is None:
            raise RuntimeError(f"{self.name} is not ready; await sim.ready({self.name!r})")
        return self._value

    def ready(self, value: T) -> None:
        """Tell, from the main coroutine, that it is up, with whatever a scenario may want of it."""
        self._value = value
        self._simulation.trace.add(self.name, "ready", "")
        self._ready.set()

    def start(self) -> None:
        """Start it, for the first time or again."""
        if self.host.running is not Running.DEAD:
            raise RuntimeError(f"{self.name} is {self.host.running.value}; it cannot be started")
        life = self.host.life + (1 if self._task is not None else 0)
        self.host = Host(self.name, life)
        self.lives.append(self.host)
        self._value, self._ready = None, asyncio.Event()
        self._simulation.trace.add(self.name, "start", f"life {life}")
        self._simulation.started(self.host)
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(
            self._run(self.host), name=f"{self.name}#{life}", context=self.host.context
        )

    async def _run(self, host: Host) -> None:
        try:
            await self._main(self)
        except asyncio.CancelledError:
            self._simulation.trace.add(self.name, "stopped", "")
        except Exception as error:  # noqa: BLE001 - the run fails with it
            self._simulation.trace.add(self.name, "failed", f"{type(error).__name__}: {error}")
            self._simulation.host_failed(self.name, error)
        else:
            self._simulation.trace.add(self.name, "ended", "")
        self._simulation.ended(host)

    async def until_ready(self, timeout: float) -> T:  # noqa: ASYNC109 - virtual seconds
        """Wait until it is up.

        Raises:
            TimeoutError: It is not, after so many virtual seconds.
        """
        async with asyncio.timeout(timeout):
            await self._ready.wait()
        return self.value

    async def end(self, timeout: float) -> None:  # noqa: ASYNC109 - virtual seconds
        """Cancel the main coroutine, and wait until it has cleaned up.

        Raises:
            TimeoutError: It has not ended after so many virtual seconds.
        """
        if self._task is not None and not self._task.done():
            self._task.cancel()
            _, late = await asyncio.wait([self._task], timeout=timeout)
            if late:
                raise TimeoutError(f"{self.name} has not stopped within {timeout:g} s")
