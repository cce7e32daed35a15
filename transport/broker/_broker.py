"""The broker: a server on a port, in front of the state machines."""

import asyncio
import errno
import struct
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import structlog

from ._control import Action, Control, Delay, DropAnswer, DropBefore, RequestInfo
from ._dispatch import Request, answer, parse
from ._errors import BrokerError, MalformedRequest, PortInUse
from ._group import Timer
from ._state import BrokerOptions, BrokerState

_MAX_FRAME = 100 * 1024 * 1024
_LENGTH = struct.Struct(">i")
_READ_BUFFER = 1024 * 1024

_log = structlog.get_logger("callboard.broker")


@dataclass(frozen=True, slots=True)
class BrokerStatistics:
    """A broker at one moment."""

    connections: int
    topics: int
    groups: int
    bytes: int


class Broker:
    """A single-node broker that speaks Kafka's protocol, in memory.

    It is for development, tests and small single machines: it does not
    replicate, and what it holds is gone when it stops.

    Example:
        >>> async def main() -> None:
        ...     async with Broker() as broker:
        ...         producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap)

    Args:
        options: How it behaves; the default takes a free port on loopback.
    """

    def __init__(self, options: BrokerOptions | None = None) -> None:
        self._options = options or BrokerOptions()
        self._server: asyncio.Server | None = None
        self._state: BrokerState | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._controls: dict[str, Control] = {}

    # -- life -----------------------------------------------------------------------

    async def start(self) -> None:
        """Listen.

        Raises:
            PortInUse: Another program has the port.
            BrokerError: The address cannot be listened on.
        """
        options, loop = self._options, asyncio.get_running_loop()

        def later(delay: float, call: Callable[[], None]) -> Timer:
            return loop.call_later(delay, call)

        try:
            self._server = await asyncio.start_server(
                self._connected, options.host, options.port, limit=_READ_BUFFER
            )
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(options.host, options.port) from error
            raise BrokerError(
                f"cannot listen on {options.host}:{options.port}: {error.strerror}. "
                f"Give an address of this machine, such as 127.0.0.1"
            ) from error
        port: int = self._server.sockets[0].getsockname()[1]
        self._state = BrokerState(options, later, host=options.host, port=port)

    async def aclose(self) -> None:
        """Close every connection and stop; safe to call again."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for task in self._connections:
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections, timeout=self._options.close_timeout)
        for group in self._running().groups.values():
            group.close()

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

    # -- looking in -------------------------------------------------------------------

    @property
    def bootstrap(self) -> str:
        """The address clients are given: `host:port`."""
        state = self._running()
        return f"{state.host}:{state.port}"

    def statistics(self) -> BrokerStatistics:
        """Return how much there is."""
        state = self._running()
        return BrokerStatistics(
            len(self._connections), len(state.topics), len(state.groups), state.topics.bytes()
        )

    def topic_names(self) -> list[str]:
        """Return the topics' names, sorted."""
        return self._running().topics.names()

    def end_offset(self, topic: str, partition: int) -> int:
        """Return the offset the next record of a partition gets.

        Raises:
            KeyError: There is no such partition.
        """
        log = self._running().topics.log(topic, partition)
        if log is None:
            raise KeyError(f"{topic}/{partition}")
        return log.end

    def committed(self, group: str, topic: str, partition: int) -> int | None:
        """Return what a group has committed, or None."""
        known = self._running().groups.get(group)
        found = known.offsets.get((topic, partition)) if known is not None else None
        return None if found is None else found.offset

    def members(self, group: str) -> list[str]:
        """Return the ids of a group's members."""
        known = self._running().groups.get(group)
        return [] if known is None else list(known.members)

    # -- interfering --------------------------------------------------------------------

    def control(self, api: str, control: Control | None) -> None:
        """Ask `control` before every request of a kind; None takes it away.

        Args:
            api: A request's name, such as `produce` or `join_group`.
            control: Returns what is to happen, or None to let it pass.
        """
        if control is None:
            self._controls.pop(api, None)
        else:
            self._controls[api] = control

    def expire_member(self, group: str, member: str) -> None:
        """End a member's session, as if it had been silent for too long."""
        known = self._running().groups.get(group)
        if known is not None:
            known.expire(member)

    # -- inside -------------------------------------------------------------------------

    def _running(self) -> BrokerState:
        if self._state is None:
            raise BrokerError("the broker was not started; use `async with Broker() as broker`")
        return self._state

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "asyncio runs this as a task"
        self._connections.add(task)
        try:
            await self._serve(reader, writer)
        except MalformedRequest as error:
            peer = writer.get_extra_info("peername")
            _log.warning(
                "closed a connection that does not speak our protocol",
                peer=str(peer),
                reason=str(error),
            )
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            pass  # the client is gone; its sessions end by their own timers
        except asyncio.CancelledError:
            pass  # aclose; a stream handler that ends cancelled makes asyncio print it
        finally:
            self._connections.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # One request at a time and answers in order, as Kafka serves a connection.
        while True:
            (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
            if not 0 < length <= _MAX_FRAME:
                raise MalformedRequest(f"a frame of {length} bytes")
            request = parse(await reader.readexactly(length))
            action = self._action(request)
            if isinstance(action, Delay):
                await asyncio.sleep(action.seconds)
            if isinstance(action, DropBefore):
                return
            reply = await answer(self._running(), request)
            if isinstance(action, DropAnswer):
                return
            if reply is not None:
                writer.writelines(reply)
                await writer.drain()

    def _action(self, request: Request) -> Action | None:
        control = self._controls.get(request.api.name)
        if control is None:
            return None
        return control(RequestInfo(request.api.name, request.version, request.client_id))
