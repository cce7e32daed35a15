"""What imports what: the contracts of `pyproject.toml`, and what a small program loads."""

import subprocess
import sys

from support.repository import ROOT

LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"

IN_MEMORY = """
import asyncio, sys
from dataclasses import dataclass
from callboard import Actor, ActorSystem, handler

@dataclass(frozen=True)
class Add:
    number: int

class Counter(Actor):
    total = 0

    @handler
    def add(self, message: Add) -> int:
        self.total += message.number
        return self.total

async def main():
    async with ActorSystem("small") as system:
        counter = system.spawn(Counter, name="counter")
        counter.tell(Add(1))
        return await counter.ask(Add(2), timeout=5.0)

assert asyncio.run(main()) == 3
roots = {name.partition(".")[0] for name in sys.modules}
print(*sorted(roots & {"aiokafka", "google", "pydantic", "typer"}))
"""


def run(program: str) -> "subprocess.CompletedProcess[str]":
    """Run a program in a process of its own, at the root of the checkout."""
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_import_contracts_hold() -> None:
    """The layers, the doors and the ban on drivers in the core hold: `make check` shows which."""
    done = run(LINT)

    assert done.returncode == 0, done.stdout + done.stderr


def test_actors_in_memory_load_no_driver() -> None:
    """A system with nothing but in-memory actors loads neither aiokafka nor protobuf."""
    done = run(IN_MEMORY)

    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr
