"""A process that runs workloads of one subject when told to.

It says `{"ready": VERSION}` once. Then each line of its standard input, `JOB N SECONDS`, is
answered with one line, `{"value": NUMBER}` or `{"error": SENTENCE}`. It ends when its standard
input closes, and ends a run by itself after SECONDS.
"""

import asyncio
import contextlib
import json
import math
import os
import signal
from pathlib import Path
from typing import Any, cast

from ._plan import Subject

_FAREWELL = 5.0
_TAIL = 2_000


class RunFailed(Exception):  # noqa: N818 - named as the errors of callboard are
    """A run gave no figure; says why."""


class Session:
    """One subject's process, started when first needed and again when it is gone.

    It gets a process group of its own: Ctrl-C in the terminal reaches the runner alone, which then
    ends the whole group, forks included.

    Args:
        subject: whose process it is.
        folder: where the file for what it says in errors goes.

    Attributes:
        version: what it calls itself; "" until it was started.
    """

    def __init__(self, subject: Subject, folder: Path) -> None:
        self.version = ""
        self._subject = subject
        self._errors = folder / f"{subject.name}.stderr"
        self._process: asyncio.subprocess.Process | None = None

    async def run(self, job: str, n: int, seconds: float) -> float:
        """Have one run made, and return its figure.

        Args:
            job: name of the workload, as the process knows it.
            n: how much to do.
            seconds: how long it may take, starting the process included.

        Raises:
            RunFailed: there is no figure. If it took too long, the process is ended.
        """
        try:
            async with asyncio.timeout(seconds):
                process = await self._running()
                assert process.stdin is not None, "it was asked for"
                process.stdin.write(f"{job} {n} {math.ceil(seconds) + 1}\n".encode())
                answer = await self._answer(process)
        except TimeoutError:
            await self.close()
            raise RunFailed(f"it took longer than {seconds:g} s and was ended") from None
        except RunFailed:
            await self.close()
            raise
        if self._subject.single:
            await self.close()
        if "value" in answer:
            return float(answer["value"])
        raise RunFailed(str(answer.get("error", f"it answered {answer}")))

    def kill(self) -> None:
        """End the process and all it started, now."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def close(self) -> None:
        """End the process, if there is one, and see it gone."""
        self.kill()
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL):
                    await process.communicate()  # also reads its pipes to their ends

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            with self._errors.open("wb") as errors:
                try:
                    self._process = await asyncio.create_subprocess_exec(
                        *self._subject.command,
                        stdin=asyncio.subprocess.PIPE,
                        stdout=asyncio.subprocess.PIPE,
                        stderr=errors,
                        env={**os.environ, **self._subject.environment},
                        start_new_session=True,
                    )
                except OSError as error:
                    raise RunFailed(f"it could not be started: {error}") from error
            greeting = await self._answer(self._process)
            self.version = str(greeting.get("ready", ""))
        return self._process

    async def _answer(self, process: asyncio.subprocess.Process) -> dict[str, Any]:
        assert process.stdout is not None, "it was asked for"
        line = await process.stdout.readline()
        if not line:
            raise RunFailed(f"its process ended. It said: {self._last_words()}")
        try:
            answer: object = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise RunFailed(f"its process answered {line!r}; expected a line of JSON")
        return cast("dict[str, Any]", answer)

    def _last_words(self) -> str:
        text = self._errors.read_bytes()[-_TAIL:].decode(errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1] if lines else "nothing"
