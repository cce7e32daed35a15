"""The protobuf code in the repository is what its sources generate."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support.repository import ROOT, folder_of, packages

from callboard.cli._protoc import PINNED

FOLDERS = [name for name in packages() if name.endswith(".v1")]


def virtual(package: str) -> str:
    """Return the folder as the compiler is to see it, from which imports follow."""
    return package.replace(".", "/")


@pytest.mark.parametrize("package", FOLDERS)
def test_generated_code_is_up_to_date(package: str, tmp_path: Path) -> None:
    """Compiling the `.proto` files anew gives the committed code, byte for byte.

    If it does not: `make proto`.
    """
    sources = sorted(path.name for path in folder_of(package).glob("*.proto"))
    roots = [f"-I{virtual(each)}={folder_of(each)}" for each in FOLDERS]
    subprocess.run(
        [
            *(sys.executable, "-m", "grpc_tools.protoc", *roots),
            *(f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"),
            *(f"{virtual(package)}/{name}" for name in sources),
        ],
        cwd=ROOT,
        check=True,
        timeout=60,
    )

    fresh = {path.name: path.read_text() for path in (tmp_path / virtual(package)).iterdir()}
    committed = {path.name: path.read_text() for path in folder_of(package).glob("*_pb2.py*")}
    assert sources
    assert sorted(committed) == sorted(fresh)
    assert [name for name in fresh if fresh[name] != committed[name]] == []


def test_the_compiler_is_pinned_once() -> None:
    """For users' schemas, for this repository's, and in the error that says which is wanted."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [f"grpcio-tools=={PINNED}"]
    assert project["project"]["optional-dependencies"]["schemas"] == wanted
    assert project["dependency-groups"]["proto"] == wanted
