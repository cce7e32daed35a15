"""Every package has one door, its `__init__.py`, and what it shows is in order."""

import importlib
from types import FunctionType

import pytest
from support.repository import packages

DOORS = [name for name in packages() if not name.endswith(".v1")]  # generated code has none


def in_order(name: str) -> tuple[int, str]:
    """Return the key by which names are sorted: constants, then classes, then functions."""
    kind = 0 if name.isupper() else 1 if name[0].isupper() else 2
    return kind, name


@pytest.mark.parametrize("door", DOORS)
def test_a_door_lists_its_names_in_order(door: str) -> None:
    """`__all__` exists, is sorted and names nothing twice."""
    names: list[str] = importlib.import_module(door).__all__

    assert names == sorted(set(names), key=in_order)


@pytest.mark.parametrize("door", DOORS)
def test_every_listed_name_is_there_and_public(door: str) -> None:
    """A name in `__all__` can be imported and does not begin with an underscore."""
    module = importlib.import_module(door)

    missing = [name for name in module.__all__ if not hasattr(module, name)]
    private = [name for name in module.__all__ if name.startswith("_")]
    assert (missing, private) == ([], [])


@pytest.mark.parametrize("door", packages())
def test_a_door_says_what_is_behind_it(door: str) -> None:
    """A package's `__init__.py` has a docstring."""
    assert importlib.import_module(door).__doc__


@pytest.mark.parametrize("door", DOORS)
def test_what_a_door_shows_is_documented(door: str) -> None:
    """Each class and function of ours in `__all__` has a docstring of its own."""
    module = importlib.import_module(door)
    shown = [getattr(module, name) for name in module.__all__]
    ours = [
        each
        for each in shown
        if isinstance(each, type | FunctionType)
        and each.__module__.startswith("callboard.")
        and not each.__module__.endswith("_pb2")
    ]

    assert [each.__qualname__ for each in ours if not is_documented(each)] == []


def is_documented(thing: type | FunctionType) -> bool:
    """Return whether someone wrote its docstring; `dataclass` makes up one of its own."""
    own: str | None = vars(thing).get("__doc__") if isinstance(thing, type) else thing.__doc__
    return own is not None and not own.startswith(f"{thing.__name__}(")
