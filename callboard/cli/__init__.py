"""The shell: `callboard run`, `callboard broker`, `callboard demo`, `callboard version`.

One file per command. What a command needs is imported when it runs, so that
`callboard --help` answers at once.
"""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the shell; what the console script `callboard` calls."""
    try:
        from ._app import app  # noqa: PLC0415 - takes long enough for a Ctrl-C

        app()
    except KeyboardInterrupt:
        sys.exit(130)
