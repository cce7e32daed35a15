"""Redis as a child process; every write is on its disk before it is answered."""

import socket
from collections.abc import Sequence
from pathlib import Path

from support.legacy import LegacyServer


class RedisServer(LegacyServer):
    """One Redis."""

    package = "redis-server"

    def url_at(self, port: int) -> str:
        """Return where it is, if it is reached at that port."""
        return f"redis://127.0.0.1:{port}/0"

    def program(self) -> Path:
        """Return where Debian puts it."""
        return Path("/usr/bin/redis-server")

    def prepare(self) -> None:
        """Need nothing."""

    def command(self) -> Sequence[str]:
        """Return what starts it."""
        durable = ("--save", "", "--appendonly", "yes", "--appendfsync", "always")
        where = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder))
        return [str(self.program()), *where, *durable]

    def greet(self, probe: socket.socket) -> bool:
        """Ask whether it has loaded what it had."""
        probe.sendall(b"PING\r\n")
        return probe.recv(16).startswith(b"+PONG")
