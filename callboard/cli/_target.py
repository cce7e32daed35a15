"""From `module:system` to an actor system."""

import importlib
import inspect
import sys
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from .. import ActorSystem
from ..actors import CallboardError

_EXPECTED = "expected MODULE:SYSTEM, as in bank.app:system"
_EXPECTED_SCENARIO = "expected MODULE:FUNCTION, as in tests.scenarios:checkout"
_EXPECTED_OBJECT = "expected MODULE:NAME, as in bank.actors:Account"


class TargetError(CallboardError):
    """What a command was given does not lead to what it needs."""


def load_system(target: str) -> ActorSystem:
    """Import what `target` names; the current folder is importable.

    Args:
        target: `module:name`, where the name is an ActorSystem or a function
            without parameters that returns one.

    Raises:
        TargetError: Says which part does not fit, and what would.
    """
    module_name, name, module = _module_of(target, _EXPECTED)
    try:
        found: object = getattr(module, name)
    except AttributeError:
        known = _systems(module)
        hint = f"It has: {', '.join(known)}" if known else "It has no ActorSystem at all"
        raise TargetError(f"{target!r}: the module {module_name} has no {name!r}. {hint}") from None
    if isinstance(found, ActorSystem):
        return found
    made = found() if callable(found) and not isinstance(found, type) else found
    if not isinstance(made, ActorSystem):
        raise TargetError(
            f"{target!r} is {_described(found, made)}; expected an ActorSystem, or a function "
            f"without parameters that returns one"
        )
    return made


def load_scenario(target: str) -> Callable[..., Any]:
    """Import the async function that `target` names; the current folder is importable.

    Raises:
        TargetError: Says which part does not fit, and what would.
    """
    module_name, name, module = _module_of(target, _EXPECTED_SCENARIO)
    found: object = getattr(module, name, None)
    if not inspect.iscoroutinefunction(found):
        what = "has no such name" if found is None else f"has a {type(found).__name__} there"
        raise TargetError(
            f"{target!r}: the module {module_name} {what}; expected an async function that takes "
            "a Simulation"
        )
    return found


def load_object(target: str) -> object:
    """Import what `target` names, as `module:name`; the current folder is importable.

    Raises:
        TargetError: Says which part does not fit, and what would.
    """
    module_name, name, module = _module_of(target, _EXPECTED_OBJECT)
    try:
        found: object = getattr(module, name)
    except AttributeError:
        near = get_close_matches(name, vars(module), 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise TargetError(f"{target!r}: the module {module_name} has no {name!r}{hint}") from None
    return found


def _module_of(target: str, expected: str) -> tuple[str, str, ModuleType]:
    """Take `module:name` apart, and import the module."""
    module_name, _, name = target.partition(":")
    if not (module_name and name):
        raise TargetError(f"got {target!r}; {expected}")
    return module_name, name, _import(module_name, target, expected)


def _import(module_name: str, target: str, expected: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        # A module that exists and imports another that does not is the program's own defect.
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise TargetError(
            f"{target!r}: there is no module {error.name!r}. It is looked for in {here} and among "
            f"the installed packages; {expected}"
        ) from None


def _systems(module: ModuleType) -> list[str]:
    return sorted(name for name, value in vars(module).items() if isinstance(value, ActorSystem))


def _described(found: object, made: object) -> str:
    if found is made:
        return f"of type {type(found).__name__}"
    return f"a function that returned {type(made).__name__}"
