"""The simulated network: who listens where, what is in the way, and how long things take."""

import asyncio
import errno
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._connection import Connection, Side
from ._hosts import Host, Running, current_host
from ._trace import Trace

if TYPE_CHECKING:
    from ._loop import SimLoop

_FIRST_CLIENT_PORT = 40_000

_HERE = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "::", "")  # noqa: S104 - names, no sockets
"""What a machine calls itself, and all its addresses: both are its name on this network."""

_SYN_TIMEOUT = 127.0
"""Seconds after which a system gives up connecting to who does not answer, as Linux does."""


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """What the network is like; durations in seconds.

    Attributes:
        latency: Shortest and longest time one way.
        spike: The chance that a piece takes ten times as long.
        fragment: The chance that what is written arrives in several pieces.
    """

    latency: tuple[float, float] = (0.0002, 0.002)
    spike: float = 0.01
    fragment: float = 0.1


class SimSocket:
    """As much of a socket as servers are asked for."""

    def __init__(self, host: str, port: int) -> None:
        self._name = (host, port)

    def getsockname(self) -> tuple[str, int]:
        """Return host and port."""
        return self._name


class SimServer(asyncio.AbstractServer):
    """A listening port, as asyncio's servers are used."""

    def __init__(self, loop: "SimLoop", network: "Network", host: str, port: int) -> None:
        self._loop = loop
        self._network = network
        self._place = (host, port)
        self.sockets = [SimSocket(host, port)]

    def get_loop(self) -> "SimLoop":
        """Return the loop of all."""
        return self._loop

    def close(self) -> None:
        """Listen no more; connections stay."""
        self._network.unlisten(self._place)

    async def start_serving(self) -> None:
        """Return: it has listened since it was made."""

    async def serve_forever(self) -> None:
        """Listen until the caller is cancelled."""
        try:
            await self._loop.create_future()
        finally:
            self.close()

    async def wait_closed(self) -> None:
        """Return: it closes at once."""

    def is_serving(self) -> bool:
        """Tell whether it listens."""
        return self._network.listens(self._place)


