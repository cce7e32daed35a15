"""The broker ids of one process: which are up, who leads and who coordinates what."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(slots=True)
class Node:
    """One broker id.

    Attributes:
        id: Its number.
        host: Where clients find it.
        port: On which port; kept while it is down.
        up: Whether it answers.
    """

    id: int
    host: str
    port: int
    up: bool = True


class Cluster:
    """Several broker ids that share one log, so that clients see a cluster. Pure.

    Every replica is always in step: they are one. What can be tried is what
    clients do when leaders and coordinators move, not replication itself.
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.nodes = {node.id: node for node in nodes}
        self._coordinators: dict[str, int] = {}  # moved by hand

    @property
    def ids(self) -> list[int]:
        """All ids, in order."""
        return sorted(self.nodes)

    def live(self) -> list[Node]:
        """Return the nodes that are up, by id."""
        return [self.nodes[id_] for id_ in self.ids if self.nodes[id_].up]

    @property
    def controller(self) -> int:
        """The id that is named as controller: the lowest that is up."""
        return next((node.id for node in self.live()), -1)

    @property
    def default_replication(self) -> int:
        """How many replicas a topic gets that does not say: all ids, but no more than three."""
        return min(3, len(self.nodes))

    def spread(self, first: int, partitions: int, factor: int) -> list[list[int]]:
        """Return replicas for new partitions: leaders take turns, followers come behind."""
        ids = self.ids
        return [
            [ids[(first + index + step) % len(ids)] for step in range(factor)]
            for index in range(partitions)
        ]

    def coordinator(self, key: str) -> Node | None:
        """Return the coordinator of a group or transactional id; None while none is up."""
        live = self.live()
        if not live:
            return None
        moved = self._coordinators.get(key)
        if moved is not None and self.nodes[moved].up:
            return self.nodes[moved]
        ids = self.ids
        start = zlib.crc32(key.encode()) % len(ids)
        order = [self.nodes[ids[(start + step) % len(ids)]] for step in range(len(ids))]
        return next(node for node in order if node.up)

    def coordinates(self, node: int, key: str) -> bool:
        """Tell whether a node is the one to ask about a group or transactional id."""
        found = self.coordinator(key)
        return found is not None and found.id == node

    def move_coordinator(self, key: str, to: int) -> None:
        """Have another node coordinate a group or transactional id."""
        self._coordinators[key] = to
