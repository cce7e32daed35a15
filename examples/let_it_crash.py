"""Let it crash: three strategies side by side, watched in a terminal.

python examples/let_it_crash.py --seconds 20 --seed 7
"""

import argparse
import asyncio
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.table import Table

from callboard import Actor, ActorSystem, TreeNode, configure_logging, handler
from callboard.supervision import (
    Backoff,
    OneForAll,
    OneForOne,
    RestForOne,
    Supervisor,
    child,
)

WORKERS = ("first", "second", "third")
STRATEGIES = {"one for one": OneForOne, "one for all": OneForAll, "rest for one": RestForOne}


class Worker(Actor):
    """Works, and crashes when it is told to."""

    made: dict[str, int]  # how often each was made, for all to see

    def __init__(self, made: dict[str, int]) -> None:
        self.made = made

    async def started(self) -> None:
        """Count this life; starting takes a moment."""
        key = "/".join(self.context.path.segments[1:])
        self.made[key] = self.made.get(key, 0) + 1
        await asyncio.sleep(0.15)

    @handler
    def work(self, message: str) -> None:
        """Do as told."""
        if message == "crash":
            raise RuntimeError("let it crash")


def build(made: dict[str, int], seed: int | None) -> ActorSystem:
    """Declare the whole tree: three supervisors that differ in one word."""
    backoff = Backoff(0.5, 2.0, jitter=0.2)
    return ActorSystem(
        "crashes",
        seed=seed,
        tree=[
            child(
                Supervisor,
                *(child(Worker, made, name=worker) for worker in WORKERS),
                strategy=strategy(max_restarts=1000, within=60.0, backoff=backoff),
                name=name,
            )
            for name, strategy in STRATEGIES.items()
        ],
    )


def picture(root: TreeNode, made: dict[str, int], last: str) -> Table:
    """Draw who is up and in which life."""
    table = Table(title=f"crashed last: [bold red]{last}[/]", title_justify="left")
    table.add_column("strategy", style="bold", width=14)
    for worker in WORKERS:
        table.add_column(worker, width=17)
    for group in root.children:
        cells = {one.name: one for one in group.children}
        table.add_row(
            group.name,
            *(
                f"[green]up[/]     life {made.get(f'{group.name}/{worker}', 0)}"
                if worker in cells and cells[worker].state == "running"
                else "[yellow]restarting[/]"
                for worker in WORKERS
            ),
        )
    return table


async def run(
    seconds: float, seed: int | None, show: Callable[[Table], object]
) -> tuple[dict[str, int], list[str]]:
    """Crash one worker of each group every three seconds; return lives and crashes."""
    made: dict[str, int] = {}
    crashed: list[str] = []
    async with build(made, seed) as system:
        loop = asyncio.get_running_loop()
        end, next_crash = loop.time() + seconds, loop.time() + 1.5
        while loop.time() < end:
            if loop.time() >= next_crash:
                next_crash += 3.0
                crashed.append(system.random.choice(WORKERS))
                for group in STRATEGIES:
                    if (ref := system.find(f"{group}/{crashed[-1]}")) is not None:
                        ref.tell("crash")
            show(picture(system.tree(), made, crashed[-1] if crashed else "nobody yet"))
            await asyncio.sleep(0.1)
    return made, crashed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to watch")
    parser.add_argument("--seed", type=int, default=None, help="repeats who crashes when")
    given = parser.parse_args()
    configure_logging("critical")  # the table tells of the crashes
    with Live(console=Console(), auto_refresh=False) as live:
        try:
            asyncio.run(run(given.seconds, given.seed, lambda t: live.update(t, refresh=True)))
        except KeyboardInterrupt:
            live.console.print("interrupted: all actors have stopped")
