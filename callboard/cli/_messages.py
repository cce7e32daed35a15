"""`callboard tail` and `callboard send`: messages of a topic, as JSON."""

import asyncio
import base64
import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._cluster import Transport, cluster_url
from ._durations import seconds_of
from ._errors import USAGE, fail, told
from ._fields import fields_of
from ._modules import import_modules

if TYPE_CHECKING:
    from ..transport import SeenMessage

Topic = Annotated[str, typer.Argument(help="The topic, as in bank.Account.")]
Import = Annotated[
    list[str] | None,
    typer.Option("--import", metavar="MODULE", help="Where message classes are defined."),
]


def tail(
    topic: Topic,
    *,
    key: Annotated[str | None, typer.Option(help="Of this key alone.")] = None,
    type_: Annotated[
        str | None,
        typer.Option("--type", help="Of this type alone: its full name, or the last part."),
    ] = None,
    since: Annotated[
        str, typer.Option("--from", help="end, start, or how long ago: 90s, 30m, 12h, 7d.")
    ] = "end",
    count: Annotated[int | None, typer.Option(min=1, help="Stop after so many.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Stop at what is the end now.")] = False,
    messages: Import = None,
    transport: Transport = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
) -> None:
    """Show the messages of a topic as they come, decoded, until Ctrl-C.

    Protobuf messages are shown by their fields if their class is imported, JSON as it is, all else
    in base64.
    """
    import_modules(messages or [])
    url, start = cluster_url(transport), _start(since)

    async def follow() -> None:
        from ..transport import TopicMessages  # noqa: PLC0415 - see the package

        left = count
        async with TopicMessages(url) as at:
            async for message in at.follow(topic, since=start, once=once):
                if not _wanted(message, key, type_):
                    continue
                typer.echo(json.dumps(_whole(message)) if as_json else _line(message))
                left = None if left is None else left - 1
                if left == 0:
                    return

    with told():
        try:
            asyncio.run(follow())
        except LookupError as error:
            fail(error)


def send(
    topic: Topic,
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="Full name of the message's class.")],
    fields: Annotated[str, typer.Argument(metavar="JSON", help="Its fields, as a JSON object.")],
    *,
    key: Annotated[
        str | None, typer.Option(help="The record's key; of a mailbox, the entity's id.")
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="May be given several times.")
    ] = None,
    messages: Import = None,
    transport: Transport = None,
) -> None:
    """Write one message to a topic, with the headers that programs of callboard's write.

    Prints its id. Running it again writes another message.
    """
    from google.protobuf.json_format import Parse, ParseError  # noqa: PLC0415 - see the package

    from ..schemas import TypeRegistry  # noqa: PLC0415 - see the package

    import_modules(messages or [])
    url = cluster_url(transport)
    known = TypeRegistry().find(type_)
    if known is None:
        fail(
            f"no class is known for {type_!r}: give its full name, as in bank.v1.Deposit, and "
            f"--import the module that defines it",
            USAGE,
        )
    try:
        message = Parse(fields, known())
    except ParseError as error:
        fail(f"the fields are no {type_}: {error}", USAGE)
    own = dict(_header(each) for each in header or ())

    async def write() -> str:
        from ..transport import TopicMessages  # noqa: PLC0415 - see the package

        async with TopicMessages(url) as at:
            return await at.send(topic, message, key=key, headers=own)

    with told():
        try:
            typer.echo(asyncio.run(write()))
        except LookupError as error:
            fail(error)


def _start(since: str) -> float | None:
    if since in ("start", "end"):
        return 0.0 if since == "start" else None
    ago = seconds_of(since)
    if ago is None:
        fail(f"--from {since!r} is no place to begin; expected start, end, or as in 30m", USAGE)
    return time.time() - ago


def _header(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not (name and equals):
        fail(f"--header {given!r}; expected NAME=VALUE", USAGE)
    return name, value


def _wanted(message: "SeenMessage", key: str | None, type_: str | None) -> bool:
    if key is not None and message.key != key.encode():
        return False
    return type_ is None or message.type == type_ or message.type.endswith(f".{type_}")


def _line(message: "SeenMessage") -> str:
    at = datetime.fromtimestamp(message.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    what = _decoded(message)
    shown = json.dumps(next(iter(what.values()))) if what else "(no value)"
    short = message.type.rpartition(".")[2] or "?"
    return f"{at}  {message.partition}@{message.offset}  {_text(message.key)}  {short} {shown}"


def _whole(message: "SeenMessage") -> dict[str, Any]:
    return {
        "topic": message.topic,
        "partition": message.partition,
        "offset": message.offset,
        "at": message.at,
        "key": None if message.key is None else _text(message.key),
        "type": message.type,
        "headers": {name: value.decode(errors="replace") for name, value in message.headers},
        **_decoded(message),
    }


def _decoded(message: "SeenMessage") -> dict[str, Any]:
    """Return a message's value under the name that says how it was read; nothing of a tombstone."""
    if message.value is None:
        return {}
    fields = fields_of(message.type, message.value)
    if fields is not None:
        return {"message": fields}
    try:
        return {"message": json.loads(message.value)}
    except ValueError:
        return {"value_base64": base64.b64encode(message.value).decode()}


def _text(key: bytes | None) -> str:
    return "-" if key is None else key.decode(errors="replace")
