"""The documents' programs, run as a reader would."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
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


@contextmanager
def callboard(folder: Path, *arguments: str) -> Generator["subprocess.Popen[bytes]"]:
    """Run a command of the page's in a terminal of its own; Ctrl-C ends it."""
    with subprocess.Popen(
        [sys.executable, "-m", "callboard", *arguments],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def until(look: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until another process has got somewhere."""
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.2)


def answers(port: int) -> bool:
    """Tell whether something listens."""
    try:
        socket.create_connection(("127.0.0.1", port), 1.0).close()
    except OSError:
        return False
    return True
