"""ActiveMQ as a child process, with a store on disk, speaking STOMP."""

import socket
from collections.abc import Sequence
from pathlib import Path

from support.legacy import LegacyServer
from support.ports import free_ports

_JARS = Path("/usr/share/java")
_NEEDED = (
    *(f"activemq-{part}" for part in ("broker", "client", "console", "kahadb-store", "stomp")),
    *(f"activemq-{part}" for part in ("openwire-legacy", "protobuf", "jaas", "mqtt")),
    "geronimo-jms_1.1_spec",
    "geronimo-j2ee-management-1.1-spec",
    "geronimo-jta-1.2-spec",
    "hawtbuf",
    "slf4j-api",
    "slf4j-simple",
    "commons-pool2",
    *(f"jackson-{part}" for part in ("core", "annotations", "databind")),
)


class ActiveServer(LegacyServer):
    """One ActiveMQ."""

    package = "activemq"

    def __init__(self) -> None:
        super().__init__()
        (self._other,) = free_ports(1)

    def url_at(self, port: int) -> str:
        """Return where it is, if it is reached at that port."""
        return f"stomp://127.0.0.1:{port}"

    def program(self) -> Path:
        """Return one of its jars."""
        return _JARS / "activemq-broker.jar"

    def prepare(self) -> None:
        """Need nothing."""

    def command(self) -> Sequence[str]:
        """Return what starts it."""
        broker = (
            f"broker:(tcp://127.0.0.1:{self._other},stomp://127.0.0.1:{self.port})"
            f"?useJmx=false&persistent=true&dataDirectory={self.folder}/data"
        )
        return [
            *("java", "-Xmx256m", "-XX:+UseSerialGC"),
            *("-cp", ":".join(str(_JARS / f"{jar}.jar") for jar in _NEEDED)),
            *("org.apache.activemq.console.command.ShellCommand", "start", broker),
        ]

    def greet(self, probe: socket.socket) -> bool:
        """Connect, as a client does."""
        probe.sendall(b"CONNECT\naccept-version:1.2\nhost:localhost\n\n\x00")
        return probe.recv(16).startswith(b"CONNECTED")
