"""Legacy brokers as child processes, on loopback, each with a folder of its own."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from support.ports import free_ports

_START_SECONDS = 60.0


class LegacyMissingError(RuntimeError):
    """A broker is not installed on this machine."""


class LegacyServer(ABC):
    """One broker; what is durable outlives `kill` and `start`."""

    package: ClassVar[str]
    """Debian's."""

    def __init__(self) -> None:
        (self.port,) = free_ports(1)
        self.folder = Path()
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def url_at(self, port: int) -> str:
        """Return where it is, if it is reached at that port."""

    @abstractmethod
    def program(self) -> Path:
        """Return the file that is there if it is installed."""

    @abstractmethod
    def prepare(self) -> None:
        """Write what it needs into its folder."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Return what starts it."""

    def environment(self) -> dict[str, str]:
        """Return what it finds in its environment, besides ours."""
        return {}

    @abstractmethod
    def greet(self, probe: socket.socket) -> bool:
        """Tell whether it answers on a new connection."""

    @property
    def url(self) -> str:
        """Where it is."""
        return self.url_at(self.port)

    def start(self) -> None:
        """Start it, and return when it answers."""
        if not self.program().exists():
            raise LegacyMissingError(
                f"{self.package} is not installed; apt-get install {self.package} brings it"
            )
        if not self.folder.name:
            self.folder = Path(tempfile.mkdtemp(prefix=f"callboard-{self.package}-"))
            self.prepare()
        self._process = subprocess.Popen(
            list(self.command()),
            env={**os.environ, **self.environment()},
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # its own group: what it starts ends with it
        )
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1.0) as probe:
                    probe.settimeout(2.0)
                    if self.greet(probe):
                        return
            except OSError:
                pass
            time.sleep(0.1)
        raise RuntimeError(f"{self.package} has not answered within {_START_SECONDS:g} s")

    def kill(self) -> None:
        """End it as `kill -9` does."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it, and remove its folder."""
        self.kill()
        if self.folder.name:
            shutil.rmtree(self.folder, ignore_errors=True)
