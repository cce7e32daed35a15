"""Making a broker misbehave, and moving things about."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeAlias

from ._cluster import Node
from ._faults import (
    Action,
    Control,
    Delay,
    Disconnect,
    DropAnswer,
    DropRequest,
    Fail,
    Fault,
    Faults,
    RequestInfo,
    Throttle,
)
from ._inspection import Inspection
from .wire import ErrorCode

Where: TypeAlias = Callable[[RequestInfo], bool]


class Interference(Inspection):
    """What can be done to a running broker.

    Faults are set for one kind of request, named as in `RequestInfo.api`. They
    act on the next `times` requests of that kind (None for all) for which
    `where` is true, and are removed by `remove()`, or at the end of a `with`.

    Example:
        >>> fault = broker.fail("produce", ErrorCode.NOT_LEADER_OR_FOLLOWER, times=3)
        >>> with broker.delay("fetch", 2.0, times=None):
        ...     await consumer.getone()
    """

    _faults: Faults

    # -- requests ---------------------------------------------------------------------

    def fail(
        self, api: str, code: ErrorCode, *, times: int | None = 1, where: Where | None = None
    ) -> Fault:
        """Answer requests with an error code, and do nothing of what they ask."""
        return self._set(api, Fail(code), times, where)

    def delay(
        self, api: str, seconds: float, *, times: int | None = 1, where: Where | None = None
    ) -> Fault:
        """Wait before doing what requests ask; later ones of the same connection wait too."""
        return self._set(api, Delay(seconds), times, where)

    def throttle(
        self, api: str, seconds: float, *, times: int | None = 1, where: Where | None = None
    ) -> Fault:
        """Tell clients in the answer to hold back; it is up to them to do so."""
        return self._set(api, Throttle(seconds), times, where)

    def drop_answer(
        self,
        api: str,
        *,
        close: bool = True,
        times: int | None = 1,
        where: Where | None = None,
    ) -> Fault:
        """Do what requests ask, and do not tell: the client cannot know that it was done.

        Args:
            api: Which requests.
            close: Close the connection, so that the client notices at once.
            times: How many.
            where: Which of them.
        """
        return self._set(api, DropAnswer(close), times, where)

    def drop_request(self, api: str, *, times: int | None = 1, where: Where | None = None) -> Fault:
        """Lose requests: nothing is done and nothing answered; the connection stays open."""
        return self._set(api, DropRequest(), times, where)

    def disconnect(self, api: str, *, times: int | None = 1, where: Where | None = None) -> Fault:
        """Close connections over which such requests come, without doing what they ask."""
        return self._set(api, Disconnect(), times, where)

    def control(self, api: str, control: Control) -> Fault:
        """Ask a function about every request of a kind: it returns what happens, or None."""
        return self._faults.add(Fault(api, control))

    def clear_faults(self) -> None:
        """Remove all faults that were set for requests."""
        self._faults.clear()

    def _set(self, api: str, action: Action, times: int | None, where: Where | None) -> Fault:
        def control(info: RequestInfo) -> Action | None:
            return action if where is None or where(info) else None

        return self._faults.add(Fault(api, control, times))

    # -- groups, transactions, clock, disk ------------------------------------------------

    def expire_member(self, group: str, member: str) -> None:
        """End a member's session, as if it had been silent for too long.

        Raises:
            KeyError: There is no such member.
        """
        entry = self._running().groups.find(group)
        if entry is None or member not in entry.group.members:
            raise KeyError(f"{group}/{member}")
        entry.group.expire(member)

    def rebalance(self, group: str) -> None:
        """Have all members of a group join anew.

        Raises:
            KeyError: There is no such group.
        """
        entry = self._running().groups.find(group)
        if entry is None:
            raise KeyError(group)
        entry.group.rebalance()

    def hang_transaction(self, transactional_id: str) -> None:
        """Accept the end of a transaction and write no markers: readers of committed data wait.

        Until `release_transaction`, or for ever.
        """
        self._running().transactions.hold(transactional_id)

    def release_transaction(self, transactional_id: str) -> None:
        """Write the markers that were held back."""
        self._running().transactions.release(transactional_id)

    def fill_disk(self) -> None:
        """Refuse whatever would be written, as with a full disk, until `free_disk`."""
        self._running().disk_full = True

    def free_disk(self) -> None:
        """Have room again."""
        self._running().disk_full = False

    def skew_clock(self, seconds: float) -> None:
        """Let the broker's wall clock be wrong: log append times, retention, compaction."""
        self._running().clock.skew = seconds

    def housekeep(self) -> None:
        """Apply retention and compaction now, and not when it is time."""
        self._running().housekeep()

    # -- leaders and coordinators -----------------------------------------------------------

    def move_leader(self, topic: str, partition: int, to: int) -> None:
        """Have another broker id lead a partition.

        Raises:
            KeyError: There is no such partition, or broker id.
        """
        found = self._partition(topic, partition)
        self._node(to)
        if to not in found.replicas:
            found.replicas.append(to)
        found.lead(to)

    def move_coordinator(self, key: str, to: int) -> None:
        """Have another broker id coordinate a group or a transactional id.

        Raises:
            KeyError: There is no such broker id.
        """
        self._node(to)
        with self._coordinators_may_move():
            self._running().cluster.move_coordinator(key, to)

    def _node(self, id_: int) -> Node:
        return self._running().cluster.nodes[id_]

    @contextmanager
    def _coordinators_may_move(self) -> Generator[None]:
        """Tell groups that somebody else looks after them, if that is so at the end."""
        before = self._coordinators()
        yield
        after = self._coordinators()
        for name, node in before.items():
            entry = self._running().groups.find(name)
            if entry is not None and after[name] != node:
                entry.group.move()

    def _coordinators(self) -> dict[str, Node | None]:
        cluster = self._running().cluster
        names = [entry.group.name for entry in self._running().groups]
        return {name: cluster.coordinator(name) for name in names}
