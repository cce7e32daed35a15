"""`From a topic to a service in fifteen minutes`, typed as it stands."""

import re
from pathlib import Path

import pytest
from support import programs
from support.ports import free_ports
from support.programs import answers, callboard, until

PAGE = Path(__file__).parents[2] / "docs" / "from-a-topic-to-a-service.md"

pytestmark = pytest.mark.slow


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    """Every program, every command and every output of it, in order."""
    (port,) = free_ports(1)
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
