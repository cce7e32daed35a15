"""The README's code runs as it is printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def blocks() -> list[str]:
    """Return the README's Python blocks."""
    return re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run code as a program of its own, as a reader would."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CALLBOARD_")}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_first_screen_prints_what_it_says(tmp_path: Path) -> None:
    """Twenty lines, an entity, a broker inside the process: 750."""
    done = run(blocks()[0], tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "750"


def test_the_supervision_example_heals(tmp_path: Path) -> None:
    """The worker fails on 0, is restarted, and answers the next message."""
    code = (
        blocks()[1]
        + """
import asyncio

async def main() -> None:
    async with ActorSystem("heals") as system:
        boss = system.spawn(Boss, name="boss")
        boss.tell(Work(0))
        boss.tell(Work(5))
        async with asyncio.timeout(20):
            while system.statistics().restarts < 1:
                await asyncio.sleep(0.01)
        worker = system.spawn(Worker)
        print(await worker.ask(Work(4), timeout=5.0))

asyncio.run(main())
"""
    )
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "25" in done.stdout.splitlines()
