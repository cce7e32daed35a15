"""Child processes that cannot outlive the one that started them."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from callboard import CallboardError

_TAIL_BYTES = 4_000


class ProcessFailed(CallboardError):  # noqa: N818 named as the errors it derives from
    """A child process ended or stayed silent when it should not have."""


class Child:
    """One `python -m ...`, with its errors in a file.

    Its standard input is a pipe that nobody writes to unless told to: when the
    parent ends, in whatever way, the pipe closes, and the child stops itself.
    It gets a session of its own, so that Ctrl-C in the terminal reaches the
    parent alone, which then stops its children in order.

    Args:
        name: For people, as in `worker-1`.
        arguments: What follows `python -m`.
        folder: Where the file for its errors goes.
        environment: Variables to add or replace.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._arguments = arguments
        self._log = folder / f"{name}.log"
        self._environment = {**os.environ, **(environment or {})}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the process; it may end at once."""
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *self._arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._started().pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._started().returncode

    async def read_line(self, timeout: float) -> str:  # noqa: ASYNC109 part of the error's sentence
        """Return the next line it prints.

        Raises:
            ProcessFailed: It ended, or printed nothing in time.
        """
        stdout = self._started().stdout
        assert stdout is not None, "start() asks for a pipe"
        try:
            async with asyncio.timeout(timeout):
                line = await stdout.readline()
        except TimeoutError as error:
            raise ProcessFailed(
                f"{self.name} said nothing within {timeout:g} s{self.last_words()}"
            ) from error
        if not line:
            await self.wait(timeout)
            raise self.failure()
        return line.decode(errors="replace").rstrip()

    def write_line(self, text: str) -> None:
        """Send a line to its standard input; nothing happens if it has ended."""
        stdin = self._started().stdin
        assert stdin is not None, "start() asks for a pipe"
        if not stdin.is_closing():
            stdin.write(f"{text}\n".encode())

    async def wait(self, timeout: float) -> bool:  # noqa: ASYNC109 a bound, not an error
        """Wait until it has ended, at most so many seconds; return whether it has."""
        try:
            async with asyncio.timeout(timeout):
                await self._started().wait()
        except TimeoutError:
            return False
        return True

    async def stop(self, grace: float) -> None:
        """Ask it to stop, wait `grace` seconds, then kill it."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        self._signal(signal.SIGTERM)
        if not await self.wait(grace):
            await self.kill()

    async def kill(self) -> None:
        """Kill it with `kill -9`, and wait until it is gone."""
        self._signal(signal.SIGKILL)
        await self._started().wait()

    def failure(self) -> ProcessFailed:
        """Return the error that tells of its end, with the last of what it logged."""
        code = self.exit_code
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        return ProcessFailed(f"{self.name} ended by itself with {how}{self.last_words()}")

    def last_words(self) -> str:
        """Return the end of what it logged, ready to stand behind a sentence."""
        with contextlib.suppress(OSError):
            text = self._log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace").strip()
            if text:
                return f". The last it logged:\n{text}"
        return ". It logged nothing"

    def _started(self) -> asyncio.subprocess.Process:
        assert self._process is not None, "start() comes first"
        return self._process

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._started().send_signal(number)
