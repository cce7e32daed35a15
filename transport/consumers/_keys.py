"""Which key a message has: of a field, or by a function."""

from collections.abc import Callable
from typing import Any, TypeAlias

from ...actors import SchemaError

Key: TypeAlias = str | Callable[[Any], Any] | None


class MissingKeyError(SchemaError):
    """A message says no key, and so belongs to nobody."""


def key_function(key: str | Callable[[Any], Any]) -> Callable[[Any], str]:
    """Return a function that says a message's key as text.

    Args:
        key: a field's name, or a function of the message.

    Example:
        >>> from types import SimpleNamespace
        >>> key_function("order_id")(SimpleNamespace(order_id=42))
        '42'
    """
    find = _field(key) if isinstance(key, str) else key

    def text(message: Any) -> str:
        found = find(message)
        if isinstance(found, bytes):
            try:
                found = found.decode()
            except UnicodeDecodeError:
                raise MissingKeyError(f"the key {found[:40]!r} is not UTF-8 text") from None
        if found is None or found == "":
            what = f"field {key!r}" if isinstance(key, str) else "key function"
            raise MissingKeyError(
                f"the {what} of {type(message).__qualname__} gave {found!r}; expected a key"
            )
        return str(found)

    return text


def _field(name: str) -> Callable[[Any], Any]:
    def find(message: Any) -> Any:
        try:
            return getattr(message, name)
        except AttributeError:
            raise MissingKeyError(
                f"{type(message).__qualname__} has no field {name!r}, which was to be its key"
            ) from None

    return find
