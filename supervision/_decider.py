"""From an exception's type to what is done about it."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

D = TypeVar("D")


def nearest(table: Mapping[type[BaseException], D], error: BaseException) -> D | None:
    """Return the entry for the error's class or the nearest of its bases, or None."""
    for base in type(error).__mro__:
        if base in table:
            return table[base]
    return None


def check_exceptions(types: Iterable[object], where: str) -> None:
    """Refuse what is no class of exceptions.

    Raises:
        TypeError: naming the first such thing and where it was given.
    """
    for one in types:
        if not (isinstance(one, type) and issubclass(one, BaseException)):
            raise TypeError(
                f"{where} has {one!r}; it takes classes of exceptions, such as ValueError"
            )
