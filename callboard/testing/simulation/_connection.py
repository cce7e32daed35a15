"""One simulated connection: two transports, and what is on its way between them."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

from ._hosts import Host, Running

if TYPE_CHECKING:
    from ._loop import SimLoop
    from ._network import Network

_HIGH_WATER = 256 * 1024
_LOW_WATER = 64 * 1024
_END, _RESET = object(), object()


class Side:
    """One end of a connection.

    Attributes:
        name: The host's name.
        host: The host; None for the scenario.
        address: Host and port.
        transport: What its protocol writes to.
    """

    transport: "SimTransport"

    def __init__(self, name: str, host: Host | None, address: tuple[str, int]) -> None:
        self.name = name
        self.host = host
        self.address = address


class Connection:
    """Carries pieces both ways; each way keeps its order, as TCP does.

    Args:
        network: Tells delays and what is cut.
        loop: The loop of all.
        near: Who connected.
        far: Who listens.
    """

    def __init__(self, network: "Network", loop: "SimLoop", near: Side, far: Side) -> None:
        self.network = network
        self.loop = loop
        self.near = near
        self.far = far

    def open(self, protocol: Any, accept: Callable[[], Any]) -> None:
        """Give both ends their transports; the far one's protocol is made when it is told."""
        self.near.transport = SimTransport(self, self.near, self.far, copy_context(), protocol)
        host = self.far.host
        context = host.context.copy() if host is not None else copy_context()
        self.far.transport = SimTransport(self, self.far, self.near, context, None)
        protocol.connection_made(self.near.transport)
        self.loop.call_soon(self.far.transport.accepted, accept, context=context)

    def sides(self) -> tuple[Side, Side]:
        """Return both ends."""
        return self.near, self.far

    def flow(self) -> None:
        """Let go on what a cut has held up."""
        for side in self.sides():
            side.transport.flow()

    def reset(self) -> None:
        """End it with an error at both ends."""
        for side in self.sides():
            side.transport.lose(ConnectionResetError("connection reset by peer"))

    def forgotten(self, name: str) -> None:
        """Take note that a machine has a new life, which knows nothing of this connection."""
        for side, other in ((self.near, self.far), (self.far, self.near)):
            if side.name == name and side.host is not None and side.host.running is Running.DEAD:
                side.transport.unknown = True
                other.transport.flow()

    def host_died(self, host: Host, *, silently: bool) -> None:
        """Let the other end notice, or not."""
        for side in self.sides():
            if side.host is host:
                side.transport.gone = True
                if not silently:
                    side.transport.send(_RESET)

    def end_closed(self) -> None:
        """Forget it when both ends are closed."""
        if all(side.transport.gone for side in self.sides()):
            self.network.forget(self)


