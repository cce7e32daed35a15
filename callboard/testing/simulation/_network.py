"""The simulated network: who listens where, what is in the way, and how long things take."""

import asyncio
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


class SimServer:
    """A listening port, as asyncio's servers are used."""

    def __init__(self, network: "Network", host: str, port: int) -> None:
        self._network = network
        self._place = (host, port)
        self.sockets = [SimSocket(host, port)]

    def close(self) -> None:
        """Listen no more; connections stay."""
        self._network.unlisten(self._place)

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
        self._ports = _FIRST_CLIENT_PORT
        self.slow = 1.0
        """What every delay is multiplied with."""

    # -- as the loop uses it -------------------------------------------------------------------

    def listen(
        self, loop: "SimLoop", factory: Callable[[], Any], host: str, port: int
    ) -> SimServer:
        """Accept connections."""
        del loop
        owner = current_host.get()
        if port == 0:
            self._ports += 1
            port = self._ports
        place = (host, port)
        known = self._listeners.get(place)
        if known is not None and (known[1] is None or known[1].running is not Running.DEAD):
            raise OSError(98, f"address {host}:{port} in use")
        self._listeners[place] = (factory, owner)
        return SimServer(self, host, port)

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
        """
        client = current_host.get()
        name = client.name if client is not None else "scenario"
        while True:
            await asyncio.sleep(self.delay())
            if not (self.is_cut(name, host) or self.is_cut(host, name)):
                break
            await asyncio.sleep(1.0)  # another SYN; the caller's own time-out ends this
        listener = self._listeners.get((host, port))
        if listener is None or (listener[1] and listener[1].running is Running.DEAD):
            self.trace.add(name, "refused", f"{host}:{port}")
            raise ConnectionRefusedError(111, f"Connect call failed ('{host}', {port})")
        accept, owner = listener
        self._ports += 1
        mine, theirs = (name, self._ports), (host, port)
        connection = Connection(self, loop, Side(name, client, mine), Side(host, owner, theirs))
        self._connections[connection] = None
        self.trace.add(name, "connected", f"{host}:{port} from {self._ports}")
        protocol = factory()
        connection.open(protocol, accept)
        return connection.near.transport, protocol

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
        for place, (_, owner) in list(self._listeners.items()):
            if owner is host:
                del self._listeners[place]
        for connection in list(self._connections):
            if host in {connection.near.host, connection.far.host}:
                connection.host_died(host, silently=silently)
