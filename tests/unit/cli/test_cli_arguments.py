"""What the shell says to arguments and variables that make no sense."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from callboard import ActorSystem, CallboardError
from callboard.cli._app import app
from callboard.cli._settings import load_settings
from callboard.cli._target import TargetError, load_system


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the variables of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("CALLBOARD_")]:
        monkeypatch.delenv(name)


def shell(*arguments: str) -> Result:
    """Run the shell within this process."""
    return CliRunner().invoke(app, list(arguments))


def one_line(result: Result) -> str:
    """Return the error, which is one line and no traceback."""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.output
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.mark.parametrize("arguments", [["version"], ["--version"]])
def test_the_version_is_printed(arguments: list[str]) -> None:
    """As a command and as an option."""
    result = shell(*arguments)
    assert result.exit_code == 0
    assert result.output.startswith("callboard 0.")


@pytest.mark.parametrize("command", ["run", "broker", "demo", "tree", "bench", "version"])
def test_every_command_has_help(command: str) -> None:
    """And the root names them all."""
    assert shell(command, "--help").exit_code == 0
    assert command in shell("--help").output


def test_help_imports_no_client_and_no_settings() -> None:
    """`callboard --help` answers at once: what a command needs is imported when it runs."""
    script = (
        "import sys; from callboard.cli._app import app\n"
        "slow = {'aiokafka', 'google.protobuf', 'pydantic', 'callboard.demo'}\n"
        "print(sorted(slow & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("amqp://x", "expected memory:// or kafka://HOST:PORT"),
        ("kafka://host:port", "'host:port' is no HOST:PORT"),
        ("localhost:9092", "expected memory:// or kafka://HOST:PORT"),
    ],
)
@pytest.mark.parametrize("command", [["demo"], ["run", "callboard.demo.app:worker"]])
def test_a_wrong_transport_url_is_a_usage_error(command: list[str], url: str, said: str) -> None:
    """The error shows what was given and what was expected."""
    result = shell(*command, "--transport", url)
    assert result.exit_code == 2
    line = one_line(result)
    assert url in line
    assert said in line


def test_a_wrong_variable_is_named() -> None:
    """The environment is checked like arguments."""
    result = CliRunner(env={"CALLBOARD_LOG_LEVEL": "loud"}).invoke(app, ["broker"])
    assert result.exit_code == 2
    assert "CALLBOARD_LOG_LEVEL" in one_line(result)
    assert "'loud'" in one_line(result)


def test_arguments_win_over_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable counts where no argument was given; an empty one does not count."""
    monkeypatch.setenv("CALLBOARD_NODE", "from-environment")
    monkeypatch.setenv("CALLBOARD_TRANSPORT", "")
    monkeypatch.setenv("CALLBOARD_LOG_JSON", "1")
    settings = load_settings(node=None, log_json=False)
    assert settings.node == "from-environment"
    assert settings.transport is None
    assert settings.log_json is False
    assert load_settings(node="given").node == "given"


@pytest.mark.parametrize("option", [["--flights", "0"], ["--kills", "-1"], ["--flights", "many"]])
def test_demo_options_out_of_range_are_usage_errors(option: list[str]) -> None:
    """Before anything is started."""
    assert shell("demo", *option).exit_code == 2


def test_a_port_in_use_is_named_with_a_remedy() -> None:
    """The broker says which port, and which command would work."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = shell("broker", "--port", str(port))
    assert result.exit_code == 1
    assert f"port {port}" in one_line(result)
    assert "callboard broker --port" in one_line(result)


PROGRAM = """
from callboard import ActorSystem
system = ActorSystem("here")
number = 7
def make(): return ActorSystem("made")
def makes_nothing(): return None
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write a program into the current folder; return its module's name."""
    name = "program_of_the_test"
    (tmp_path / f"{name}.py").write_text(PROGRAM)
    (tmp_path / "broken_of_the_test.py").write_text("import no_such_module_at_all\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


@pytest.mark.parametrize(("attribute", "system"), [("system", "here"), ("make", "made")])
def test_a_system_or_a_function_that_makes_one_is_found(
    program: str, attribute: str, system: str
) -> None:
    """The current folder is importable."""
    found = load_system(f"{program}:{attribute}")
    assert isinstance(found, ActorSystem)
    assert found.name == system


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("{}", "expected MODULE:SYSTEM"),
        ("{}:", "expected MODULE:SYSTEM"),
        (":system", "expected MODULE:SYSTEM"),
        ("no_such_module:system", "there is no module 'no_such_module'"),
        ("{}:sistem", "has no 'sistem'. It has: system"),
        ("{}:number", "of type int; expected an ActorSystem"),
        ("{}:makes_nothing", "a function that returned NoneType"),
    ],
)
def test_a_target_that_leads_nowhere_says_which_part(program: str, target: str, said: str) -> None:
    """What was given, what is there, and what is expected."""
    target = target.format(program)
    with pytest.raises(TargetError) as caught:
        load_system(target)
    assert repr(target) in str(caught.value)
    assert said in str(caught.value)
    assert isinstance(caught.value, CallboardError)
    result = shell("run", target)
    assert result.exit_code == 2
    assert said in one_line(result)


def test_an_import_that_fails_inside_the_program_keeps_its_traceback(program: str) -> None:
    """It is the program's defect, not a wrong argument."""
    with pytest.raises(ModuleNotFoundError, match="no_such_module_at_all"):
        load_system("broken_of_the_test:system")
