"""The example `flights_from_queues`, as its page says, with everything killed on the way."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support.activemq import ActiveServer
from support.rabbitmq import RabbitServer
from support.server_required import started

from callboard.demo import Aircraft
from callboard.transport import Inspector

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

EXAMPLE = Path(__file__).parents[2] / "examples" / "flights_from_queues"
COUNT = 5_000


class Stage:
    """The example's folder, and what runs in it."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *command: str) -> None:
        """Start a command of callboard, or start it again, under its first word."""
        with (self._folder / f"{command[0]}.log").open("ab") as log:
            self._running[command[0]] = subprocess.Popen(
                [sys.executable, "-m", "callboard", *command],
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=log,
            )

    def kill(self, name: str) -> None:
        """End one as `kill -9` does."""
        self._running[name].kill()
        self._running[name].wait(10)

    def end(self) -> None:
        """End all as Ctrl-C does."""
        for process in self._running.values():
            process.send_signal(signal.SIGINT)
        for process in self._running.values():
            assert process.wait(20) == 0

    def run(self, *command: str) -> str:
        """Run a program to a good end and return what it printed."""
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr + self._said()
        return done.stdout

    def _said(self) -> str:
        return "\n".join(log.read_text()[-2_000:] for log in self._folder.glob("*.log"))


async def test_every_total_is_exact(broker_url: str, tmp_path: Path) -> None:
    """Bridges, the entities' node and both legacy brokers die in mid-stream; nothing shows it."""
    folder, url = tmp_path / "example", f"kafka://{broker_url}?session_timeout=2"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    # Apache Kafka serves the whole run: a system of the test's own.
    name = tomllib.loads((folder / "bridges.toml").read_text())["system"]
    own = f"{name}-{os.getpid()}-{broker_url.rpartition(':')[2]}"
    for file in ("bridges.toml", "air.py", "check.py"):
        (folder / file).write_text((folder / file).read_text().replace(f'"{name}"', f'"{own}"'))
    with started(RabbitServer()) as rabbitmq, started(ActiveServer()) as activemq:
        environment = {
            **os.environ,
            "CALLBOARD_TRANSPORT": url,
            "RABBITMQ_URL": f"{rabbitmq.url}?heartbeat=2",
            "ACTIVEMQ_URL": activemq.url,
        }
        stage = Stage(folder, environment)
        assert await asyncio.to_thread(stage.run, "fill.py", str(COUNT))
        looked = stage.run("-m", "callboard", "bridge", "bridges.toml", "--dry-run", "--count", "3")
        assert looked.count("3 would arrive, 0 would be dropped, 0 would go to quarantine") == 2
        stage.start("run", "air:system")
        stage.start("bridge", "bridges.toml")
        try:
            async with Inspector(url, own) as inspector:

                async def until(part: float) -> None:
                    async with asyncio.timeout(100):
                        while await inspector.written(Aircraft) < COUNT * part:
                            await asyncio.sleep(0.02)

                await until(0.1)
                stage.kill("bridge")
                stage.start("bridge", "bridges.toml")
                await until(0.3)
                rabbitmq.kill()
                activemq.kill()
                await asyncio.to_thread(rabbitmq.start)
                await asyncio.to_thread(activemq.start)
                await until(0.6)
                stage.kill("run")
                stage.start("run", "air:system")
            printed = await asyncio.to_thread(stage.run, "check.py", str(COUNT))
            assert f"{COUNT:,} flights" in printed
            assert "every total exact" in printed
        finally:
            await asyncio.to_thread(stage.end)
