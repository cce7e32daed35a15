"""What holds for every file: its size, its imports, the calls it does without."""

import ast
from collections.abc import Iterator
from pathlib import Path

from support.repository import (
    AROUND,
    HAND_WRITTEN,
    folder_of,
    named,
    packages,
    python_files,
    syntax,
)

MOST_LINES = 400
OUR_ROOTS = {"actors", "callboard", "examples", "schemas", "supervision", "transport"}
UNSAFE_MODULES = {"dill", "marshal", "pickle", "shelve"}
UNSAFE_CALLS = {"eval", "exec"}


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and full module name of each absolute import in a file."""
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.lineno, node.module or ""


def test_no_file_is_long() -> None:
    """No file written by hand has more than 400 lines."""
    lengths = {
        named(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in python_files(*HAND_WRITTEN, *AROUND)
    }

    assert lengths
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_every_test_states_a_fact() -> None:
    """Every test function has a docstring."""
    silent = [
        named(path, node.lineno)
        for path in python_files("tests")
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]

    assert silent == []


def test_test_files_have_names_of_their_own() -> None:
    """No two test files share a base name, which would make reports ambiguous."""
    names = [path.name for path in python_files("tests") if path.name.startswith("test_")]

    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_nothing_shipped_can_run_what_it_reads() -> None:
    """Shipped code neither unpickles nor evaluates: what comes from a topic stays data."""
    found = [
        named(path, line)
        for path in python_files(*HAND_WRITTEN)
        for line, module in imports_of(path)
        if module.partition(".")[0] in UNSAFE_MODULES
    ]
    found += [
        named(path, node.lineno)
        for path in python_files(*HAND_WRITTEN)
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in UNSAFE_CALLS
    ]

    assert found == []


def test_packages_import_each_other_relatively() -> None:
    """Inside the package every import of our own is relative.

    An absolute one would load a second copy when the folder itself is on the path.
    """
    absolute = [
        f"{named(path, line)} imports {module}"
        for path in python_files(*(folder for folder in HAND_WRITTEN if folder != "examples"))
        for line, module in imports_of(path)
        if module.partition(".")[0] in OUR_ROOTS
    ]

    assert absolute == []


def test_tests_and_examples_import_the_package() -> None:
    """Tests, examples and benchmarks import `callboard...`, never the folders behind it."""
    behind = [
        f"{named(path, line)} imports {module}"
        for path in python_files("examples", *AROUND)
        for line, module in imports_of(path)
        if module.partition(".")[0] in OUR_ROOTS - {"callboard"}
    ]

    assert behind == []


def test_other_packages_are_entered_by_their_door() -> None:
    """A relative import names a file of its own package, or another package's `__init__.py`."""
    through_walls = [
        f"{named(path, node.lineno)} reaches {target}"
        for name in packages()
        for path in sorted(folder_of(name).glob("*.py"))
        if not path.name.endswith("_pb2.py")
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.ImportFrom) and node.level > 0
        for target in targets(name, node)
        if not is_allowed(name, target)
    ]

    assert through_walls == []


def targets(package: str, node: ast.ImportFrom) -> list[str]:
    """Return the modules an import reaches, as full names."""
    base = package.split(".")[: len(package.split(".")) - (node.level - 1)]
    module = ".".join([*base, *(node.module or "").split(".")]).rstrip(".")
    if module not in packages():
        return [module]
    return [
        f"{module}.{alias.name}" if alias.name.startswith("_") else module for alias in node.names
    ]


def is_allowed(package: str, target: str) -> bool:
    """Return whether a file of the package may import from the target."""
    return (
        target in packages()
        or target.rpartition(".")[0] == package
        or target.endswith("_pb2")  # generated code stands behind no door of its own
    )
