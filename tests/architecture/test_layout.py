"""The folders, the links and what `pyproject.toml` says of them are one thing."""

import os
from pathlib import Path

from support.repository import ROOT, folder_of, package_dirs, packages


def links() -> dict[str, Path]:
    """Return what each link in `callboard/` stands for."""
    inside = (ROOT / "callboard").iterdir()
    return {f"callboard.{path.name}": path for path in inside if path.is_symlink()}


def test_each_link_leads_to_its_package_dir() -> None:
    """Tools that follow the links and builds that read `package-dir` see the same folders."""
    mapped = {name: path for name, path in package_dirs().items() if name != "callboard"}

    assert {name: link.resolve() for name, link in links().items()} == mapped


def test_links_are_relative() -> None:
    """A clone in another place has working links."""
    absolute = [name for name, link in links().items() if os.path.isabs(os.readlink(link))]  # noqa: PTH115, PTH117 - Path.readlink loses nothing, but says less

    assert absolute == []


def test_the_packages_that_are_built_are_those_on_disk() -> None:
    """No folder with an `__init__.py` is missing from the wheel, and none is listed in vain."""
    on_disk = [
        ".".join([name, *init.parent.relative_to(top).parts])
        for name, top in package_dirs().items()
        for init in top.rglob("__init__.py")
    ]

    assert sorted(on_disk) == sorted(packages())


def test_packages_are_listed_in_order() -> None:
    """The list in `pyproject.toml` is sorted, so that a change to it shows in one line."""
    assert packages() == sorted(packages())


def test_every_package_has_its_folder() -> None:
    """A package's own folder follows from its nearest mapped parent."""
    assert [name for name in packages() if not folder_of(name).is_dir()] == []
