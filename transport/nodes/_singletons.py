"""Actors of which the nodes of a system have one together."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from ...actors import (
    SINGLETONS,
    ActorRef,
    ActorSystem,
    Address,
    CallboardError,
    ServiceKey,
    port_of,
)
from ._nodes import Nodes
from ._singleton_port import SingletonPort

_LOOK = 0.05
# Of the time after which others take this node for dead: then it must have stopped its own.
_LEASE = 0.7


class Elections(Protocol):
    """Says which node is to run a singleton."""

    async def stand(
        self, name: str, elected: Callable[[bool], None], moving: Callable[[], Awaitable[None]]
    ) -> Callable[[], Awaitable[None]]:
        """Be a candidate.

        Args:
            name: The singleton.
            elected: Called with whether it is this node, each time that is decided.
            moving: Awaited before it is decided anew.

        Returns:
            What to call to be none any more.
        """
        ...

    async def settled(self) -> None:
        """Return when all heartbeats written before this call have been taken."""
        ...


@dataclass(slots=True)
class _Declared:
    actor: type[Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    name: str
    elected: bool = False
    running: ActorRef[Any] | None = None
    leave: Callable[[], Awaitable[None]] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Singletons:
    """Runs a singleton while this node is the elected one, and finds it wherever it runs.

    Order of events when it moves: the group elects a node; the node that ran it stops it, and says
    so with a heartbeat, or is found dead; then the elected one starts it. A node that does not
    hear its own heartbeats for 0.7 of the session time-out stops what it runs, since others may
    take it for dead soon.

    Args:
        system: The node.
        nodes: The others.
        timeout: Seconds of silence after which others take this node for dead.
    """

    def __init__(self, system: ActorSystem, nodes: Nodes, *, timeout: float) -> None:
        self._system = system
        self._nodes = nodes
        self._lease = _LEASE * timeout
        self._declared: dict[str, _Declared] = {}
        self._ports: dict[str, SingletonPort] = {}
        self._closing = False
        nodes.on_heard = self._heard

    def ref(self, name: str) -> ActorRef[Any]:
        """Return the ref of a singleton, wherever it runs."""
        port = self._ports.get(name)
        if port is None:
            at = Address(self._system.name, "", (name,), SINGLETONS)
            port = self._ports[name] = SingletonPort(self._system, at.path, _key(name))
        return ActorRef(port)

    def declare(
        self, actor: type[Any], args: tuple[Any, ...], kwargs: dict[str, Any], name: str
    ) -> ActorRef[Any]:
        """Have this node be one of those that may run a singleton.

        Raises:
            ValueError: It was declared with another class.
        """
        known = self._declared.get(name)
        if known is not None and known.actor is not actor:
            raise ValueError(
                f"the singleton {name!r} is a {known.actor.__name__} already, and cannot be a "
                f"{actor.__name__} as well: give one of them another name"
            )
        if known is None:
            self._declared[name] = _Declared(actor, args, kwargs, name)
        return self.ref(name)

    @property
    def is_prepared(self) -> bool:
        """This node stands for everything that was declared."""
        return all(each.task is not None for each in self._declared.values())

    async def prepare(self, elections: Elections) -> None:
        """Stand for what was declared since.

        Raises:
            TransportUnavailable: No broker answers.
        """
        for each in [one for one in self._declared.values() if one.task is None]:
            elected = partial(self._elected, each)
            each.leave = await elections.stand(each.name, elected, self._moving)
            run = self._run(each, elections)
            each.task = asyncio.create_task(run, name=f"callboard-singleton-{each.name}")

    async def aclose(self) -> None:
        """Stop what runs here, and let others run it."""
        self._closing = True
        for each in self._declared.values():
            each.changed.set()
        tasks = [each.task for each in self._declared.values() if each.task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in self._declared.values():
            if each.leave is not None:
                await each.leave()
        for port in self._ports.values():
            port.close()

    # -- inside -------------------------------------------------------------------

    def _elected(self, each: _Declared, yes: bool) -> None:  # noqa: FBT001 what the group says
        each.elected = yes
        each.changed.set()

    async def _moving(self) -> None:
        """Have all know what runs here, before anybody is elected who may not have heard of it."""
        self._nodes.announcer.beat()
        await self._nodes.announcer.written()

    def _heard(self) -> None:
        for port in self._ports.values():
            port.look()
        for each in self._declared.values():
            each.changed.set()

    def _is_cut_off(self) -> bool:
        now = asyncio.get_running_loop().time()
        return self._nodes.membership.silence(now) > self._lease

    def _wanted(self, each: _Declared) -> bool:
        return each.elected and not self._closing and not self._is_cut_off()

    async def _run(self, each: _Declared, elections: Elections) -> None:
        while not self._closing or each.running is not None:
            if each.running is not None and not self._wanted(each):
                await self._stop(each)
            elif each.running is None and self._wanted(each):
                try:
                    await elections.settled()
                    if self._wanted(each) and not self._runs_elsewhere(each.name):
                        self._start(each)
                except (CallboardError, TimeoutError) as error:
                    self._system.log.warning(
                        "a singleton did not start; trying again",
                        singleton=each.name,
                        error=str(error) or type(error).__name__,
                    )
                    await self._something(each)
            else:
                await self._something(each)
                continue
            await asyncio.sleep(_LOOK)

    async def _something(self, each: _Declared) -> None:
        """Wait until something may be otherwise; silence makes no noise, so look now and then."""
        each.changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._lease / 4):
                await each.changed.wait()

    def _runs_elsewhere(self, name: str) -> bool:
        return any(
            Address.parse(ref.address).node != self._system.node
            for ref in self._system.receptionist.find(_key(name))
        )

    def _start(self, each: _Declared) -> None:
        system = self._system
        ref = system.spawn(each.actor, *each.args, name=each.name, **each.kwargs)
        each.running = ref
        system.receptionist.register(_key(each.name), ref)
        system.log.info("a singleton runs here now", singleton=each.name)

    async def _stop(self, each: _Declared) -> None:
        ref, each.running = each.running, None
        assert ref is not None, "it runs"
        gone = asyncio.Event()
        port_of(ref).when_gone(gone.set)
        for end in (self._system.stop, self._system.kill):
            end(ref)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(each.actor.stop_timeout):
                    await gone.wait()
                self._system.log.info("a singleton has stopped here", singleton=each.name)
                return
        self._system.log.error("a singleton does not stop", singleton=each.name)


def _key(name: str) -> ServiceKey[Any]:
    return ServiceKey(f"\x00singleton/{name}")
