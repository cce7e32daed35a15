"""`callboard bridge`: the bridges of a file, run as a node, or rehearsed."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._errors import FAILED, USAGE, fail, told
from ._run import LogJson, LogLevel, NodeName, StopOnStdinClose, run_node

if TYPE_CHECKING:
    from ..transport.bridges import Rehearsed
    from ._bridge_file import BridgeFile, BridgeSpec


def bridge(
    file: Annotated[Path, typer.Argument(metavar="BRIDGE.TOML", help="Which bridges there are.")],
    *,
    transport: Annotated[
        str | None,
        typer.Option(help="kafka://HOST:PORT; else the file's, or CALLBOARD_TRANSPORT."),
    ] = None,
    node: NodeName = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="This bridge alone; may be given again."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Show what messages would arrive as, write nothing, take nothing."
        ),
    ] = False,
    count: Annotated[
        int, typer.Option(min=1, max=1_000, help="With --dry-run: messages of each queue.")
    ] = 10,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --dry-run: print a JSON object a message.")
    ] = False,
    log_level: LogLevel = None,
    log_json: LogJson = None,
    stop_on_stdin_close: StopOnStdinClose = False,
) -> None:
    """Bring the messages of legacy queues to entities, as a file says, until Ctrl-C.

    With --dry-run, the first messages of each queue are shown as they would arrive, and stay where
    they are. The exit code is then 1 if one of them would not.
    """
    from .. import ActorSystem, configure_logging  # noqa: PLC0415 - see the package
    from ._bridge_file import BridgeFileError  # noqa: PLC0415 - see the package
    from ._bridge_reading import read_bridge_file  # noqa: PLC0415 - see the package
    from ._settings import load_settings  # noqa: PLC0415 - see the package

    settings = load_settings(log_level=log_level, log_json=log_json)
    with told():
        configure_logging(settings.log_level, settings.log_json)
        try:
            found = read_bridge_file(file).only(only or [])
            if dry_run:
                raise typer.Exit(_rehearse(found, count, as_json=as_json))
            url = transport or found.transport or settings.transport
            if url is None or url.startswith("memory:"):
                got = "no transport is given" if url is None else "memory:// ends with this process"
                fail(
                    f"{got}; a bridge writes to Kafka: give --transport kafka://HOST:PORT, or "
                    f"transport = ... in {file}. For a first try: callboard broker",
                    USAGE,
                )
            try:
                system = ActorSystem(
                    found.system,
                    transport=url,
                    node=node or found.node or settings.node,
                    entities=(),
                )
            except ValueError as error:
                fail(f"{file}: {error}", USAGE)
            found.declare(system)
        except BridgeFileError as error:
            fail(error, USAGE)
        code = run_node(system, stop_with_stdin=stop_on_stdin_close)
    raise typer.Exit(code)


def _rehearse(file: "BridgeFile", count: int, *, as_json: bool) -> int:
    """Show what would arrive, queue by queue; return the exit code."""
    from ..transport.bridges import BridgeError  # noqa: PLC0415 - see the package

    failed = False
    for spec in file.bridges:
        try:
            shown = _rehearsed(file.system, spec, asyncio.run(spec.source.look(count)))
        except BridgeError as error:
            typer.secho(f"error: {spec.name}: {error}", err=True, fg=typer.colors.RED)
            failed = True
            continue
        failed = failed or any(each.error for each in shown)
        if as_json:
            for each in shown:
                typer.echo(json.dumps(_whole(spec, each)))
        else:
            _show(spec, shown)
    return FAILED if failed else 0


def _rehearsed(system: str, spec: "BridgeSpec", messages: Any) -> "list[Rehearsed]":
    from ..transport.bridges import rehearse  # noqa: PLC0415 - see the package

    declared = spec.declared(system)
    return [rehearse(declared, message) for message in messages]


def _show(spec: "BridgeSpec", shown: "list[Rehearsed]") -> None:
    from rich import box  # noqa: PLC0415 - see the package
    from rich.console import Console  # noqa: PLC0415 - see the package
    from rich.table import Table  # noqa: PLC0415 - see the package
    from rich.text import Text  # noqa: PLC0415 - see the package

    console = Console(soft_wrap=False)
    kind = spec.to.kind()
    console.print(
        Text.assemble((spec.name, "bold"), f"  {spec.source.label} → {kind}, by {spec.key}")
    )
    if not shown:
        console.print("  the queue is empty\n")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("message", overflow="fold", max_width=24)
    table.add_column(kind, overflow="fold", max_width=24)
    table.add_column("arrives as", overflow="fold")
    for each in shown:
        if each.error:
            last = Text(f"quarantine: {each.error}", style="red")
        elif each.command is None:
            last = Text("dropped", style="dim")
        else:
            last = Text(f"{type(each.command).__name__} {json.dumps(_fields(each.command))}")
        table.add_row(Text(each.message.id or "(no id)"), Text(each.entity or "-"), last)
    console.print(table)
    bad = sum(1 for each in shown if each.error)
    dropped = sum(1 for each in shown if not each.error and each.command is None)
    console.print(
        f"  {len(shown) - bad - dropped} would arrive, {dropped} would be dropped, {bad} would go "
        f"to quarantine; all are in the queue still\n"
    )


def _whole(spec: "BridgeSpec", each: "Rehearsed") -> dict[str, Any]:
    outcome = "quarantine" if each.error else "dropped" if each.command is None else "arrives"
    arrived = outcome == "arrives"
    return {
        "bridge": spec.name,
        "id": each.message.id,
        "headers": dict(each.message.headers),
        "body": each.message.body.decode(errors="replace"),
        "outcome": outcome,
        "entity": f"{spec.to.kind()}/{each.entity}" if arrived else None,
        "type": _type_of(each.command) if arrived else None,
        "message": _fields(each.command) if arrived else None,
        "error": each.error or None,
    }


def _type_of(command: Any) -> str:
    return str(command.DESCRIPTOR.full_name)


def _fields(command: Any) -> Any:
    from ..schemas import as_json  # noqa: PLC0415 - see the package

    return json.loads(as_json(command))
