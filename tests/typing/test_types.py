"""What users' type checkers make of refs: typed refs accept their messages and refuse others."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.repository import ROOT

CASES = Path(__file__).parent / "cases" / "refs.py.txt"


def refused() -> set[int]:
    """Return the numbers of the lines that a type checker is to refuse."""
    lines = CASES.read_text(encoding="utf-8").splitlines()
    return {number for number, line in enumerate(lines, 1) if line.endswith("# refused")}


def written(folder: Path) -> Path:
    """Write the cases down as a user's file."""
    path = folder / "refs.py"
    path.write_text(CASES.read_text(encoding="utf-8"), encoding="utf-8")
    return path


def needs(module: str) -> None:
    """Skip where a type checker is not installed."""
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed: make check installs it")


def test_mypy_refuses_exactly_the_wrong_lines(tmp_path: Path) -> None:
    """A user's file is checked by mypy, strictly, and with none of this repository's settings."""
    needs("mypy")
    done = subprocess.run(
        [
            sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary",
            f"--cache-dir={ROOT / '.mypy_cache' / 'users'}", "--follow-imports=silent",
            str(written(tmp_path)),
        ],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    found = {int(line) for line in re.findall(r"refs\.py:(\d+): error: ", done.stdout)}
    assert found == refused(), done.stdout


def test_pyright_refuses_exactly_the_wrong_lines(tmp_path: Path) -> None:
    """The same file is checked by pyright, strictly."""
    needs("pyright")
    settings = {
        "typeCheckingMode": "strict",
        "extraPaths": [str(ROOT)],
        "include": [str(written(tmp_path))],
        "pythonVersion": f"{sys.version_info.major}.{sys.version_info.minor}",
        "reportUnusedVariable": False,
        "reportUnknownMemberType": False,
        "reportMissingTypeStubs": False,
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable, "-m", "pyright", "--outputjson", "--project", str(tmp_path),
            "--pythonpath", sys.executable,
        ],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    errors = [
        one
        for one in json.loads(done.stdout)["generalDiagnostics"]
        if one["severity"] == "error" and one["file"].endswith("refs.py")
    ]
    shown = "\n".join(f"{one['range']['start']['line'] + 1}: {one['message']}" for one in errors)
    assert {one["range"]["start"]["line"] + 1 for one in errors} == refused(), shown
