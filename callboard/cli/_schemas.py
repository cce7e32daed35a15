"""`callboard schemas`: compile .proto files, compare them with what they were, list what is in."""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._errors import FAILED, USAGE, fail, told

if TYPE_CHECKING:
    from ..schemas import Breaking, Declared

schemas = typer.Typer(
    help="Protobuf schemas: compile them, find breaking changes, list message types.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Root = Annotated[
    Path,
    typer.Option(metavar="FOLDER", help="Where the .proto files are, and their imports begin."),
]


@schemas.command("compile")
def compile_(
    *,
    root: Root = Path(),
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where to; the root when left out.")
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; exit with 1 if what is there is not current."),
    ] = False,
    descriptors: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a file of descriptors as well: a baseline."),
    ] = None,
) -> None:
    """Generate a module and a typed stub for each .proto file, with the pinned compiler."""
    from ._protoc import described, generate, sources_in  # noqa: PLC0415 - see the package

    with told():
        sources = sources_in(root)
        target = out or root
        if check:
            old = _stale(root, sources, target)
            for name in old:
                typer.echo(f"{target / name} is not what its source generates")
            if old:
                fail("compile the schemas: callboard schemas compile", FAILED)
            typer.echo(f"current: {_counted(len(sources), 'file')}")
            return
        generate(root, sources, target)
        if descriptors is not None:
            descriptors.write_bytes(described(root, sources).SerializeToString(deterministic=True))
    typer.echo(f"compiled {_counted(len(sources), 'file')} into {target}")


@schemas.command()
def check(
    *,
    against: Annotated[
        str,
        typer.Option(
            metavar="BASELINE",
            help="What they were: a folder, a file of descriptors, or a git ref, as in main.",
        ),
    ],
    root: Root = Path(),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON list of changes, and nothing else.")
    ] = False,
) -> None:
    """Find changes that break: what is in a log cannot be read, or JSON is another.

    Exits with 1 when there are any.
    """
    from ..schemas import breaking_changes  # noqa: PLC0415 - see the package
    from ._protoc import baseline, described, sources_in  # noqa: PLC0415 - see the package

    with told():
        sources = sources_in(root)
        found = breaking_changes(baseline(against, root), described(root, sources))
    if as_json:
        typer.echo(json.dumps([each._asdict() for each in found], indent=2))
    else:
        _report(found, root, against, len(sources))
    raise typer.Exit(FAILED if found else 0)


@schemas.command("list")
def list_(
    *,
    root: Root = Path(),
    messages: Annotated[
        list[str] | None,
        typer.Option(
            "--import", metavar="MODULE", help="List those of generated modules, and no files."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")] = False,
) -> None:
    """List message types with their fields: of .proto files, or of generated modules."""
    from ..schemas import Declared  # noqa: PLC0415 - see the package
    from ._protoc import described, sources_in  # noqa: PLC0415 - see the package

    with told():
        if messages:
            declared = Declared.of(_imported(messages))
        else:
            declared = Declared.of(described(root, sources_in(root)))
    rows = _rows(declared)
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        typer.secho(row["type"], bold=True, nl=False)
        typer.echo(f"  {row['file']}")
        for field in row["fields"]:
            typer.echo(f"  {field['number']:>5}  {field['name']}: {field['type']}")


def _stale(root: Path, sources: list[str], target: Path) -> list[str]:
    from ._protoc import generate  # noqa: PLC0415 - see the package

    with tempfile.TemporaryDirectory(prefix="callboard-schemas-") as folder:
        names = generate(root, sources, Path(folder))
        return [
            name
            for name in names
            if not (target / name).is_file()
            or (target / name).read_bytes() != (Path(folder) / name).read_bytes()
        ]


def _report(found: "list[Breaking]", root: Path, against: str, files: int) -> None:
    if not found:
        typer.echo(f"{_counted(files, 'file')}: nothing that breaks, against {against}")
        return
    for each in found:
        where = f"{root / each.file}:{each.line}" if each.line else f"{each.file} at {against}"
        typer.echo(f"{where}: ", nl=False)
        typer.secho(each.subject, bold=True, nl=False)
        typer.echo(f": {each.change} [{each.rule}]\n    {each.harm}")
    typer.secho(f"{_counted(len(found), 'breaking change')} against {against}", fg=typer.colors.RED)


def _counted(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"


def _rows(declared: "Declared") -> list[dict[str, Any]]:
    return [
        {
            "type": each.name,
            "file": each.file,
            "fields": [
                {
                    "number": field.number,
                    "name": field.name,
                    "type": declared.type_text(field),
                }
                for field in sorted(each.proto.field, key=lambda one: one.number)
            ],
        }
        for each in sorted(declared.own_messages(), key=lambda one: one.name)
    ]


def _imported(names: list[str]) -> Any:
    import sys  # noqa: PLC0415 - see the package

    from google.protobuf.descriptor import FileDescriptor  # noqa: PLC0415 - see the package
    from google.protobuf.descriptor_pb2 import FileDescriptorSet  # noqa: PLC0415 - see the package

    from ._modules import import_modules  # noqa: PLC0415 - see the package

    import_modules(names)
    files = FileDescriptorSet()
    for name in names:
        described: object = getattr(sys.modules[name], "DESCRIPTOR", None)
        if not isinstance(described, FileDescriptor):
            fail(f"--import {name} is no module that protobuf's compiler generated", USAGE)
        described.CopyToProto(files.file.add())
    return files
