"""The shell: `callboard run`, `callboard broker`, `callboard demo`, `callboard version`.

One file per command. What a command needs is imported when it runs, so that
`callboard --help` answers at once.
"""

from ._app import main

__all__ = ["main"]
