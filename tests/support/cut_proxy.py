"""A way to several servers that can be cut: what is on it is held, or its connections reset."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from types import TracebackType
from typing import Self

_CHUNK = 64 * 1024
_NO_LINGER = struct.pack("ii", 1, 0)
"""With it a closed connection is reset: the other side gets an error, not an end."""


class CutProxy:
    """Forwards connections, one port for each server, in a thread of its own.

    The ports are known before the servers are, which are told to advertise them.

    Example:
        >>> with CutProxy(3) as proxy, ApacheCluster(detour=proxy.ports) as cluster:
        ...     proxy.lead_to(cluster.detour_ports)
        ...     proxy.hold()

    Args:
        count: How many servers there are.
    """

    def __init__(self, count: int) -> None:
        self._doors = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
        self._targets: list[int] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="cut-proxy")
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._pipes: set[asyncio.Task[None]] = set()
        self._ends: set[asyncio.StreamWriter] = set()

    @property
    def ports(self) -> list[int]:
        """Where it listens, in the order of the servers."""
        return [door.getsockname()[1] for door in self._doors]

    @property
    def bootstrap(self) -> str:
        """`host:port,...` of all its ports."""
        return ",".join(f"127.0.0.1:{port}" for port in self.ports)

    def lead_to(self, ports: Sequence[int]) -> None:
        """Say where the servers are, each at the place of its port."""
        self._targets = list(ports)

    def hold(self) -> None:
        """Let nothing through, in no direction. Connections stay, and new ones are accepted."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def release(self) -> None:
        """Let everything through again, what was held first."""
        self._loop.call_soon_threadsafe(self._flowing.set)

    def reset(self) -> int:
        """Break every connection there is, and return how many; new ones are welcome."""
        broken: Future[int] = Future()
        self._loop.call_soon_threadsafe(lambda: broken.set_result(self._break_all()))
        return broken.result(10)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _open(self) -> None:
        self._servers = [
            await asyncio.start_server(partial(self._joined, at), sock=door)
            for at, door in enumerate(self._doors)
        ]

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        self._break_all()
        for pipe in self._pipes:
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    async def _joined(
        self, at: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            there = await asyncio.open_connection("127.0.0.1", self._targets[at])
        except OSError:
            self._break(writer)  # the server is down: its clients are to see just that
            return
        for source, target in ((reader, there[1]), (there[0], writer)):
            pipe = asyncio.create_task(self._forward(source, target))
            self._pipes.add(pipe)
            pipe.add_done_callback(self._pipes.discard)

    async def _forward(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        self._ends.add(target)
        try:
            while chunk := await source.read(_CHUNK):
                await self._flowing.wait()
                target.write(chunk)
                await target.drain()
        except OSError:
            pass  # one side broke: so does the other, below
        finally:
            self._ends.discard(target)
            target.close()

    def _break_all(self) -> int:
        ends = list(self._ends)
        for end in ends:
            self._break(end)
        return len(ends) // 2

    @staticmethod
    def _break(end: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):  # it is closed already
            end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        end.transport.abort()
