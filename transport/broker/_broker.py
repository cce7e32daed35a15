"""The broker: servers on ports, in front of the state machines."""

import asyncio
import contextlib
import errno
import ssl
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog

from ._clock import Clock, Timer
from ._cluster import Cluster, Node
from ._connection import Connection
from ._durability import Durability, sync_interval
from ._errors import BrokerError, PortInUse
from ._faults import Faults
from ._inspection import BrokerStatistics
from ._interference import Interference
from ._sasl import Credentials
from ._state import BrokerOptions, BrokerState
from .log import CodecMissing, CorruptSegment, DiskStore, MemoryStore, Store, StoreError

_log = structlog.get_logger("callboard.broker")


class Broker(Interference):
    """A broker that speaks Kafka's protocol to unmodified clients.

    It is for development, tests and small single machines: it does not
    replicate, and without a folder what it holds is gone when it stops. With
    several broker ids clients see a cluster, whose leaders and coordinators move
    as they do in a real one; behind them is one log.

    Example:
        >>> async def main() -> None:
        ...     async with Broker() as broker:
        ...         producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap)

    Order of events: `start` opens the folder if there is one, listens on the
    ports and serves; `aclose` stops listening, closes every connection without
    an answer to what waits, and writes what is still to be written.

    Args:
        options: How it behaves; the default takes a free port on loopback.
    """

    def __init__(self, options: BrokerOptions | None = None) -> None:
        self._options = options or BrokerOptions()
        self._state: BrokerState | None = None
        self._faults = Faults()
        self._servers: dict[int, asyncio.Server] = {}
        self._connections: dict[Connection, None] = {}
        self._durability: Durability | None = None
        self._credentials: Credentials | None = None
        self._tls: ssl.SSLContext | None = None
        self._housekeeping: Timer | None = None
        self._refused = 0
        self._emptied: asyncio.Event | None = None

    # -- life -----------------------------------------------------------------------

    async def start(self) -> None:
        """Open the folder, and listen.

        Raises:
            PortInUse: Another program has the port.
            BrokerError: The address cannot be listened on, the folder is not one
                this broker can take, or a certificate cannot be used.
        """
        options, loop = self._options, asyncio.get_running_loop()

        def later(delay: float, call: Callable[[], None]) -> Timer:
            return loop.call_later(delay, call)

        first = options.port
        host = options.advertised_host or options.host
        nodes = [
            Node(id_, host, first and first + id_ - 1) for id_ in range(1, options.brokers + 1)
        ]
        # Called through the module, so that whoever owns time may replace it there.
        clock = Clock(later, lambda: time.time())  # noqa: PLW0108 - see above
        interval = sync_interval(options.fsync) if options.data is not None else None
        if options.security is not None:
            self._tls = options.security.server_context()
            self._credentials = options.security.credentials()
        store = self._open_store()
        try:
            self._state = _restored(options, clock, store, Cluster(nodes))
            self._durability = Durability(store, interval, self._disk_failed)
            for node in nodes:
                await self._listen(node)
        except BaseException:
            await self.aclose()
            raise
        self._housekeeping = later(options.housekeeping, self._keep_house)

    def _open_store(self) -> Store:
        if self._options.data is None:
            return MemoryStore()
        try:
            return DiskStore(self._options.data)
        except StoreError as error:
            raise BrokerError(str(error)) from error

    async def _listen(self, node: Node) -> None:
        options, loop = self._options, asyncio.get_running_loop()
        try:
            server = await loop.create_server(
                lambda: Connection(self, node.id), options.host, node.port
            )
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(options.host, node.port) from error
            raise BrokerError(
                f"cannot listen on {options.host}:{node.port}: {error.strerror}. "
                f"Give an address of this machine, such as 127.0.0.1"
            ) from error
        node.port = server.sockets[0].getsockname()[1]
        self._servers[node.id] = server

    async def aclose(self) -> None:
        """Close every connection and stop; safe to call again."""
        if self._housekeeping is not None:
            self._housekeeping.cancel()
            self._housekeeping = None
        for node in list(self._servers):
            self._stop_listening(node)
        if self._connections:
            # Their sockets are closed by callbacks of the loop; the last one says so.
            self._emptied = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._emptied.wait(), self._options.close_timeout)
        if self._durability is not None:
            self._durability.close()
        if self._state is not None:
            self._state.close()

    def _stop_listening(self, node: int) -> None:
        self._servers.pop(node).close()
        for connection in list(self._connections):
            if connection.node == node:
                connection.close()

    def let_go(self) -> None:
        """Let go of the folder at once, as the system does for a process that is killed."""
        if self._state is not None:
            self._state.store.release()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    # -- what clients see of it -----------------------------------------------------------

    @property
    def bootstrap(self) -> str:
        """The addresses clients are given: `host:port`, one for each broker id."""
        nodes = self._running().cluster.nodes.values()
        return ",".join(f"{node.host}:{node.port}" for node in nodes)

    def statistics(self) -> BrokerStatistics:
        """Return how much there is."""
        state = self._running()
        return BrokerStatistics(
            len(self._connections), len(state.topics), len(state.groups), state.topics.bytes()
        )

    def disconnect_clients(self, client_id: str | None = None) -> int:
        """Close connections: all, or those of one client; return how many.

        A connection is known by the client id of its last request.
        """
        chosen = [c for c in self._connections if client_id in {None, c.client_id}]
        for connection in chosen:
            connection.close()
        return len(chosen)

    async def stop_broker(self, broker: int) -> None:
        """Take one broker id down: its connections end, others lead and coordinate.

        Partitions that no other id has a replica of have no leader until it is back.

        Raises:
            KeyError: There is no such broker id.
        """
        node = self._node(broker)
        if not node.up:
            return
        with self._coordinators_may_move():
            node.up = False
            self._stop_listening(broker)
            self._running().topics.elect()

    async def start_broker(self, broker: int) -> None:
        """Bring a broker id back, on its old port. It leads what has no other leader.

        Raises:
            KeyError: There is no such broker id.
            PortInUse: Another program has taken its port meanwhile.
        """
        node = self._node(broker)
        if node.up:
            return
        await self._listen(node)
        with self._coordinators_may_move():
            node.up = True
            self._running().topics.elect()

    # -- Surroundings of a connection -------------------------------------------------------

    @property
    def state(self) -> BrokerState:
        """What the broker knows; for its own parts."""
        return self._running()

    @property
    def credentials(self) -> Credentials | None:
        """What logins are checked with; for its own parts."""
        return self._credentials

    @property
    def tls(self) -> ssl.SSLContext | None:
        """The server's side of TLS; for its own parts."""
        return self._tls

    @property
    def faults(self) -> Faults:
        """The control points; for its own parts."""
        return self._faults

    def opened(self, connection: Connection) -> bool:
        """See `Surroundings`."""
        if len(self._connections) >= self._options.max_connections:
            if self._refused == 0:  # one line until housekeeping tells how many there were
                _log.warning(
                    "refused a connection: there are too many", open=len(self._connections)
                )
            self._refused += 1
            return False
        self._connections[connection] = None
        return True

    def closed(self, connection: Connection) -> None:
        """See `Surroundings`."""
        self._connections.pop(connection, None)
        if not self._connections and self._emptied is not None:
            self._emptied.set()

    def is_durable(self) -> bool:
        """See `Surroundings`."""
        return self._durability is None or not self._durability.owed()

    def when_durable(self, call: Callable[[], None]) -> None:
        """See `Surroundings`."""
        assert self._durability is not None, "it said that something is not durable"
        self._durability.wait(call)

    # -- inside -------------------------------------------------------------------------

    def _disk_failed(self, error: OSError) -> None:
        """Take nothing more, and answer nobody who wrote: it may be lost."""
        del error
        self._running().disk_full = True
        self.disconnect_clients()

    def _keep_house(self) -> None:
        options, loop = self._options, asyncio.get_running_loop()
        try:
            self._running().housekeep()
        except CodecMissing as error:
            _log.warning("a topic cannot be compacted", reason=str(error))
        if self._refused > 1:
            _log.warning("refused connections: there were too many", refused=self._refused)
        self._refused = 0
        now = loop.time()
        for connection in list(self._connections):
            stalled = connection.stalled_since
            if stalled is not None and now - stalled > options.stall_timeout:
                connection.close(f"it has not read its answers for {now - stalled:.0f} s")
            elif not connection.waits and now - connection.last_heard > options.idle_timeout:
                connection.close()
        self._housekeeping = loop.call_later(options.housekeeping, self._keep_house)


def _restored(options: BrokerOptions, clock: Clock, store: Store, cluster: Cluster) -> BrokerState:
    try:
        return BrokerState(options, clock, store, cluster)
    except CorruptSegment as error:
        store.close()
        raise BrokerError(str(error)) from error
