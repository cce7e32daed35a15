"""The code of the guides runs as it is printed."""

import re
from pathlib import Path

import pytest
from support import programs

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str) -> list[str]:
    """Return a page's Python blocks."""
    return programs.blocks(DOCS / page)


def run(folder: Path, code: str, *arguments: str) -> str:
    """Write code to a file, run a command in its folder, and return what it printed."""
    (folder / "guide.py").write_text(code)
    return programs.run(folder, *arguments)


@pytest.mark.parametrize(
    "page",
    [
        "actors.md",
        "coming-from-aiokafka.md",
        "coming-from-faststream.md",
        "coming-from-faust.md",
        "simulation.md",
        "supervision.md",
    ],
)
def test_every_block_is_a_program(tmp_path: Path, page: str) -> None:
    """Each block runs by itself; it imports what it uses."""
    found = blocks(page)
    assert found
    for block in found:
        run(tmp_path, block, "guide.py")


def test_the_first_program_greets(tmp_path: Path) -> None:
    """The tour's first program prints the answer."""
    assert run(tmp_path, blocks("actors.md")[0], "guide.py") == "good evening, Ada\n"


def test_the_tree_is_drawn_as_shown(tmp_path: Path) -> None:
    """`callboard tree` of the page's own program prints the page's own picture."""
    printed = run(tmp_path, blocks("supervision.md")[0], "-m", "callboard", "tree", "guide:system")
    (shown,) = re.findall(r"```text\n(.*?)```", (DOCS / "supervision.md").read_text(), re.DOTALL)
    assert printed == shown
