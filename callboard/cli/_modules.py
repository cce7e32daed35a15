"""`--import MODULE`: the modules whose message classes a command is to know."""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from ._errors import USAGE, fail


def import_modules(names: Sequence[str]) -> None:
    """Import modules of the current folder or installed ones."""
    here = str(Path.cwd())
    if names and here not in sys.path:
        sys.path.insert(0, here)
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            fail(f"--import {name}: there is no module {error.name!r} here or installed", USAGE)
