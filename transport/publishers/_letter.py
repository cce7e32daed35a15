"""A message on its way from a publisher to its topic."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

from ..delivery import Header

M_contra = TypeVar("M_contra", contravariant=True)

Headers: TypeAlias = Mapping[str, str | bytes] | None
"""What an application adds to a record."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as a publisher hands it on: everything but its id, its source and its place.

    Attributes:
        topic: Where it goes.
        key: Of the record, or None.
        value: Of the record.
        kind: The header that names its type.
        content: The header that names its format.
        headers: What the application adds.
        message: The message itself, for dead letters.
    """

    topic: str
    key: bytes | None
    value: bytes
    kind: Header
    content: Header
    headers: tuple[Header, ...]
    message: object


class Letters(Protocol[M_contra]):
    """Makes letters of messages, as a publisher does."""

    def letter(self, message: M_contra, key: str | bytes | None, headers: Headers) -> Letter:
        """Return a message as it is handed on.

        Raises:
            SchemaError: It does not take such a message.
        """
        ...