class SimTransport(asyncio.Transport):
    """One end's transport. What it sends arrives at the other, some time later."""

    def __init__(
        self, connection: Connection, mine: Side, other: Side, context: Context, protocol: Any
    ) -> None:
        super().__init__({"peername": other.address, "sockname": mine.address})
        self.gone = False
        """Whether this end is closed: nothing is read any more."""
        self.unknown = False
        """Whether this end's machine fell silent, and has come back without a memory of this."""
        self._connection = connection
        self._mine = mine
        self._other = other
        self.context = context
        self._protocol = protocol
        self._closing = False
        self._reading = True
        self._way: deque[tuple[float, Any]] = deque()  # what is on its way to the other end
        self._unread: deque[Any] = deque()  # what has arrived while nobody read
        self._on_way = 0  # bytes that the other end has not read
        self._last = 0.0
        self._moving: asyncio.TimerHandle | None = None
        self._full = False
        self._low, self._high = _LOW_WATER, _HIGH_WATER

    # -- sending -----------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See asyncio."""
        if self._closing or self.gone or not data:
            return
        for piece in self._connection.network.pieces(bytes(data)):
            self._on_way += len(piece)
            self.send(piece)
        if self._on_way > self._high and not self._full:
            self._full = True
            self._protocol.pause_writing()

    def writelines(self, list_of_data: Any) -> None:
        """See asyncio."""
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        """See asyncio."""
        return False

    def send(self, piece: Any) -> None:
        """Put something on its way."""
        loop, network = self._connection.loop, self._connection.network
        self._last = max(self._last, loop.time() + network.delay())
        self._way.append((self._last, piece))
        if self._moving is None:
            self._set_timer()

    def flow(self) -> None:
        """Go on after a cut."""
        if self._way and self._moving is None:
            self._set_timer()
        elif self._on_way and self._other.transport.unknown:
            self._turned_away()

    def _set_timer(self) -> None:
        # In the receiver's context: what arrives at a host that stands still waits there.
        receiver = self._other.transport
        self._moving = self._connection.loop.call_at(
            self._way[0][0], self._arrive, context=receiver.context
        )
        if self._moving.cancelled():
            self._moving = None  # the receiver is dead: this goes nowhere
            self._way.clear()
            if self._other.transport.unknown:
                self._turned_away()

    def _turned_away(self) -> None:
        """Have what was sent answered with a reset, unless a cut is in the way."""
        loop, network = self._connection.loop, self._connection.network
        if not network.is_apart(self._mine.name, self._other.name):
            error = ConnectionResetError("connection reset by peer")
            when = loop.time() + network.delay() + network.delay()
            loop.call_at(when, self.lose, error, context=self.context)

    def _arrive(self) -> None:
        self._moving = None
        if self._connection.network.is_cut(self._mine.name, self._other.name):
            return  # until `flow`
        loop = self._connection.loop
        receiver = self._other.transport
        now = loop.time()
        while self._way and self._way[0][0] <= now:
            _, piece = self._way.popleft()
            receiver.take(piece)
        if self._way:
            self._set_timer()

    def was_read(self, size: int) -> None:
        """Take note that the other end has read something: there is room for more."""
        self._on_way -= size
        if self._full and self._on_way <= self._low:
            self._full = False
            self._connection.loop.call_soon(self._room, context=self.context)

    def _room(self) -> None:
        if not self.gone:
            self._protocol.resume_writing()

    def get_write_buffer_size(self) -> int:
        """See asyncio."""
        return self._on_way

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """See asyncio; what is on its way counts, too, for there is no other buffer."""
        if high is None:
            high = _HIGH_WATER if low is None else 4 * low
        if low is None:
            low = high // 4
        if not 0 <= low <= high:
            raise ValueError(f"got high={high} and low={low}; expected 0 <= low <= high")
        self._low, self._high = low, high

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """See asyncio."""
        return self._low, self._high

    # -- receiving ---------------------------------------------------------------------------

    def accepted(self, accept: Callable[[], Any]) -> None:
        """Make the listener's protocol, and give it what has arrived."""
        self._protocol = accept()
        self._protocol.connection_made(self)
        self._read()

    def take(self, piece: Any) -> None:
        """Give the protocol what arrives."""
        if self.gone:
            if isinstance(piece, bytes):
                self.send(_RESET)  # nobody will ever read it, and the other end is told
            return
        self._unread.append(piece)
        if piece is _RESET:
            self._reading = True  # whoever does not read notices nevertheless
        if self._protocol is not None:
            self._read()

    def _read(self) -> None:
        trace = self._connection.network.trace
        while self._unread and self._reading and not self.gone:
            piece = self._unread.popleft()
            if piece is _END:
                trace.add(self._mine.name, "end", f"from {self._other.name}")
                if not self._protocol.eof_received():
                    self.close()
            elif piece is _RESET:
                self.lose(ConnectionResetError("connection reset by peer"))
            else:
                trace.bytes(self._mine.name, self._mine.address[1], self._other.name, piece)
                self._other.transport.was_read(len(piece))
                self._protocol.data_received(piece)

    def pause_reading(self) -> None:
        """See asyncio."""
        self._reading = False

    def resume_reading(self) -> None:
        """See asyncio."""
        if not self._reading:
            self._reading = True
            self._connection.loop.call_soon(self._read, context=self.context)

    def is_reading(self) -> bool:
        """See asyncio."""
        return self._reading and not self.gone

    # -- ending ------------------------------------------------------------------------------

    def get_protocol(self) -> Any:
        """See asyncio."""
        return self._protocol

    def set_protocol(self, protocol: Any) -> None:
        """See asyncio."""
        self._protocol = protocol

    def is_closing(self) -> bool:
        """See asyncio."""
        return self._closing or self.gone

    def close(self) -> None:
        """See asyncio: what was written still arrives."""
        if self._closing or self.gone:
            return
        self._closing = True
        self.send(_END)
        self._connection.loop.call_soon(self._lost, None, context=self.context)

    def abort(self) -> None:
        """See asyncio: what was written may not arrive."""
        if self.gone:
            return
        self._way.clear()
        self.send(_RESET)
        self.lose(None)

    def lose(self, error: Exception | None) -> None:
        """End this side."""
        if self.gone or (self._mine.host is not None and self._mine.host.running is Running.DEAD):
            return
        self._closing = True
        self._connection.loop.call_soon(self._lost, error, context=self.context)

    def _lost(self, error: Exception | None) -> None:
        if self.gone:
            return
        self.gone = True
        if self._protocol is not None:
            self._protocol.connection_lost(error)
        self._connection.end_closed()
