"""RabbitMQ as a child process."""

import contextlib
import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path

from support.legacy import LegacyServer
from support.ports import free_ports


class RabbitServer(LegacyServer):
    """One node of RabbitMQ."""

    package = "rabbitmq-server"

    def __init__(self) -> None:
        super().__init__()
        self._dist, self._epmd = free_ports(2)

    def url_at(self, port: int) -> str:
        """Return where it is, if it is reached at that port."""
        return f"amqp://guest:guest@127.0.0.1:{port}/"

    def program(self) -> Path:
        """Return the one that does not switch users."""
        return Path("/usr/lib/rabbitmq/bin/rabbitmq-server")

    def prepare(self) -> None:
        """Write its configuration."""
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.default = 127.0.0.1:{self.port}\nloopback_users = none\n"
        )
        (self.folder / "enabled_plugins").write_text("[].\n")

    def command(self) -> Sequence[str]:
        """Return what starts it."""
        return [str(self.program())]

    def environment(self) -> dict[str, str]:
        """Return its folders and ports."""
        folder = str(self.folder)
        return {
            "HOME": folder,
            "RABBITMQ_NODENAME": f"t{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._dist),
            "ERL_EPMD_PORT": str(self._epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_PID_FILE": f"{folder}/pid",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "+S 2:2 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}"
            ),
        }

    def greet(self, probe: socket.socket) -> bool:
        """Say what protocol is spoken: the port opens before that is answered."""
        probe.sendall(b"AMQP\x00\x00\x09\x01")
        return bool(probe.recv(1))

    def stop(self) -> None:
        """End it, and the port mapper that Erlang leaves behind, which serves it alone."""
        super().stop()
        ours = f"ERL_EPMD_PORT={self._epmd}".encode()
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal():
                with contextlib.suppress(OSError):
                    is_mapper = b"epmd" in (folder / "cmdline").read_bytes()
                    if is_mapper and ours in (folder / "environ").read_bytes():
                        os.kill(int(folder.name), signal.SIGKILL)
