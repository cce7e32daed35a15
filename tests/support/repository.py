"""The checkout as data: its packages, its files and their syntax trees."""

import ast
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

HAND_WRITTEN = ("callboard", "actors", "supervision", "transport", "schemas", "examples")
"""Folders of shipped code. Links inside them are not followed: no file comes twice."""

AROUND = ("tests", "benchmarks")


@cache
def pyproject() -> Mapping[str, Any]:
    """Return `pyproject.toml`."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def package_dirs() -> dict[str, Path]:
    """Return the folder of each top-most mapped package, as builds see it."""
    mapping: dict[str, str] = pyproject()["tool"]["setuptools"]["package-dir"]
    return {name: ROOT / folder for name, folder in mapping.items()}


def packages() -> list[str]:
    """Return the names of the packages that are built, as `pyproject.toml` lists them."""
    listed: list[str] = pyproject()["tool"]["setuptools"]["packages"]
    return listed


def folder_of(package: str) -> Path:
    """Return a package's real folder: that of its longest mapped parent, and on from there."""
    mapped = package_dirs()
    parent, rest = package, list[str]()
    while parent not in mapped:
        parent, _, last = parent.rpartition(".")
        rest.insert(0, last)
    return mapped[parent].joinpath(*rest)


def python_files(*folders: str) -> Iterator[Path]:
    """Yield the Python files written by hand below folders of the root, sorted."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not path.name.endswith("_pb2.py"):
                yield path


def syntax(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def named(path: Path, line: int | None = None) -> str:
    """Return `folder/file.py:line`, for messages."""
    place = path.relative_to(ROOT).as_posix()
    return place if line is None else f"{place}:{line}"
