"""The simulator's loop: virtual time, hosts that die or stand still, and a network."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple

from .. import VirtualLoop
from ._hosts import Host, Running, current_host
from ._network import Network, SimServer

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_BUSY = 200
"""Iterations in a row during which no time passes; further ones take some, as in reality."""

_TICK = 0.001

_UP, _DEAD = Running.UP, Running.DEAD
"""Asking an Enum for a member takes longer than everything else that is asked of a callback."""

_PRUNE = 256
"""Tasks of a host after which those that are done are dropped from its list."""


class SimLoop(VirtualLoop):
    """A VirtualLoop on which several hosts live, connected by a simulated network.

    Args:
        seed: Of the order of tasks; the network has a stream of its own.
        limit: Virtual seconds that a run may take.
        network: Carries what is sent.
    """

    def __init__(self, *, seed: int, limit: float, network: Network) -> None:
        super().__init__(seed=seed, limit=limit)
        self.network = network
        self._after: Callable[[], None] | None = None
        self._paused = 0
        self._busy = 0

    def after_each_step(self, call: Callable[[], None]) -> None:
        """Have something called after each iteration."""
        self._after = call

    # -- whose callback it is --------------------------------------------------------------

    def call_soon(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Call back in the next iteration; later, or never, if the callback's host is not up."""
        # Written out, because nothing is called more often: asyncio's own passes through two more
        # functions, to look for what only its debug mode asks about.
        self._check_closed()
        handle = asyncio.Handle(callback, args, self, context)
        host = _host_of(handle)
        if host is None or host.running is _UP:
            self._ready.append(handle)
        else:
            self._hold(host, handle)
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call back at a virtual time; later, or never, if the callback's host is not up then."""
        timer = super().call_at(when, callback, *args, context=context)
        host = _host_of(timer)
        if host is not None and host.running is _DEAD:
            timer.cancel()
        return timer

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        """Schedule a coroutine as a task of the running host."""
        context: Context | None = options.get("context")
        host = current_host.get() if context is None else context.get(current_host)
        task: asyncio.Task[Any] = super().create_task(coro, **options)
        if host is not None:
            if len(host.tasks) % _PRUNE == _PRUNE - 1:
                host.tasks = [each for each in host.tasks if not each.done()]
            host.tasks.append(task)
        return task

    def _hold(self, host: Host, handle: asyncio.Handle) -> None:
        if host.running is Running.PAUSED:
            host.parked.append(handle)
        else:
            handle.cancel()

    def _run_once(self) -> None:
        before = self._now
        super()._run_once()
        if self._now != before:
            self._busy = 0
        else:
            self._busy += 1
            if self._busy > _BUSY:
                # Code that asks again and again until time has passed would wait for ever.
                self._now += _TICK
        if self._after is not None:
            self._after()

    def _due(self, due: list[asyncio.TimerHandle]) -> list[asyncio.TimerHandle]:
        if not self._paused:
            return due
        ready: list[asyncio.TimerHandle] = []
        for timer in due:
            host = _host_of(timer)
            if host is not None and host.running is not Running.UP:
                self._hold(host, timer)
            else:
                ready.append(timer)
        return ready

    # -- life and death ------------------------------------------------------------------------

    def kill(self, host: Host) -> None:
        """Let nothing of a host run ever again: no callback, no timer, no `finally`."""
        if host.running is Running.PAUSED:
            self._paused -= 1
        host.running = Running.DEAD
        for handle in [*self._ready, *(timer for _, _, timer in self._scheduled)]:
            if _host_of(handle) is host:
                handle.cancel()
        host.parked.clear()

    def pause(self, host: Host) -> None:
        """Hold back everything a host would do, as SIGSTOP does."""
        if host.running is not Running.UP:
            return
        host.running = Running.PAUSED
        self._paused += 1
        stay = [handle for handle in self._ready if _host_of(handle) is not host]
        host.parked += [handle for handle in self._ready if _host_of(handle) is host]
        # In an iteration that is under way the loop takes as many as it counted: what is parked
        # is replaced by nothing to do.
        idle = asyncio.Handle(_nothing, (), self)
        gone = len(self._ready) - len(stay)
        self._ready.clear()
        self._ready.extend([*stay, *([idle] * gone)])

    def resume(self, host: Host) -> None:
        """Let a paused host go on where it stood; its overdue timers have fired meanwhile."""
        if host.running is not Running.PAUSED:
            return
        host.running = Running.UP
        self._paused -= 1
        parked, host.parked = host.parked, []
        self._ready.extend(handle for handle in parked if not handle.cancelled())

    def close(self) -> None:
        """Close the loop, and take what is still connected for closed."""
        self.network.close()
        super().close()

    # -- the network ---------------------------------------------------------------------------

    async def create_connection(self, *args: Any, **kwargs: Any) -> Any:
        """Connect to another host, over the simulated network."""
        factory, host, port = _place(args, kwargs)
        return await self.network.connect(self, factory, host, port)

    async def create_server(self, *args: Any, **kwargs: Any) -> SimServer:  # type: ignore[override]
        """Listen on the running host, on the simulated network."""
        factory, host, port = _place(args, kwargs, everywhere="")
        return self.network.listen(self, factory, host, port)


def _place(
    args: tuple[Any, ...], kwargs: dict[str, Any], everywhere: str | None = None
) -> tuple[Any, str, int]:
    if kwargs.get("ssl"):
        raise RuntimeError("the simulated network has no TLS; connect without")
    factory, host, port = (*args, *[None] * (3 - len(args)))[:3]
    host = host or kwargs.get("host") or everywhere
    port = port if port is not None else kwargs.get("port")
    if not isinstance(host, str) or port is None:
        raise RuntimeError(
            f"the simulated network connects a host's name and a port; got {host!r} and {port!r}"
        )
    return factory, host, port


def _host_of(handle: asyncio.Handle) -> Host | None:
    context: Context | None = handle._context  # type: ignore[attr-defined]  # noqa: SLF001 - nothing public tells
    return None if context is None else context.get(current_host)


def _nothing() -> None:
    pass
