"""How a command fails: in one sentence, with an exit code that says whose turn it is."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import NoReturn

import typer

from ..actors import CallboardError, InvalidTransportURL

FAILED = 1
USAGE = 2
INTERRUPTED = 130


def fail(sentence: object, code: int = FAILED) -> NoReturn:
    """Print an error to standard error and exit."""
    typer.secho(f"error: {sentence}", err=True, fg=typer.colors.RED)
    raise typer.Exit(code)


@contextmanager
def told() -> Generator[None]:
    """Turn callboard's errors into a sentence and an exit code, and Ctrl-C into 130.

    What is no error of callboard's keeps its traceback: it is a defect, here or
    in the program that was run.
    """
    try:
        yield
    except InvalidTransportURL as error:
        fail(f"the transport URL is wrong: {error}", USAGE)
    except CallboardError as error:
        fail(error)
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        raise typer.Exit(INTERRUPTED) from None
