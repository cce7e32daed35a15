"""RabbitMQ as a child process, on loopback, with a folder of its own."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_START_SECONDS = 60.0


class RabbitMissingError(RuntimeError):
    """There is no RabbitMQ on this machine."""


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


class RabbitServer:
    """One node of RabbitMQ; what is durable outlives `kill` and `start`."""

    def __init__(self) -> None:
        self.port, self._dist, self._epmd = _free_ports(3)
        self._folder = Path()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start it, and return when it speaks AMQP."""
        if not _SERVER.exists():
            raise RabbitMissingError(
                "no RabbitMQ is installed; apt-get install rabbitmq-server brings it"
            )
        if not self._folder.name:
            self._folder = Path(tempfile.mkdtemp(prefix="callboard-rabbit-"))
            (self._folder / "rabbitmq.conf").write_text(
                f"listeners.tcp.default = 127.0.0.1:{self.port}\nloopback_users = none\n"
            )
            (self._folder / "enabled_plugins").write_text("[].\n")
        folder = str(self._folder)
        quiet = "+S 2:2 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}"
        environment = {
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
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": quiet,
        }
        self._process = subprocess.Popen(
            [str(_SERVER)],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # its own group: what it starts ends with it
        )
        self._until_it_answers()

    def kill(self) -> None:
        """End it as `kill -9` does."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it, with all it has started, and remove its folder."""
        self.kill()
        self._end_port_mapper()
        if self._folder.name:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _until_it_answers(self) -> None:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1.0) as probe:
                    probe.settimeout(2.0)
                    probe.sendall(b"AMQP\x00\x00\x09\x01")
                    if probe.recv(1):
                        return
            except OSError:
                pass
            time.sleep(0.1)
        raise RuntimeError(f"RabbitMQ has not answered within {_START_SECONDS:g} s")

    def _end_port_mapper(self) -> None:
        """End the daemon that Erlang leaves behind; it listens on a port of ours alone."""
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal():
                try:
                    command = (folder / "cmdline").read_bytes()
                    environment = (folder / "environ").read_bytes()
                except OSError:
                    continue
                if b"epmd" in command and f"ERL_EPMD_PORT={self._epmd}".encode() in environment:
                    os.kill(int(folder.name), signal.SIGKILL)
