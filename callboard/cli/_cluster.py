"""Which cluster a command works on that has no program to ask."""

from typing import Annotated

import typer

from ._errors import USAGE, fail

Transport = Annotated[
    str | None,
    typer.Option(help="kafka://HOST:PORT; else CALLBOARD_TRANSPORT.", show_default=False),
]


def cluster_url(transport: str | None) -> str:
    """Return the URL that was given, or that of the environment."""
    from ._settings import load_settings  # noqa: PLC0415 - see the package

    settings = load_settings(transport=transport)
    if settings.transport is None:
        fail("which cluster? Give --transport kafka://HOST:PORT or CALLBOARD_TRANSPORT", USAGE)
    return settings.transport
