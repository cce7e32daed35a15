"""Children by name, with the history their supervisor judges by."""

from collections.abc import Callable, Coroutine
from typing import Any, Generic, Protocol, TypeVar

from ._errors import NameTaken
from ._path import ActorPath, check_name


class Member(Protocol):
    """A child, as far as its family is concerned."""

    @property
    def name(self) -> str: ...


C = TypeVar("C", bound=Member)


class Family(Generic[C]):
    """The living children of one supervisor, in the order they were spawned.

    Attributes:
        members: child by name.
        history: loop times of recent restarts, all children together.
        when_empty: what to do when the last child is gone.
    """

    __slots__ = ("_made", "history", "members", "when_empty")

    def __init__(self) -> None:
        self.members: dict[str, C] = {}
        self.history: tuple[float, ...] = ()
        self.when_empty: Callable[[], Coroutine[Any, Any, Any] | None] | None = None
        self._made = 0

    def name_for(self, name: str | None, parent: ActorPath) -> str:
        """Return the name a new child gets: the one given, if it is free, or `$1`, `$2` ...

        Raises:
            NameTaken: a living child has it.
            ValueError: it cannot be a name.
        """
        if name is None:
            self._made += 1
            return f"${self._made}"
        if name in self.members:
            raise NameTaken(str(parent / name))
        return check_name(name)

    def newest_first(self) -> list[C]:
        """Return the children in the order they are stopped."""
        return list(reversed(self.members.values()))

    def remove(self, child: C) -> None:
        """Forget a child that stopped."""
        if self.members.get(child.name) is child:
            del self.members[child.name]
