"""The documents' programs, run as a reader would."""

import os
import re
import subprocess
import sys
from pathlib import Path


def blocks(page: Path) -> list[str]:
    """Return a page's Python blocks."""
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)


def run(folder: Path, *arguments: str) -> str:
    """Run Python in a folder to a good end and return what it printed.

    Nothing is set for callboard, and there are 80 columns to write into.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CALLBOARD_")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**environment, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
