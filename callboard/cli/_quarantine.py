"""`callboard quarantine`: what waits there, and getting it out."""

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from ._cluster import Transport, cluster_url
from ._errors import USAGE, fail, told
from ._fields import fields_of
from ._modules import import_modules

if TYPE_CHECKING:
    from ..transport import Quarantine, QuarantinedMessage

T = TypeVar("T")

quarantine = typer.Typer(
    help="Messages that entities failed on: look at them, put them back, drop them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

System = Annotated[str, typer.Argument(help="Name of the actor system.")]
Kind = Annotated[str, typer.Argument(help="Kind of the entities, as in Account.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and stop.")]


@quarantine.command("list")
def list_(
    system: System,
    kind: Annotated[str | None, typer.Argument(help="Kind; else all.")] = None,
    *,
    key: Annotated[str | None, typer.Option(help="Of this entity alone.")] = None,
    transport: Transport = None,
    limit: Annotated[int, typer.Option(min=1, help="Lines at most; --json prints all.")] = 200,
    as_json: Json = False,
) -> None:
    """List what waits, in the order of each entity."""

    async def look(desk: "Quarantine") -> list[tuple[str, "QuarantinedMessage"]]:
        kinds = desk.kinds if kind is None else [kind]
        return [(each, message) for each in kinds for message in await desk.messages(each, key)]

    found = _at_desk(transport, system, look)
    if as_json:
        typer.echo(json.dumps([_as_dict(each, message) for each, message in found], indent=2))
        return
    if not found:
        typer.echo(f"nothing of {system} is in quarantine", err=True)
        return
    _table(found[:limit])
    if len(found) > limit:
        typer.echo(f"and {len(found) - limit:,} more: --limit, or --json", err=True)


@quarantine.command()
def show(
    system: System,
    kind: Kind,
    key: Annotated[str, typer.Argument(help="Id of the entity.")],
    *,
    offset: Annotated[int | None, typer.Option(help="This message alone.")] = None,
    messages: Annotated[
        list[str] | None,
        typer.Option("--import", metavar="MODULE", help="Where the message's class is defined."),
    ] = None,
    transport: Transport = None,
) -> None:
    """Show messages whole, as JSON: headers, failure, and the fields if the class is known."""

    async def look(desk: "Quarantine") -> list["QuarantinedMessage"]:
        return await desk.messages(kind, key)

    import_modules(messages or [])
    found = _at_desk(transport, system, look)
    chosen = [message for message in found if offset is None or message.offset == offset]
    if not chosen:
        fail(f"no such message of {kind}/{key} is in quarantine; {_what_is_there(found)}")
    typer.echo(json.dumps([_whole(kind, message) for message in chosen], indent=2))


@quarantine.command()
def redrive(
    system: System,
    kind: Kind,
    keys: Annotated[list[str] | None, typer.Argument(help="Ids of entities.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every entity of the kind.")] = False,
    timeout: Annotated[
        float, typer.Option(min=1.0, help="Seconds to wait for the entities.")
    ] = 60.0,
    dry_run: DryRun = False,
    transport: Transport = None,
    as_json: Json = False,
) -> None:
    """Put messages back: their entities handle them in their order, before anything newer.

    Exits with 1 when some failed again; they keep their place. Interrupted, or without an answer,
    it may be run again: nothing is handled twice.
    """
    if bool(keys) == everything:
        fail("name the entities whose messages come back, or say --all", USAGE)

    async def plan(desk: "Quarantine") -> dict[str, int]:
        waiting: dict[str, int] = {}
        for message in await desk.messages(kind):
            if message.key and (everything or message.key in (keys or ())):
                waiting[message.key] = waiting.get(message.key, 0) + 1
        return waiting

    async def act(desk: "Quarantine") -> list[dict[str, Any]]:
        done = await desk.redrive(kind, None if everything else keys, timeout=timeout)
        return [
            {"key": each.key, "handled": each.handled, "left": each.left, "error": each.error}
            for each in done
        ]

    if dry_run:
        _say_plan(kind, _at_desk(transport, system, plan), as_json=as_json)
        return
    done = _at_desk(transport, system, act)
    if as_json:
        typer.echo(json.dumps(done, indent=2))
    else:
        _say_done(kind, done)
    if any(each["left"] for each in done):
        raise typer.Exit(1)


def _say_done(kind: str, done: list[dict[str, Any]]) -> None:
    for each in done:
        left = f", {each['left']} left: {each['error']}" if each["left"] else ""
        typer.echo(f"{kind}/{each['key']}: {each['handled']} handled{left}")
    typer.echo(f"{sum(each['handled'] for each in done)} messages of {len(done)} entities")


def _say_plan(kind: str, waiting: dict[str, int], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([{"key": key, "messages": n} for key, n in waiting.items()]))
        return
    for key, count in waiting.items():
        typer.echo(f"{kind}/{key}: {count} messages would come back")
    typer.echo(f"{sum(waiting.values())} messages of {len(waiting)} entities; nothing was done")


@quarantine.command()
def drop(
    system: System,
    kind: Kind,
    key: Annotated[str, typer.Argument(help="Id of the entity; '' for messages without a key.")],
    *,
    offset: Annotated[
        list[int] | None, typer.Option(help="This message; may be given several times.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of the entity's.")] = False,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    transport: Transport = None,
) -> None:
    """Take messages out of quarantine for good; the last one gone, the entity goes on.

    Their bytes stay in the quarantine topic until its retention ends.
    """
    if bool(offset) == everything:
        fail("name the messages with --offset, or say --all", USAGE)

    async def plan(desk: "Quarantine") -> list["QuarantinedMessage"]:
        return await desk.messages(kind, key)

    async def act(desk: "Quarantine") -> int:
        return await desk.drop(kind, key, offset)

    found = _at_desk(transport, system, plan)
    chosen = [message for message in found if everything or message.offset in (offset or ())]
    missing = set(offset or ()) - {message.offset for message in chosen}
    if missing or not chosen:
        fail(f"no such message of {kind}/{key} is in quarantine; {_what_is_there(found)}")
    if dry_run:
        _table([(kind, message) for message in chosen])
        typer.echo(f"{len(chosen)} of {len(found)} would be dropped; nothing was done")
        return
    if not yes:
        typer.confirm(f"drop {len(chosen)} of {len(found)} messages of {kind}/{key}?", abort=True)
    typer.echo(f"{_at_desk(transport, system, act)} dropped")


def _at_desk(
    transport: str | None, system: str, work: "Callable[[Quarantine], Coroutine[Any, Any, T]]"
) -> T:
    from ..transport import Quarantine  # noqa: PLC0415 - see the package

    url = cluster_url(transport)

    async def run() -> T:
        async with Quarantine(url, system) as desk:
            return await work(desk)

    with told():
        try:
            return asyncio.run(run())
        except (LookupError, ValueError) as error:
            fail(error)


def _table(found: "list[tuple[str, QuarantinedMessage]]") -> None:
    from rich.console import Console  # noqa: PLC0415 - see the package
    from rich.table import Table  # noqa: PLC0415 - see the package
    from rich.text import Text  # noqa: PLC0415 - see the package

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("ENTITY", "OFFSET", "SINCE", "REASON", "MESSAGE", "ERROR"):
        table.add_column(name, overflow="fold", justify="right" if name == "OFFSET" else "left")
    for kind, message in found:
        since = datetime.fromtimestamp(message.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
        words = (
            f"{kind}/{_shown(message.key)}",
            str(message.offset),
            since,
            message.reason,
            message.type.rpartition(".")[2],
            message.error,
        )
        table.add_row(*(Text(word) for word in words))
    Console().print(table)


def _shown(key: str) -> str:
    """Return a key as a terminal can show it: one that is no text has bytes that it cannot."""
    return key.encode(errors="surrogateescape").decode(errors="replace") or "(no key)"


def _as_dict(kind: str, message: "QuarantinedMessage") -> dict[str, Any]:
    return {
        "kind": kind,
        "key": message.key,
        "partition": message.partition,
        "offset": message.offset,
        "at": message.at,
        "reason": message.reason,
        "type": message.type,
        "error": message.error,
    }


def _whole(kind: str, message: "QuarantinedMessage") -> dict[str, Any]:
    headers = {name: value.decode(errors="replace") for name, value in message.headers}
    told_: dict[str, Any] = {**_as_dict(kind, message), "headers": headers}
    fields = fields_of(message.type, message.value)
    if fields is None:
        return {**told_, "value_base64": base64.b64encode(message.value).decode()}
    return {**told_, "message": fields}


def _what_is_there(found: "list[QuarantinedMessage]") -> str:
    if not found:
        return "nothing of it is there"
    return f"there is {', '.join(str(message.offset) for message in found[:20])}"
