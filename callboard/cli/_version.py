"""`callboard version`."""

import typer


def version() -> None:
    """Show the version."""
    from importlib.metadata import version as installed  # noqa: PLC0415 - slow, and rarely asked

    typer.echo(f"callboard {installed('callboard')}")


def print_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it with the option's value
    """Show the version and exit, if `--version` was given."""
    if wanted:
        version()
        raise typer.Exit
