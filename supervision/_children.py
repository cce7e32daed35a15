"""What supervisors are told and asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from ..actors import CallboardError, ChildSpec


@dataclass(frozen=True, slots=True)
class StartChild:
    """Start one child more, behind the others. The answer is its ref.

    Attributes:
        spec: the child. It is not part of the supervisor's own list: after a restart of the
            supervisor it is not started again.
    """

    spec: ChildSpec


class StartInstance:
    """Start one child of a DynamicSupervisor's template. The answer is its ref.

    Args:
        *args: for its `__init__`, behind those of the template.
        name: its name; made up when left out.
        **kwargs: for its `__init__`, over those of the template.
    """

    __slots__ = ("args", "kwargs", "name")

    def __init__(self, *args: Any, name: str | None = None, **kwargs: Any) -> None:
        self.args: tuple[Any, ...] = args
        self.name: str | None = name
        self.kwargs: Mapping[str, Any] = MappingProxyType(kwargs)

    def __repr__(self) -> str:
        return f"StartInstance({', '.join(map(repr, self.args))}, name={self.name!r})"


@dataclass(frozen=True, slots=True)
class StopChild:
    """Stop a child for good. The answer is whether there was one.

    Attributes:
        name: its name.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Children:
    """Ask for the living children. The answer is a tuple of their refs, oldest first."""


class TooManyChildren(CallboardError):  # noqa: N818 - says the fact, like the core's errors
    """A DynamicSupervisor was asked for one child more than it may have.

    Attributes:
        path: the supervisor.
        max_children: how many it may have.
    """

    retriable: ClassVar[bool] = True

    def __init__(self, path: str, max_children: int) -> None:
        super().__init__(
            f"{path} has {max_children} children, which is all it may have. Stop one, or give it "
            "a larger max_children."
        )
        self.path: str = path
        self.max_children: int = max_children
