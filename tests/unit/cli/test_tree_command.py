"""`callboard tree`: what it prints, and what it says when there is nothing to print."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from callboard.cli._app import app

PROGRAM = """
from callboard import Actor, ActorSystem
from callboard.supervision import DynamicSupervisor, OneForAll, RestForOne, Supervisor, child

class Part(Actor):
    def __init__(self, *arguments: object) -> None: ...

class Workers(Supervisor):
    children = (child(Part, name="w1", restart="transient"), child(Part, name="w2"))
    supervision = OneForAll(max_restarts=1)

desk = child(
    Supervisor,
    child(Part, "tcp://", name="connection"),
    child(Workers, name="workers"),
    child(DynamicSupervisor, child(Part, restart="temporary"), name="sessions"),
    strategy=RestForOne(),
    name="desk",
)
system = ActorSystem("shop", tree=[desk])
bare = ActorSystem("bare")
twin = child(Part, name="twin")
twins = ActorSystem("twins", tree=[child(Supervisor, twin, twin, strategy=OneForAll(0))])
"""

DRAWN = """\
shop
└── desk  Supervisor  permanent  rest for one, 3 in 5 s
    ├── connection  Part  permanent
    ├── workers  Workers  permanent  one for all, 1 in 5 s
    │   ├── w1  Part  transient
    │   └── w2  Part  permanent
    └── sessions  DynamicSupervisor  permanent
"""


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """A shell in a folder with the program, which no other test has imported."""
    (tmp_path / "tree_of_a_shop.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "tree_of_a_shop", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("CALLBOARD_TRANSPORT", "memory://")
    return CliRunner()


def tree(shell: CliRunner, *arguments: str) -> Result:
    """Run the command."""
    return shell.invoke(app, ["tree", *arguments])


def test_a_declared_tree_is_drawn(shell: CliRunner) -> None:
    """Names, classes, kinds and strategies, in the order of the start; a template as one child."""
    result = tree(shell, "tree_of_a_shop:system")
    assert result.exit_code == 0, result.output
    assert result.stdout == DRAWN + "        └── <Part>  Part  temporary\n"


def test_a_living_tree_is_drawn_alike(shell: CliRunner) -> None:
    """With --live the system is started, looked at and stopped: the same, without the template."""
    result = tree(shell, "tree_of_a_shop:system", "--live")
    assert result.exit_code == 0, result.output
    assert result.stdout == DRAWN


def test_json_has_every_node(shell: CliRunner) -> None:
    """One object with children, for programs."""
    root = json.loads(tree(shell, "tree_of_a_shop:system", "--json").stdout)
    assert root["name"] == "shop"
    (desk,) = root["children"]
    assert [one["name"] for one in desk["children"]] == ["connection", "workers", "sessions"]
    assert desk["path"] == "callboard://shop/user/desk"
    assert desk["state"] == "declared"


def test_a_system_without_a_tree_is_told_how(shell: CliRunner) -> None:
    """Nothing is declared: the name alone, and a sentence on standard error."""
    result = tree(shell, "tree_of_a_shop:bare")
    assert result.stdout == "bare\n"
    assert "ActorSystem(tree=[child(...)])" in result.stderr


def test_a_tree_that_cannot_live_is_a_failure(shell: CliRunner) -> None:
    """Two children of one name: the supervisor gives up, and so does the command."""
    result = tree(shell, "tree_of_a_shop:twins", "--live")
    assert result.exit_code == 1
    assert "error: tree_of_a_shop:twins gave up while it started" in result.stderr
    assert result.stdout == ""


def test_a_wrong_target_is_a_usage_error(shell: CliRunner) -> None:
    """As with `callboard run`."""
    result = tree(shell, "tree_of_a_shop:nothing")
    assert result.exit_code == 2
    assert "It has: bare, system, twins" in result.stderr
