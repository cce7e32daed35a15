"""Which of several actors gets a message: round robin, least mail, by key, or all of them."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, Protocol

from ._ref import ActorRef, port_of

# Places of one routee on the ring of consistent hashing: enough for shares within some ten percent.
_PLACES = 64


class Routing(Protocol):
    """Chooses among routees."""

    def choose(self, routees: Sequence[ActorRef[Any]], message: object) -> Sequence[ActorRef[Any]]:
        """Return who gets the message; `routees` are in a stable order and at least one."""
        ...


class RoundRobin:
    """One after another, so that each gets as many messages as the others."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = 0

    def choose(self, routees: Sequence[ActorRef[Any]], message: object) -> Sequence[ActorRef[Any]]:
        """Return the next one."""
        del message
        chosen = routees[self._next % len(routees)]
        self._next += 1
        return (chosen,)


class LeastMail:
    """The one with the fewest messages in its mailbox and in hand; of equals, the one that waited.

    Looks at all of them for each message, so it is for tens of routees, not thousands.
    """

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = 0

    def choose(self, routees: Sequence[ActorRef[Any]], message: object) -> Sequence[ActorRef[Any]]:
        """Return the least busy one."""
        del message
        count = len(routees)
        self._next += 1
        start = self._next % count
        order = [routees[(start + index) % count] for index in range(count)]
        return (min(order, key=_load),)


class ConsistentHashing:
    """By a key in the message: equal keys go to one routee, and few move when one comes or goes.

    ```python
    ConsistentHashing(lambda message: message.user_id)
    ```

    The hash is the same in every process and run. Not promised: that a key keeps its routee when
    the number of routees changes.

    Args:
        key: from a message to its key, a str, bytes or int.
    """

    __slots__ = ("_key", "_members", "_owners", "_ring")

    def __init__(self, key: Callable[[Any], str | bytes | int]) -> None:
        self._key = key
        self._members: tuple[ActorRef[Any], ...] = ()
        self._ring: list[int] = []
        self._owners: list[ActorRef[Any]] = []

    def choose(self, routees: Sequence[ActorRef[Any]], message: object) -> Sequence[ActorRef[Any]]:
        """Return the owner of the message's key."""
        members = tuple(routees)
        if members != self._members:
            places = sorted(
                (_hash(f"{ref.path}#{place}"), index)
                for index, ref in enumerate(members)
                for place in range(_PLACES)
            )
            self._members = members
            self._ring = [place for place, _ in places]
            self._owners = [members[index] for _, index in places]
        at = bisect_right(self._ring, _hash(self._key(message))) % len(self._ring)
        return (self._owners[at],)


class Broadcast:
    """All of them. An ask is answered by the one that answers first."""

    __slots__ = ()

    def choose(self, routees: Sequence[ActorRef[Any]], message: object) -> Sequence[ActorRef[Any]]:
        """Return all."""
        del message
        return routees


def _load(ref: ActorRef[Any]) -> int:
    port = port_of(ref)
    return port.statistics().waiting + port.held


def _hash(key: str | bytes | int) -> int:
    data = key if isinstance(key, bytes) else str(key).encode()
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big")
