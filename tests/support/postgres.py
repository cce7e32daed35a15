"""A PostgreSQL server for tests, started from what is installed."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

_READY = 30.0
_HINT = "install it with: apt-get install postgresql"


class PostgresMissingError(Exception):
    """PostgreSQL cannot run here; says how to make it possible."""


class PostgresServer:
    """One server on loopback with a folder of its own; `stop` leaves nothing behind."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def dsn(self) -> str:
        """Where it is, as asyncpg takes it."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Make the folder, and start; returns when it answers.

        Raises:
            PostgresMissingError: It is not installed.
        """
        initdb, postgres = _program("initdb"), _program("postgres")
        self._folder = Path(tempfile.mkdtemp(prefix="callboard-postgres-"))
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres", "postgres")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        data = self._folder / "data"
        made = _as_user(initdb, "-D", data, "-A", "trust", "-U", "postgres", "--no-sync")
        subprocess.run(made, check=True, capture_output=True)
        self._command = _as_user(
            postgres, "-D", data, "-h", "127.0.0.1", "-p", self.port, "-k", self._folder
        )
        self.resume()

    def resume(self) -> None:
        """Start again on the same folder."""
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + _READY
        while time.monotonic() < end:
            ready = _as_user(_program("pg_isready"), "-h", "127.0.0.1", "-p", self.port)
            if subprocess.run(ready, check=False, capture_output=True).returncode == 0:
                return
            time.sleep(0.1)
        raise PostgresMissingError(f"PostgreSQL did not answer within {_READY:g} s")

    def kill(self) -> None:
        """End it at once, with what it has in hand; `resume` goes on."""
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        """End it, and remove its folder."""
        if self._process is not None:
            self._end(signal.SIGINT)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(20)


def _program(name: str) -> str:
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = shutil.which(name) or (str(versions[-1]) if versions else None)
    if found is None:
        raise PostgresMissingError(f"PostgreSQL is not installed: there is no {name}; {_HINT}")
    return found


def _as_user(*command: object) -> list[str]:
    """Return a command as postgres runs it: it refuses to be root."""
    words = [str(word) for word in command]
    if os.geteuid() != 0:
        return words
    return ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", *words]
