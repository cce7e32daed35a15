"""Where peers are looked for, and with which Python they are installed."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from callboard.benchmarks import PEERS, PeersNotMade, find_peer, make_peers, peers_folder
from callboard.benchmarks._peers import newest_python
from callboard.cli._app import app


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a machine with nothing on it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    return tmp_path


def everything_there(_: str) -> object:
    """Find something, whatever is looked for."""
    return object()


def interpreter(path: Path, says: str, code: int = 0) -> Path:
    """Make a Python that answers everything with one line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n")
    path.chmod(0o755)
    return path


def test_the_newest_python_that_runs_is_taken(home: Path) -> None:
    """A name on the PATH may be a shim of a version that is not there."""
    interpreter(home / "bin" / "python3.15", "pyenv: not installed", 127)
    interpreter(home / "bin" / "python3.12", "3 12")
    interpreter(home / "bin" / "python3.11", "3 11")
    newest = interpreter(home / "pyenv" / "versions" / "3.13.0" / "bin" / "python3.13", "3 13")
    interpreter(home / "bin" / "python3.99-config", "3 99")
    assert newest_python() == str(newest)


def test_without_a_recent_python_the_error_says_what_to_do(home: Path) -> None:
    """What was looked for, where, and how to name one."""
    interpreter(home / "bin" / "python3.11", "3 11")
    with pytest.raises(PeersNotMade, match=r"at least 3\.12 .* --python PATH"):
        newest_python()
    result = CliRunner().invoke(app, ["bench", "peers"])
    assert result.exit_code == 1
    assert "error: found no Python of at least 3.12" in result.stderr


def test_a_python_that_fails_is_told_with_its_last_words(home: Path) -> None:
    """And what to try instead."""
    python = interpreter(home / "python", "no module named venv", 1)
    with pytest.raises(PeersNotMade, match=r"-m venv .* failed \(no module named venv\): give"):
        make_peers(str(python), lambda _: None)
    with pytest.raises(PeersNotMade, match="could not be run"):
        make_peers(str(home / "nothing"), lambda _: None)


def test_a_peer_is_found_in_the_folder_of_peers() -> None:
    """By its package, without starting an interpreter."""
    peer = PEERS[1]
    assert find_peer(peer)[0] is None
    python = interpreter(peers_folder() / "bin" / "python", "3 13")
    assert find_peer(peer)[0] is None
    package = peers_folder() / "lib" / "python3.13" / "site-packages" / peer.module
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    assert find_peer(peer) == (str(python), "")


def test_a_peer_beside_callboard_needs_no_other_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its subject then runs in callboard's own interpreter."""
    monkeypatch.setattr("callboard.benchmarks._peers.find_spec", everything_there)
    assert find_peer(PEERS[0]) == (sys.executable, "")
