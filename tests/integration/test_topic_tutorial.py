"""`From a topic to a service in fifteen minutes`, typed as it stands."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import programs

PAGE = Path(__file__).parents[2] / "docs" / "from-a-topic-to-a-service.md"

pytestmark = pytest.mark.slow


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


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    """Every program, every command and every output of it, in order."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    text = PAGE.read_text().replace("9092", str(port))
    code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    printed = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    shop, place, mended, customer, ask = code
    redriven, spent = printed
    cluster = ("--transport", f"kafka://127.0.0.1:{port}")
    shell = ("-m", "callboard", "quarantine")

    with callboard(tmp_path, "broker", "--port", str(port)):
        until(lambda: answers(port))
        (tmp_path / "shop.py").write_text(shop)
        (tmp_path / "place.py").write_text(place)
        with callboard(tmp_path, "run", "shop:system"):
            assert programs.run(tmp_path, "place.py", "1", "10") == "placed 9\n"

            def parked() -> bool:
                listed = programs.run(tmp_path, *shell, "list", "shop", "--json", *cluster)
                return listed.count('"on_order"') == 3

            until(parked)
            shown = programs.run(tmp_path, *shell, "show", "shop", "on_order", "grace", *cluster)
            assert "order 5 costs -5" in shown

        start = shop.index("    if order.cents <= 0:")
        end = shop.index("    text = ")
        shop = shop[:start] + mended + shop[end:]
        (tmp_path / "shop.py").write_text(shop)
        with callboard(tmp_path, "run", "shop:system"):
            redrive = (*shell, "redrive", "shop", "on_order", "--all")
            assert programs.run(tmp_path, *redrive, *cluster) == redriven

        (tmp_path / "shop.py").write_text(shop + "\n\n" + customer)
        (tmp_path / "ask.py").write_text(ask)
        with callboard(tmp_path, "run", "shop:system"):
            until(lambda: programs.run(tmp_path, "ask.py") == spent)


def test_the_reference_begins_with_a_program_that_runs(tmp_path: Path) -> None:
    """The first block of consumers.md: a message that is tried again, and one that is skipped."""
    code = programs.blocks(PAGE.parent / "consumers.md")[0]
    (tmp_path / "guide.py").write_text(code)
    assert sorted(programs.run(tmp_path, "guide.py").splitlines()) == ["number 1", "number 7"]


def test_the_page_about_outboxes_begins_with_a_program_that_runs(tmp_path: Path) -> None:
    """An order in a transaction, and its message in a topic."""
    code = programs.blocks(PAGE.parent / "outbox.md")[0]
    (tmp_path / "guide.py").write_text(code)
    assert programs.run(tmp_path, "guide.py") == "placed order 42\n"
