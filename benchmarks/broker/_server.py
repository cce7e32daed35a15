"""A broker as a child process: started, looked at, ended."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ._launch import Launch, Place, Servers

_LOOK_EVERY = 0.02
_START_SECONDS = 60.0
_END_SECONDS = 10.0
# Fields of /proc/PID/stat behind the name in parentheses: user and system time, in ticks.
_USER, _SYSTEM = 11, 12


@dataclass(frozen=True, slots=True)
class Server:
    """A broker that runs.

    Attributes:
        bootstrap: where clients find it.
        pid: of its process, all of whose threads count.
    """

    bootstrap: str
    pid: int

    def cpu(self) -> float:
        """Return the seconds of processor time that it has used."""
        after_name = self._read("stat").rpartition(")")[2].split()
        ticks = int(after_name[_USER]) + int(after_name[_SYSTEM])
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident(self) -> int:
        """Return the bytes of memory that it has."""
        return int(self._read("statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def _read(self, name: str) -> str:
        file = Path(f"/proc/{self.pid}/{name}")
        try:
            return file.read_text(encoding="utf-8")
        except OSError as error:
            raise RuntimeError(
                f"memory and processor time are read from {file}, which could not be read "
                f"({error.strerror}): run on Linux"
            ) from error


@contextlib.asynccontextmanager
async def running(servers: Servers) -> AsyncGenerator[Server]:
    """Start a broker that has nothing yet, and end it with the block.

    Raises:
        RuntimeError: it ended, or took too long to listen.
    """
    with TemporaryDirectory(prefix="callboard-bench-broker-") as folder:
        place = Place(free_port(), free_port(), Path(folder))
        launch = servers.launch(place)
        await _prepare(launch)
        process = await asyncio.create_subprocess_exec(
            *launch.command,
            # The embedded broker ends with its parent by this; the others do not look at it.
            stdin=asyncio.subprocess.PIPE,
            stdout=sys.stderr,
            env={**os.environ, **launch.environment},
            cwd=folder,
        )
        try:
            await _listening(process, place.port)
            yield Server(f"127.0.0.1:{place.port}", process.pid)
        finally:
            # No farewell: what it would still write goes with its folder.
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _prepare(launch: Launch) -> None:
    if not launch.before:
        return
    process = await asyncio.create_subprocess_exec(*launch.before, stdout=sys.stderr)
    try:
        async with asyncio.timeout(_START_SECONDS):
            code = await process.wait()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        raise
    if code:
        raise RuntimeError(f"`{' '.join(launch.before[:4])} ...` failed with exit code {code}")


async def _listening(process: asyncio.subprocess.Process, port: int) -> None:
    """Wait until somebody takes connections."""
    async with asyncio.timeout(_START_SECONDS):
        while process.returncode is None:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(_LOOK_EVERY)
    raise RuntimeError(f"the broker ended with exit code {process.returncode} before it listened")
