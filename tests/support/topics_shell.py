"""`callboard topics` as it is typed, on a program in a folder."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Protocol

_PROGRAM = """
from callboard import ActorSystem, Entity, handler
from google.protobuf.wrappers_pb2 import Int64Value

class {kind}(Entity):
    partitions = {partitions}
    state: Int64Value

    @handler
    def add(self, message: Int64Value) -> None: ...

system = ActorSystem("{name}", entities=[{kind}])
client = ActorSystem("{name}")
"""


class Shell(Protocol):
    """Runs a command, with what is typed into it."""

    def __call__(
        self, *arguments: str, typed: str = ""
    ) -> Awaitable[subprocess.CompletedProcess[str]]: ...


def write_program(path: Path, name: str, kind: str, partitions: int) -> None:
    """Write a program with two systems: `system` has a kind, `client` has none."""
    path.write_text(_PROGRAM.format(name=name, kind=kind, partitions=partitions))


def topics_shell(folder: Path, bootstrap: str) -> Shell:
    """Return what runs `callboard topics ...` in a folder, before a broker."""

    async def run(*arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "callboard", "topics", *arguments],
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=folder,
            env={"CALLBOARD_TRANSPORT": f"kafka://{bootstrap}", "PATH": "", "COLUMNS": "160"},
        )

    return run
