"""The programs of `Where actors live`, typed as they stand."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import programs
from support.ports import free_ports
from support.programs import answers, callboard, until

PAGE = Path(__file__).parents[2] / "docs" / "where-actors-live.md"

pytestmark = pytest.mark.slow


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    """A node is asked, watched, and killed."""
    (port,) = free_ports(1)
    text = PAGE.read_text().replace("9092", str(port))
    code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    greeting, ending = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    for name, program in zip(("hotel.py", "guest.py", "watch.py"), code, strict=True):
        (tmp_path / name).write_text(program)
    cluster = ("--transport", f"kafka://127.0.0.1:{port}")
    with callboard(tmp_path, "broker", "--port", str(port)):
        until(lambda: answers(port))
        with callboard(tmp_path, "run", "hotel:system", "--node", "lobby", *cluster) as lobby:
            assert programs.run(tmp_path, "guest.py") == greeting
            with subprocess.Popen(
                [sys.executable, "watch.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
            ) as watchman:
                assert watchman.stdout is not None
                first = watchman.stdout.readline()
                assert programs.run(tmp_path, "guest.py") == greeting, "the node is still there"
                lobby.kill()
                said, _ = watchman.communicate(timeout=40)
                assert first + said == ending
