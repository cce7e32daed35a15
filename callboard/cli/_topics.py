"""`callboard topics`: what a system's topics must be, making them so, and pruning them."""

import asyncio
import json
import math
import os
import time
from typing import TYPE_CHECKING, Annotated

import typer

from ..actors import InvalidTransportURL
from ._durations import seconds_of
from ._errors import USAGE, fail, told

if TYPE_CHECKING:
    from .. import ActorSystem
    from ..transport import KafkaSecurity, Prunable, Topics, TopicStep

REFUSED, TO_DO = 1, 2

topics = typer.Typer(
    help="Topics of a system on a cluster: what they must be, making them so, and pruning them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Target = Annotated[
    str,
    typer.Argument(
        metavar="MODULE:SYSTEM",
        help="An ActorSystem with entities=[...], or a function that returns one.",
    ),
]
Transport = Annotated[
    str | None, typer.Option(help="kafka://HOST:PORT; else the program's, or CALLBOARD_TRANSPORT.")
]
System = Annotated[
    str | None, typer.Option(metavar="NAME", help="Name of the system, if not the program's.")
]


@topics.command()
def plan(
    target: Target,
    *,
    transport: Transport = None,
    system: System = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what would be done, and do nothing.

    Exits with 0 when nothing has to be done, 2 when something would, 1 when something is refused.
    """
    with told():
        steps = asyncio.run(_topics(target, transport, system).plan())
    if as_json:
        typer.echo(json.dumps([_as_dict(step) for step in steps], indent=2))
    else:
        _table(steps)
    raise typer.Exit(_verdict(steps))


@topics.command()
def apply(
    target: Target,
    *,
    transport: Transport = None,
    system: System = None,
    yes: Annotated[bool, typer.Option("--yes", help="Change settings without asking.")] = False,
) -> None:
    """Create what is missing and change settings. Nothing is deleted, and no key moves.

    May be run again: what is done is not done twice. Exits with 1 when something is refused.
    """
    from ..transport import Action  # noqa: PLC0415 - see the package

    with told():
        desk = _topics(target, transport, system)
        steps = asyncio.run(desk.plan())
        _table(steps)
        doing = [step for step in steps if step.action in {Action.CREATE, Action.SET}]
        changing = [step for step in doing if step.action is Action.SET]
        if changing and not yes:
            typer.confirm(f"change the settings of {len(changing)} topics?", abort=True)
        if doing:
            asyncio.run(desk.apply(doing))
    typer.echo(f"{len(doing) - len(changing)} created, {len(changing)} changed")
    if any(step.action is Action.REFUSE for step in steps):
        raise typer.Exit(REFUSED)


@topics.command()
def prune(
    target: Target,
    *,
    keep: Annotated[
        str,
        typer.Option(metavar="TIME", help="Younger messages stay: 90s, 30m, 12h, 7d. 0s: none."),
    ] = "7d",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and stop.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    transport: Transport = None,
    system: System = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; asks nothing.")] = False,
) -> None:
    """Remove handled messages from mailboxes, for good. Nodes may run meanwhile.

    Only what lies below the position that the group has committed; states and quarantine stay.
    """
    if as_json and not (yes or dry_run):
        fail("--json asks nothing: say --yes or --dry-run as well", USAGE)
    age = _seconds(keep)
    before = time.time() - age if age else math.inf
    with told():
        desk = _topics(target, transport, system)
        found = asyncio.run(desk.prunable(before))
        if not found:
            fail("none of the mailboxes is there; see callboard topics plan")
        going = [each for each in found if each.offsets]
        if as_json:
            typer.echo(json.dumps([_span(each) for each in found], indent=2))
        else:
            _spans(found)
        if dry_run:
            typer.echo("nothing was done", err=True)
            return
        total = sum(each.offsets for each in going)
        if going and not yes:
            where = f"{len(going)} of {len(found)} partitions"
            typer.confirm(f"remove {total:,} offsets from {where}?", abort=True)
        asyncio.run(desk.prune(going))
    typer.echo(f"{total:,} offsets removed", err=as_json)


def _seconds(keep: str) -> int:
    seconds = seconds_of(keep)
    if seconds is None:
        fail(f"--keep {keep!r} is no time; expected a number and s, m, h or d, as in 7d", USAGE)
    return seconds


def _topics(target: str, transport: str | None, name: str | None) -> "Topics":
    from ..transport import Topics  # noqa: PLC0415 - see the package
    from ._settings import load_settings  # noqa: PLC0415 - see the package
    from ._target import TargetError, load_system  # noqa: PLC0415 - see the package

    settings = load_settings(transport=transport)
    if settings.transport is not None:
        os.environ["CALLBOARD_TRANSPORT"] = settings.transport
    try:
        system = load_system(target)
    except TargetError as error:
        fail(error, USAGE)
    edges = system.edges
    if not (system.entities or edges.consumers or edges.publishers):
        fail(
            f"{target} does not say which kinds of entities it has; name them in "
            f"ActorSystem({system.name!r}, entities=[...])",
            USAGE,
        )
    if name is not None and name != system.name and edges.queue_topics:
        fail(
            f"--system {name}: the topics of bridges and outlets are named after {system.name!r}, "
            f"as the program has them; leave it out",
            USAGE,
        )
    url = transport or system.transport_url or settings.transport
    if url is None:
        fail("which cluster? Give --transport kafka://HOST:PORT or CALLBOARD_TRANSPORT", USAGE)
    try:
        return Topics(
            url,
            name or system.name,
            list(system.entities or ()),
            edges=edges,
            security=_security(system),
        )
    except InvalidTransportURL:
        raise  # `told` has words for it
    except ValueError as error:
        fail(error, USAGE)


def _security(system: "ActorSystem") -> "KafkaSecurity | None":
    """Return what the program itself says about TLS and logins; else the URL's counts."""
    from ..transport import KafkaSecurity  # noqa: PLC0415 - see the package

    return system.security if isinstance(system.security, KafkaSecurity) else None


def _verdict(steps: "list[TopicStep]") -> int:
    from ..transport import Action  # noqa: PLC0415 - see the package

    actions = {step.action for step in steps}
    if Action.REFUSE in actions:
        return REFUSED
    return TO_DO if actions & {Action.CREATE, Action.SET} else 0


def _as_dict(step: "TopicStep") -> dict[str, object]:
    return {
        "topic": step.topic,
        "partitions": step.partitions,
        "action": step.action.value,
        "settings": dict(step.settings),
        "why": step.why,
    }


def _table(steps: "list[TopicStep]") -> None:
    from rich.console import Console  # noqa: PLC0415 - see the package
    from rich.table import Table  # noqa: PLC0415 - see the package
    from rich.text import Text  # noqa: PLC0415 - see the package

    styles = {"create": "green", "set": "yellow", "warn": "yellow", "refuse": "bold red"}
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("TOPIC", "PARTITIONS", "", "SETTINGS", "WHY"):
        table.add_column(name, overflow="fold", justify="right" if name == "PARTITIONS" else "left")
    for step in steps:
        action = step.action.value
        table.add_row(
            Text(step.topic),
            str(step.partitions),
            Text(action, style=styles.get(action, "dim")),
            Text("\n".join(f"{name}={value}" for name, value in step.settings.items())),
            Text(step.why),
        )
    Console().print(table)


def _span(each: "Prunable") -> dict[str, object]:
    return {
        "topic": each.topic,
        "partition": each.partition,
        "start": each.start,
        "until": each.until,
        "why": each.why,
    }


def _spans(found: "list[Prunable]") -> None:
    from rich.console import Console  # noqa: PLC0415 - see the package
    from rich.table import Table  # noqa: PLC0415 - see the package
    from rich.text import Text  # noqa: PLC0415 - see the package

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("MAILBOX", "STARTS AT", "WOULD START AT", "REMOVED", "WHAT KEEPS THE REST"):
        left = name in {"MAILBOX", "WHAT KEEPS THE REST"}
        table.add_column(name, overflow="fold", justify="left" if left else "right")
    for each in found:
        numbers = (f"{each.start:,}", f"{each.until:,}", f"{each.offsets:,}")
        table.add_row(Text(f"{each.topic}/{each.partition}"), *numbers, Text(each.why))
    Console().print(table)
