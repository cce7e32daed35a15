"""Books of what came over a bridge, and the processes that keep them."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path

from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import ListValue
from google.protobuf.wrappers_pb2 import Int64Value

from callboard import ActorSystem, Entity, handler

KEYS = 100

PROGRAM = """
import os
from google.protobuf.wrappers_pb2 import Int64Value
from callboard import ActorSystem, {source}
from support.bridged import Books, key_of

system = ActorSystem(os.environ["AIR"])

@system.bridge({declared}, to=Books, key=key_of)
def departures(payload: bytes, headers: dict[str, str]) -> Int64Value:
    return Int64Value(value=int(payload))
"""


class Books(Entity):
    """Counts what came, in figures that one message too many or too few would change."""

    partitions = 4
    state: ListValue

    @handler
    def take(self, message: Int64Value) -> None:
        """Enter a number: how many there are, their sum, that of their squares, the last one."""
        books = [each.number_value for each in self.state.values] or [0.0, 0.0, 0.0, -1.0, 0.0]
        books[0] += 1
        books[1] += message.value
        books[2] += message.value**2
        books[4] += message.value <= books[3]
        books[3] = message.value
        del self.state.values[:]
        self.state.extend(books)

    @handler
    def show(self, message: Empty) -> ListValue:
        """Show them."""
        shown = ListValue()
        shown.CopyFrom(self.state)
        return shown


def key_of(command: Int64Value) -> str:
    """Return whose books a number belongs to."""
    return f"k{command.value % KEYS}"


def expected(count: int) -> dict[str, list[float]]:
    """Return the books when each number below `count` was entered once, in order."""
    books: dict[str, list[float]] = {}
    for key in range(KEYS):
        numbers = range(key, count, KEYS)
        squares = sum(number**2 for number in numbers)
        books[f"k{key}"] = [len(numbers), sum(numbers), squares, max(numbers, default=-1), 0.0]
    return books


async def start(folder: Path, url: str, air: str, node: str) -> Process:
    """Start a node with the program in a folder."""
    with (folder / f"{node}.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "callboard", "run", "air:system"),
            *("--node", node, "--transport", url),
            cwd=folder,
            env={**os.environ, "AIR": air, "PYTHONPATH": str(Path(__file__).parents[1])},
            stdout=DEVNULL,
            stderr=log,
        )


async def books(system: ActorSystem) -> dict[str, list[float]]:
    """Ask for all books."""

    async def ask(key: int) -> list[float]:
        answer = await system.entity(Books, f"k{key}").ask(Empty(), timeout=30.0)
        return [each.number_value for each in answer.values]

    found = await asyncio.gather(*(ask(key) for key in range(KEYS)))
    return {f"k{key}": figures for key, figures in enumerate(found)}


async def entered(system: ActorSystem) -> int:
    """Return how many numbers were entered."""
    return int(sum(figures[0] for figures in (await books(system)).values() if figures))
