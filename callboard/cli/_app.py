"""The commands, put together."""

from typing import Annotated

import typer

from ._bench import bench
from ._bridge import bridge
from ._broker import broker
from ._demo import demo
from ._messages import send, tail
from ._quarantine import quarantine
from ._run import run
from ._schemas import schemas
from ._simulate import simulate
from ._topics import topics
from ._tree import tree
from ._version import print_version, version

app = typer.Typer(
    name="callboard",
    help="Actors for asyncio: supervision trees, and durable mailboxes on Kafka.",
    epilog="Settings come from arguments, then from CALLBOARD_* variables. "
    "Exit codes: 0 done, 1 failed, 2 wrong arguments, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def root(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", is_eager=True, callback=print_version
        ),
    ] = False,
) -> None:
    """Hold the options that come before a command."""


app.command()(run)
app.command()(broker)
app.command()(bridge)
app.command()(demo)
app.command()(tree)
app.command()(simulate)
app.command()(tail)
app.command()(send)
app.add_typer(quarantine, name="quarantine")
app.add_typer(topics, name="topics")
app.add_typer(schemas, name="schemas")
app.add_typer(bench, name="bench")
app.command()(version)
