"""The examples run, and do what their pages say."""

import asyncio
import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from support import programs

ROOT = Path(__file__).parents[2]
NAMES = (
    "chat",
    "circuit_breaker",
    "counter",
    "hello",
    "let_it_crash",
    "orders",
    "philosophers",
    "worker_pool",
)


def load(name: str) -> Any:
    """Import an example, as a module that its handlers' annotations are found in."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def run(name: str, *arguments: str) -> str:
    """Run an example as its page says, and return what it printed."""
    return programs.run(ROOT, f"examples/{name}.py", *arguments)


def test_each_is_short_and_has_a_page() -> None:
    """Less than 120 lines, a page with its command, and a line in the index."""
    assert {one.stem for one in (ROOT / "examples").glob("*.py")} == set(NAMES)
    index = (ROOT / "docs/examples/README.md").read_text()
    for name in NAMES:
        assert len((ROOT / f"examples/{name}.py").read_text().splitlines()) < 120, name
        assert f"python examples/{name}.py" in (ROOT / f"docs/examples/{name}.md").read_text()
        assert f"({name}.md)" in index


def test_hello() -> None:
    """Four greetings, one of them answered, and a function that shouts."""
    printed = run("hello")
    assert "asked, and the answer is 'Good evening, Edsger'" in printed
    assert printed.splitlines()[-1] == "main: 4 greetings"


def test_counter() -> None:
    """The sum of the first life is gone, the mail that waited is not, the asker is told."""
    printed = run("counter")
    assert re.findall(r"^total: (\d+)$", printed, re.MULTILINE) == ["103", "130", "100"]
    assert "main: ValueError: nothing to add" in printed


def test_let_it_crash() -> None:
    """Who goes down with whom is what makes the three strategies three."""
    example = load("let_it_crash")
    tables: list[object] = []
    made, crashed = asyncio.run(example.run(4.0, 7, tables.append))
    assert tables
    assert crashed
    for group in example.STRATEGIES:
        for place, worker in enumerate(example.WORKERS):
            crashes = [example.WORKERS.index(one) for one in crashed]
            expected = {
                "one for one": sum(one == place for one in crashes),
                "one for all": len(crashes),
                "rest for one": sum(one <= place for one in crashes),
            }[group]
            assert made[f"{group}/{worker}"] == 1 + expected, (group, worker, crashed)


def test_let_it_crash_can_be_watched() -> None:
    """The table fits 80 columns and names the three strategies."""
    printed = run("let_it_crash", "--seconds", "1", "--seed", "7")
    assert max(len(line) for line in printed.splitlines()) <= 80
    assert all(name in printed for name in ("one for one", "one for all", "rest for one"))


def test_philosophers() -> None:
    """Nobody starves, and all meals are eaten."""
    printed = run("philosophers", "--meals", "60", "--seed", "3")
    meals = [int(line.split()[1]) for line in printed.splitlines()[1:]]
    assert len(meals) == 5
    assert sum(meals) == 60
    assert min(meals) >= 5


def test_worker_pool() -> None:
    """Every page is done once, the pool has grown, and the producer has felt it."""
    printed = run("worker_pool")
    done, waited = printed.splitlines()
    assert done.startswith("60 pages by ")
    assert int(done.split()[3]) > 2
    share = re.search(r"waited (\d+)%", waited)
    assert share is not None
    assert int(share.group(1)) > 20


def test_circuit_breaker() -> None:
    """Three failures open it, a trial that fails keeps it open, one that works closes it."""
    lines = run("circuit_breaker").splitlines()
    assert lines[:4] == ["ConnectionError"] * 3 + ["CircuitOpenError"]
    assert lines.count("ConnectionError") == 4
    calls = int(lines[-1].split()[0])
    assert calls < 16
    assert lines[-2].startswith("K")


@pytest.mark.parametrize("times", [1, 2])
def test_chat(times: int) -> None:
    """Each hears what is said while it is there, in the order one user said it."""
    del times  # twice, because order is what it is about
    heard = asyncio.run(load("chat").main())
    for name, lines in heard.items():
        assert [line for line in lines if line.startswith("ada:")] == ["ada: line 1", "ada: line 2"]
        assert ("grace: bye" in lines) is (name != "edsger")
        assert ("room: edsger left" in lines) is (name != "edsger")


def test_orders() -> None:
    """What the page shows: sums, mails, and the order that was put aside."""
    page = (ROOT / "docs/examples/orders.md").read_text()
    (shown,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    assert run("orders") == shown
