"""Sets that keep the order of insertion, in the place of those that go by hashes.

The order of a set of strings differs between processes, and that of objects goes by their
addresses. Where code iterates over one, its behavior does too. For the length of a run, `set` and
`frozenset` mean something else in the modules that matter: a name in a module goes before the
built-in one, so nothing of theirs is changed, and what they make with `set(...)` keeps its order.
"""

import importlib
import sys
from abc import ABCMeta
from collections.abc import Generator, Iterable, Iterator, MutableSet
from contextlib import contextmanager
from typing import Any

_LATE = ("aiokafka.admin", "callboard.transport", "callboard.transport.broker")
_ROOTS = ("aiokafka", "asyncio.tasks", "callboard.actors", "callboard.transport")


class _AlsoSets(ABCMeta):
    """Takes built-in sets for instances: code that asks `isinstance(x, set)` means those too."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, (set, frozenset)) or super().__instancecheck__(instance)


class OrderedSet(MutableSet[Any], metaclass=_AlsoSets):
    """A set in the order of insertion, with the methods of the built-in ones."""

    __slots__ = ("__weakref__", "_items")

    def __init__(self, items: Iterable[Any] = ()) -> None:
        self._items: dict[Any, None] = dict.fromkeys(items)

    def __contains__(self, item: object) -> bool:
        return item in self._items

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return self._hash()

    def __repr__(self) -> str:
        return f"{{{', '.join(map(repr, self._items))}}}"

    def add(self, item: Any) -> None:
        """Add an item."""
        self._items[item] = None

    def discard(self, item: Any) -> None:
        """Remove an item, if it is there."""
        self._items.pop(item, None)

    def pop(self) -> Any:
        """Remove the oldest item and return it."""
        item = next(iter(self._items), self)
        if item is self:
            raise KeyError("pop from an empty set")
        del self._items[item]
        return item

    def clear(self) -> None:
        """Remove all."""
        self._items.clear()

    def copy(self) -> "OrderedSet":
        """Return another with the same items."""
        return OrderedSet(self._items)

    def update(self, *others: Iterable[Any]) -> None:
        """Add all items of others."""
        for other in others:
            self._items.update(dict.fromkeys(other))

    def union(self, *others: Iterable[Any]) -> "OrderedSet":
        """Return the items of all."""
        result = self.copy()
        result.update(*others)
        return result

    def difference(self, *others: Iterable[Any]) -> "OrderedSet":
        """Return the items that are in no other."""
        result = self.copy()
        result.difference_update(*others)
        return result

    def difference_update(self, *others: Iterable[Any]) -> None:
        """Remove what is in others."""
        for other in others:
            for item in list(other):
                self._items.pop(item, None)

    def intersection(self, *others: Iterable[Any]) -> "OrderedSet":
        """Return the items that are in all others."""
        kept = [set(other) for other in others]
        return OrderedSet(item for item in self if all(item in other for other in kept))

    def intersection_update(self, *others: Iterable[Any]) -> None:
        """Keep what is in all others."""
        self._items = dict.fromkeys(self.intersection(*others))

    def symmetric_difference(self, other: Iterable[Any]) -> "OrderedSet":
        """Return what is in one of both."""
        theirs = OrderedSet(other)
        return self.difference(theirs).union(theirs.difference(self))

    def issubset(self, other: Iterable[Any]) -> bool:
        """Tell whether all items are in another."""
        theirs = set(other)
        return all(item in theirs for item in self)

    def issuperset(self, other: Iterable[Any]) -> bool:
        """Tell whether all items of another are here."""
        return all(item in self._items for item in other)


@contextmanager
def ordered_sets() -> Generator[None]:
    """Let sets keep their order in the client, in asyncio's tasks and in our own parts."""
    for name in _LATE:
        importlib.import_module(name)  # else they would come in the middle of the first run
    modules = [module for name, module in sorted(sys.modules.items()) if name.startswith(_ROOTS)]
    for module in modules:
        module.__dict__["set"] = module.__dict__["frozenset"] = OrderedSet
    try:
        yield
    finally:
        for module in modules:
            module.__dict__.pop("set", None)
            module.__dict__.pop("frozenset", None)
