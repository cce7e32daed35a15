"""`callboard topics`: what it says to arguments that make no sense, before any broker is asked."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from callboard.cli._app import app

PROGRAM = """
from callboard import ActorSystem, Entity, handler
from google.protobuf.wrappers_pb2 import Int64Value

class Jar(Entity):
    state: Int64Value

    @handler
    def add(self, message: Int64Value) -> None: ...

system = ActorSystem("jars", entities=[Jar])
client = ActorSystem("jars")
"""

NOWHERE = "kafka://127.0.0.1:1"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """A shell in a folder with the program, which no other test has imported."""
    (tmp_path / "topics_of_jars.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "topics_of_jars", raising=False)
    # Set and deleted, so that what a command sets is undone as well.
    monkeypatch.setenv("CALLBOARD_TRANSPORT", "")
    monkeypatch.delenv("CALLBOARD_TRANSPORT")
    return CliRunner()


@pytest.mark.parametrize("command", ["plan", "apply", "prune"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["topics_of_jars:system"], "Give --transport kafka://HOST:PORT"),
        (["topics_of_jars:system", "--transport", "memory://"], "makes its topics itself"),
        (["topics_of_jars:client", "--transport", NOWHERE], "entities=[...]"),
        (["topics_of_jars:jar", "--transport", NOWHERE], "It has: client, system"),
        (["topics_of_jars:system", "--transport", NOWHERE, "--system", "a.b"], "'a.b'"),
    ],
)
def test_a_usage_error_says_what_is_missing(
    shell: CliRunner, command: str, arguments: list[str], said: str
) -> None:
    """In one line on standard error, with exit code 2."""
    result = shell.invoke(app, ["topics", command, *arguments])
    assert result.exit_code == 2, result.output
    assert len(result.stderr.strip().splitlines()) == 1
    assert said in result.stderr


@pytest.mark.parametrize("keep", ["7", "week", "-1d", "1.5h", "7 d", ""])
def test_a_time_that_cannot_be_read_is_a_usage_error(shell: CliRunner, keep: str) -> None:
    """Nothing is guessed where messages are removed for good."""
    arguments = ["topics", "prune", "topics_of_jars:system", "--transport", NOWHERE]
    result = shell.invoke(app, [*arguments, f"--keep={keep}"])
    assert result.exit_code == 2
    assert f"--keep {keep!r} is no time" in result.stderr


def test_json_without_an_answer_is_a_usage_error(shell: CliRunner) -> None:
    """A question would stand in the middle of the JSON."""
    arguments = ["topics", "prune", "topics_of_jars:system", "--transport", NOWHERE, "--json"]
    result = shell.invoke(app, arguments)
    assert result.exit_code == 2
    assert "--yes or --dry-run" in result.stderr