class Network:
    """Carries bytes between hosts, with seeded delays, and fails on command.

    Args:
        seed: Of delays and fragments.
        options: What it is like.
        trace: Takes note of what happens on it.
    """

    def __init__(self, seed: int, options: NetworkOptions, trace: Trace) -> None:
        self.options = options
        self.trace = trace
        self.random = random.Random(f"network {seed}")
        self._listeners: dict[tuple[str, int], tuple[Callable[[], Any], Host | None]] = {}
        self._connections: dict[Connection, None] = {}
        self._cuts: dict[tuple[str, str], None] = {}  # directed: what cannot get through
        self._dark: dict[str, None] = {}  # machines of which nothing is heard
        self._ports = _FIRST_CLIENT_PORT
        self.slow = 1.0
        """What every delay is multiplied with."""

    # -- as the loop uses it -------------------------------------------------------------------

    def listen(
        self, loop: "SimLoop", factory: Callable[[], Any], host: str, port: int
    ) -> SimServer:
        """Accept connections."""
        owner = current_host.get()
        host = _named(host, owner)
        if port == 0:
            self._ports += 1
            port = self._ports
        place = (host, port)
        known = self._listeners.get(place)
        if known is not None and (known[1] is None or known[1].running is not Running.DEAD):
            raise OSError(errno.EADDRINUSE, f"address {host}:{port} in use")
        self._listeners[place] = (factory, owner)
        return SimServer(loop, self, host, port)

    def unlisten(self, place: tuple[str, int]) -> None:
        """Accept no more connections."""
        self._listeners.pop(place, None)

    def listens(self, place: tuple[str, int]) -> bool:
        """Tell whether anybody listens."""
        return place in self._listeners

    async def connect(
        self, loop: "SimLoop", factory: Callable[[], Any], host: str, port: int
    ) -> tuple[asyncio.Transport, Any]:
        """Open a connection from the running host.

        Raises:
            ConnectionRefusedError: Nobody listens there.
            TimeoutError: Nothing was heard from there in two minutes.
        """
        client = current_host.get()
        host = _named(host, client)
        name = client.name if client is not None else "scenario"
        deadline = loop.time() + _SYN_TIMEOUT
        while True:
            await asyncio.sleep(self.delay())
            if host not in self._dark and not self.is_apart(name, host):
                break
            if loop.time() > deadline:
                self.trace.add(name, "timed out", f"{host}:{port}")
                raise TimeoutError(errno.ETIMEDOUT, f"Connect call failed ('{host}', {port})")
            await asyncio.sleep(1.0)  # another SYN
        listener = self._listeners.get((host, port))
        if listener is None or (listener[1] and listener[1].running is Running.DEAD):
            self.trace.add(name, "refused", f"{host}:{port}")
            raise ConnectionRefusedError(
                errno.ECONNREFUSED, f"Connect call failed ('{host}', {port})"
            )
        accept, owner = listener
        protocol = factory()
        self._ports += 1
        mine, theirs = (name, self._ports), (host, port)
        connection = Connection(self, loop, Side(name, client, mine), Side(host, owner, theirs))
        self._connections[connection] = None
        self.trace.add(name, "connected", f"{host}:{port} from {self._ports}")
        connection.open(protocol, accept)
        return connection.near.transport, protocol

    def close(self) -> None:
        """Take every connection for closed, without a word to its ends: nothing runs any more."""
        for connection in self._connections:
            for side in connection.sides():
                side.transport.gone = True
        self._connections.clear()

    # -- as connections use it -----------------------------------------------------------------

    def delay(self) -> float:
        """Return how long the next piece takes."""
        low, high = self.options.latency
        seconds = self.random.uniform(low, high)
        if self.options.spike and self.random.random() < self.options.spike:
            seconds *= 10
        return seconds * self.slow

    def pieces(self, data: bytes) -> list[bytes]:
        """Return what is written in the pieces in which it arrives."""
        if len(data) < 2 or self.random.random() >= self.options.fragment:
            return [data]
        cuts = sorted({self.random.randrange(1, len(data)) for _ in range(3)})
        return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]

    def is_cut(self, source: str, target: str) -> bool:
        """Tell whether nothing gets from one host to another."""
        return (source, target) in self._cuts

    def is_apart(self, one: str, other: str) -> bool:
        """Tell whether a question and its answer cannot both get through between two hosts."""
        return (one, other) in self._cuts or (other, one) in self._cuts

    def forget(self, connection: Connection) -> None:
        """Take note that both ends of a connection are closed."""
        self._connections.pop(connection, None)

    # -- as a scenario uses it -------------------------------------------------------------------

    def partition(
        self, some: Iterable[str], others: Iterable[str], *, one_way: bool = False
    ) -> None:
        """Let nothing through from some hosts to others, and back unless one way; until `heal`.

        Connections stay: what is sent waits, as if it were sent again and again.
        """
        some, others = sorted(some), sorted(others)
        for a in some:
            for b in others:
                self._cuts[a, b] = None
                if not one_way:
                    self._cuts[b, a] = None
        self.trace.add("network", "cut", f"{some} {'->' if one_way else '<->'} {others}")

    def heal(self) -> None:
        """Let everything through again; what waited arrives."""
        self._cuts.clear()
        self.trace.add("network", "healed", "")
        for connection in list(self._connections):
            connection.flow()

    def rejoin(self, name: str, others: Iterable[str]) -> None:
        """Let everything through again between a host and others."""
        others = sorted(others)
        for other in others:
            self._cuts.pop((name, other), None)
            self._cuts.pop((other, name), None)
        self.trace.add("network", "rejoined", f"{name} <-> {others}")
        for connection in list(self._connections):
            connection.flow()

    def reset(self, some: str, other: str) -> int:
        """Reset the connections between two hosts; return how many there were."""
        hit = [c for c in self._connections if {c.near.name, c.far.name} == {some, other}]
        for connection in hit:
            connection.reset()
        self.trace.add("network", "reset", f"{some} <-> {other}: {len(hit)}")
        return len(hit)

    def host_died(self, host: Host, *, silently: bool) -> None:
        """Take note that a host's process is gone.

        Its kernel closes what it had open, unless the whole machine fell silent:
        then its peers wait for something that does not come.
        """
        if silently:
            self._dark[host.name] = None
        for place, (_, owner) in list(self._listeners.items()):
            if owner is host:
                del self._listeners[place]
        for connection in list(self._connections):
            if host in {connection.near.host, connection.far.host}:
                connection.host_died(host, silently=silently)

    def host_started(self, host: Host) -> None:
        """Take note that a machine is up: it answers, also to what it knows nothing of."""
        self._dark.pop(host.name, None)
        for connection in list(self._connections):
            connection.forgotten(host.name)


def _named(name: str, host: Host | None) -> str:
    """Return the name on the network of what a host's code calls so."""
    return host.name if host is not None and name in _HERE else name
