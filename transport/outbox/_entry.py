"""What stands in an outbox, and what a relay asks of one."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ..delivery import CONTENT_TYPE, TYPE, Header
from ..publishers import Letter

_TABLE = re.compile(r"[a-z_][a-z0-9_]{0,40}")


class Row(NamedTuple):
    """A message as a row of an outbox, for programs that insert it themselves.

    Attributes:
        topic: Where it goes.
        key: Of the record, or None.
        value: Of the record.
        headers: Of the record, as JSON.
    """

    topic: str
    key: bytes | None
    value: bytes
    headers: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A message that waits in an outbox.

    Attributes:
        number: Which message of this outbox it is; they are relayed in this order.
        topic: Where it goes.
        key: Of the record, or None.
        value: Of the record.
        headers: Of the record, without those that its relay adds.
    """

    number: int
    topic: str
    key: bytes | None
    value: bytes
    headers: tuple[Header, ...]


class Outbox(Protocol):
    """A table of messages, as a relay sees it. One relay at a time has it; others wait."""

    async def open(self) -> None:
        """Connect, and make the table if it is missing.

        Raises:
            OutboxError: The database does not answer, or refuses.
        """
        ...

    async def name(self) -> str:
        """Return what tells this outbox from all others, for as long as it exists."""
        ...

    async def lead(self) -> bool:
        """Become, or stay, the one whose relay works; False while another's does."""
        ...

    async def claim(self, limit: int, without: Collection[str]) -> list[Entry]:
        """Return the first entries, in their order, but for those of some topics."""
        ...

    async def oldest(self) -> int:
        """Return the lowest number that is not relayed, or one that comes after all."""
        ...

    async def forget(self, entries: Sequence[Entry]) -> None:
        """Remove entries that their topics have."""
        ...

    async def close(self) -> None:
        """Disconnect, and let another lead."""
        ...


def row_of(letter: Letter) -> Row:
    """Return a publisher's message as a row."""
    headers: dict[str, str] = {}
    for name, value in (letter.kind, letter.content, *letter.headers):
        headers[name] = value.decode(errors="surrogateescape")
    return Row(letter.topic, letter.key, letter.value, json.dumps(headers))


def entry_of(number: int, topic: str, key: bytes | None, value: bytes, headers: str) -> Entry:
    """Return a row as an entry."""
    said: Mapping[str, str] = json.loads(headers)
    found = tuple((name, text.encode(errors="surrogateescape")) for name, text in said.items())
    return Entry(number, topic, None if key is None else bytes(key), bytes(value), found)


def kind_and_content(entry: Entry) -> tuple[Header, Header, list[Header]]:
    """Return an entry's type, its format, and its other headers."""
    said = dict(entry.headers)
    kind = (TYPE, said.pop(TYPE, b""))
    content = (CONTENT_TYPE, said.pop(CONTENT_TYPE, b""))
    return kind, content, list(said.items())


def check_table(table: str) -> str:
    """Refuse what cannot be a table's name without quotes.

    Raises:
        ValueError: Says what it may be made of.
    """
    if _TABLE.fullmatch(table) is None:
        raise ValueError(
            f"table {table!r} cannot be taken: use up to 41 lower-case letters, digits and '_', "
            f"beginning with no digit"
        )
    return table
