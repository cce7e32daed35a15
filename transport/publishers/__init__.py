"""Publishers: what an application writes to topics that are not an entity's mailbox.

A publisher knows its topic, its type and its key, and makes a `Letter` of each message; what runs
takes the letters through `PublisherPort`, and an outbox keeps them in a table.
"""

from ._letter import Headers, Letter, Letters
from ._publisher import Publisher, PublisherPort, PublisherStatistics, encoded

__all__ = [
    "Headers",
    "Letter",
    "Letters",
    "Publisher",
    "PublisherPort",
    "PublisherStatistics",
    "encoded",
]
