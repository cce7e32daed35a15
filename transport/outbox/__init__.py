"""Outboxes: messages written in an application's own database transaction, relayed to topics.

    the application's transaction -> a table -> Relay: claim, write, forget -> the topic

`_sqlite` and `_postgres` are the tables, `_relay` is what a running system does for one. `Seen` is
the other direction: which messages an application has dealt with, in the transaction in which it
did.
"""

from ._entry import Entry, Outbox, Row
from ._postgres import PostgresOutbox, PostgresSeen
from ._relay import Relay
from ._seen import request_hash
from ._sqlite import SqliteOutbox, SqliteSeen

__all__ = [
    "Entry",
    "Outbox",
    "PostgresOutbox",
    "PostgresSeen",
    "Relay",
    "Row",
    "SqliteOutbox",
    "SqliteSeen",
    "request_hash",
]
