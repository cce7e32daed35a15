"""Nodes of one system: who is there, and how actors of one reach those of another.

    RemotePort -> Post -> the log -> Nodes -> Arrivals -> an actor
                                       |
                    heartbeats -> Membership -> events, watches, services

`_membership` decides and is pure; `Nodes` is one node among the others, and the rest are its
parts: `_post` and `_remote` (what goes out), `_arrivals`, `_replies` and `_senders` (what comes
in), `_watches`, `_announcer` (what the node says of itself), `_singletons` (what runs once).
"""

from ._announcer import Announcer, failure_from
from ._membership import Membership, NodeEvent
from ._nodes import Followed, Nodes
from ._post import Post
from ._replies import PARTITIONS, Replies
from ._sender import Lost, Make, Sender
from ._singletons import Elections, Singletons

__all__ = [
    "PARTITIONS",
    "Announcer",
    "Elections",
    "Followed",
    "Lost",
    "Make",
    "Membership",
    "NodeEvent",
    "Nodes",
    "Post",
    "Replies",
    "Sender",
    "Singletons",
    "failure_from",
]
