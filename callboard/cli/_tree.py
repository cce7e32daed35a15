"""`callboard tree`: the supervision tree of a program, declared or living."""

import asyncio
import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ._errors import USAGE, fail, told

if TYPE_CHECKING:
    from rich.tree import Tree

    from .. import ActorSystem, TreeNode


def tree(
    target: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:SYSTEM",
            help="An ActorSystem, or a function without parameters that returns one.",
        ),
    ],
    *,
    live: Annotated[
        bool, typer.Option("--live", help="Start the system, look at what lives, and stop it.")
    ] = False,
    wait: Annotated[
        float, typer.Option(help="With --live: seconds to wait until all actors run.", min=0.0)
    ] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the supervision tree that a system declares with ActorSystem(tree=...).

    Nothing is started, unless with --live.
    """
    from ..supervision import declared_tree  # noqa: PLC0415 - see the package
    from ._target import TargetError, load_system  # noqa: PLC0415 - see the package

    with told():
        try:
            system = load_system(target)
        except TargetError as error:
            fail(error, USAGE)
        if live:
            # A look must not join a cluster: entities of the program stay in this process.
            os.environ["CALLBOARD_TRANSPORT"] = "memory://"
            system.transport_url = "memory://"
            root = asyncio.run(_living(system, wait))
            if system.exit_code:
                fail(f"{target} gave up while it started; the failures are in the log above")
        else:
            root = declared_tree(system.name, system.declared)
    if as_json:
        typer.echo(json.dumps(asdict(root), indent=2))
        return
    _show(root)
    if not root.children:
        typer.echo(
            f"{target} declares no tree. Give ActorSystem(tree=[child(...)]) one, or look at what "
            "lives once it runs with --live.",
            err=True,
        )


async def _living(system: "ActorSystem", wait: float) -> "TreeNode":
    async with system:
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        while loop.time() < until:
            await asyncio.sleep(0.02)
            if all(node.state == "running" for node in system.tree().walk()):
                break
        return system.tree()


def _show(root: "TreeNode") -> None:
    from rich.console import Console  # noqa: PLC0415 - see the package
    from rich.tree import Tree  # noqa: PLC0415 - see the package

    shown = Tree(f"[bold]{root.name}[/bold]", guide_style="dim")
    _add(shown, root)
    Console().print(shown)


def _add(above: "Tree", node: "TreeNode") -> None:
    from rich.markup import escape  # noqa: PLC0415 - see the package

    for child in node.children:
        words = [f"[bold]{escape(child.name)}[/bold]", f"[cyan]{child.actor}[/cyan]"]
        if child.restart:
            words.append(child.restart)
        if child.state not in {"declared", "running"}:
            words.append(f"[yellow]{child.state}[/yellow]")
        if child.restarts:
            words.append(f"[yellow]{child.restarts} restarts[/yellow]")
        if child.waiting:
            words.append(f"{child.waiting} waiting")
        if child.strategy:
            words.append(f"[dim]{escape(child.strategy)}[/dim]")
        _add(above.add("  ".join(words)), child)
