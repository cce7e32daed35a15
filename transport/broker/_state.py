"""Everything a broker knows, and what its handlers share."""

import itertools
from dataclasses import dataclass, field

from ._group import Group, Later
from ._topics import Topics

NODE_ID = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerOptions:
    """How a broker behaves; durations in seconds.

    Attributes:
        host: Address to listen on. Anything but loopback opens it to others,
            and it has no authentication.
        port: Port to listen on; 0 takes a free one.
        auto_create: Create a topic when a client first names it.
        default_partitions: Partitions of topics created so.
        min_session_timeout: Shortest session a group member may ask for.
        max_session_timeout: Longest one.
        join_delay: How long an empty group waits for more members.
        close_timeout: How long stopping may take.
    """

    host: str = "127.0.0.1"
    port: int = 0
    auto_create: bool = True
    default_partitions: int = 4
    min_session_timeout: float = 0.1
    max_session_timeout: float = 1800.0
    join_delay: float = 0.0
    close_timeout: float = 5.0


@dataclass(slots=True)
class BrokerState:
    """Topics, groups and producer ids, with where clients find this broker."""

    options: BrokerOptions
    later: Later
    host: str = ""
    port: int = 0
    topics: Topics = field(default_factory=Topics)
    groups: dict[str, Group] = field(default_factory=dict[str, Group])
    member_numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    producer_ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def group(self, name: str) -> Group:
        """Return a group, made when it is first named."""
        known = self.groups.get(name)
        if known is None:
            known = self.groups[name] = Group(name, self.later, self.options.join_delay)
        return known
