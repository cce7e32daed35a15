"""The programs of `From RabbitMQ to actors`, typed as they stand, with a kill in the middle."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import programs
from support.ports import free_ports
from support.programs import answers, callboard, until
from support.rabbitmq import RabbitServer

PAGE = Path(__file__).parents[2] / "docs" / "from-rabbitmq-to-actors.md"

pytestmark = pytest.mark.slow


def test_the_page_does_what_it_says(tmp_path: Path, rabbitmq: RabbitServer) -> None:
    """Departures, an answer, a node killed with kill -9, and ids that come twice."""
    (port,) = free_ports(1)
    text = PAGE.read_text().replace("9092", str(port)).replace("5672", str(rabbitmq.port))
    code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (printed,) = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    for name, program in zip(("air.py", "depart.py", "late.py"), code, strict=True):
        (tmp_path / name).write_text(program)
    with callboard(tmp_path, "broker", "--port", str(port)):
        until(lambda: answers(port))
        with callboard(tmp_path, "run", "air:system", "--node", "first") as node:
            assert not programs.run(tmp_path, "depart.py", "0", "1000")
            until(lambda: programs.run(tmp_path, "late.py") == printed)
            with subprocess.Popen(
                [sys.executable, "depart.py", "1000", "3000"], cwd=tmp_path
            ) as departing:
                node.send_signal(signal.SIGKILL)
                assert not departing.wait(60)
        with callboard(tmp_path, "run", "air:system", "--node", "second"):
            until(lambda: programs.run(tmp_path, "late.py") == "3000\n", 60.0)
            assert not programs.run(tmp_path, "depart.py", "0", "100")
            assert not programs.run(tmp_path, "depart.py", "3000", "3010")
            until(lambda: programs.run(tmp_path, "late.py") == "3010\n")
