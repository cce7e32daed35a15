"""One consumer group: members, generations, rebalances.

A state machine in the shape of Kafka's classic protocol. It knows no loop: its
timers are handed in, and whoever waits hands in a callback.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from ._clock import Later, Timer
from ._member import Joined, Member, State, Synced
from .wire import ErrorCode

_FIRST_JOIN = 300.0
"""Seconds a new member may wait for its first generation without a sign of life."""


class Group:
    """A group's members and its rules.

    Args:
        name: The group's id.
        later: Sets timers.
        join_delay: Seconds an empty group waits for more members before its
            first rebalance ends.
        changed: Called when a generation begins or the group becomes empty.
    """

    def __init__(
        self,
        name: str,
        later: Later,
        join_delay: float = 0.0,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.state = State.EMPTY
        self.generation = 0
        self.protocol_type = ""
        self.protocol = ""
        self.leader = ""
        self.members: dict[str, Member] = {}
        self._later = later
        self._join_delay = join_delay
        self._changed = changed
        self._static: dict[str, str] = {}
        self._pending: dict[str, Timer] = {}
        self._rebalance: Timer | None = None
        self._unsynced: Timer | None = None
        self._delaying = False

    # -- joining --------------------------------------------------------------------

    def expect(self, member: str, session_timeout: float) -> None:
        """Remember an id handed out to a client that is to join with it before long."""
        self._pending[member] = self._later(session_timeout, lambda: self._give_up(member))

    def join(
        self,
        member: str,
        joining: Member,
        protocol_type: str,
        answer: Callable[[Joined], None],
    ) -> None:
        """Let a member join, or join again; `answer` is called when the rebalance ends.

        Args:
            member: The id it comes with; empty when it has none.
            joining: What it brings; its id is the one it shall have.
            protocol_type: `consumer`, as a rule.
            answer: Called once, perhaps at once.
        """
        if not self.fits(protocol_type, joining.protocols):
            answer(Joined(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, member=member))
        elif not member and joining.instance in self._static:
            self._replace(self.members[self._static[joining.instance or ""]], joining, answer)
        elif not member or member in self._pending:
            self._add(joining, protocol_type, answer)
        else:
            self._join_again(member, joining, answer)

    def fits(self, protocol_type: str, protocols: Iterable[str]) -> bool:
        """Tell whether a member with these protocols can be part of the group."""
        if not self.members:
            return bool(protocol_type)
        return protocol_type == self.protocol_type and any(
            all(name in member.protocols for member in self.members.values()) for name in protocols
        )

    def _add(self, joining: Member, protocol_type: str, answer: Callable[[Joined], None]) -> None:
        waiting = self._pending.pop(joining.id, None)
        if waiting is not None:
            waiting.cancel()
        if not self.members:
            self.protocol_type = protocol_type
        self.members[joining.id] = joining
        if joining.instance is not None:
            self._static[joining.instance] = joining.id
        joining.on_joined = answer
        self._touch(joining, _FIRST_JOIN)
        self._begin()

    def _replace(self, former: Member, joining: Member, answer: Callable[[Joined], None]) -> None:
        """A static member that comes back takes its own place; its former self is fenced."""
        old_leader, old_protocol = self.leader, self.protocol
        former.dismiss(ErrorCode.FENCED_INSTANCE_ID)
        joining.assignment = former.assignment
        joining.is_new = former.is_new
        # In the place of the former, for the order of members is what assignors go by.
        self.members = {
            (joining.id if id_ == former.id else id_): (joining if id_ == former.id else known)
            for id_, known in self.members.items()
        }
        self._static[joining.instance or ""] = joining.id
        if self.leader == former.id:
            self.leader = joining.id
        self._touch(joining, joining.session_timeout)
        if self.state is State.STABLE and self._choose() == old_protocol:
            # Nobody else notices. The old leader's id keeps it from assigning anew.
            answer(Joined(ErrorCode.NONE, self.generation, self.protocol, old_leader, joining.id))
            return
        joining.on_joined = answer
        self._begin()

    def _join_again(self, member: str, joining: Member, answer: Callable[[Joined], None]) -> None:
        error = self._known(member, joining.instance)
        if error is not ErrorCode.NONE:
            answer(Joined(error, member=member))
            return
        known = self.members[member]
        unchanged = known.protocols == joining.protocols
        stays = self.state is State.COMPLETING or (
            self.state is State.STABLE and member != self.leader
        )
        if unchanged and stays:
            self._touch(known, known.session_timeout)
            answer(self._joined(known))
            return
        known.take_over(joining)
        if known.on_joined is not None:  # it asked before, over a connection it has given up
            known.on_joined(Joined(ErrorCode.UNKNOWN_MEMBER_ID, member=member))
        known.on_joined = answer
        self._touch(known, known.session_timeout)
        self._begin()

    def rebalance(self) -> None:
        """Have all members join anew, as if one had come."""
        if self.members:
            self._begin()

    def _begin(self) -> None:
        """Begin a rebalance, or see whether the one under way is complete."""
        if self.state is not State.PREPARING:
            self._settle(ErrorCode.REBALANCE_IN_PROGRESS)
            self._delaying = self.state is State.EMPTY and self._join_delay > 0
            self.state = State.PREPARING
            self._await_joins()
        self._end_if_complete()

    def _settle(self, error: ErrorCode) -> None:
        if self._unsynced is not None:
            self._unsynced.cancel()
            self._unsynced = None
        for member in self.members.values():
            if member.on_synced is not None:
                waiting, member.on_synced = member.on_synced, None
                self._touch(member, member.session_timeout)
                waiting(Synced(error))

    def _await_joins(self) -> None:
        longest = max((m.rebalance_timeout for m in self.members.values()), default=0.0)
        wait = self._join_delay if self._delaying else longest
        self._rebalance = self._later(wait, self._time_is_up)

    def _time_is_up(self) -> None:
        self._delaying = False
        self._rebalance = None
        absent = [member for member in self.members.values() if member.on_joined is None]
        for member in absent:
            if member.instance is None:
                self._drop(member, ErrorCode.UNKNOWN_MEMBER_ID)
        if self.members and all(member.on_joined is None for member in self.members.values()):
            self._await_joins()  # static members alone, and none of them is here
            return
        self._end_join()

    def _end_if_complete(self) -> None:
        if (
            self.state is State.PREPARING
            and not self._delaying
            and not self._pending
            and all(member.on_joined is not None for member in self.members.values())
        ):
            self._end_join()

    def _end_join(self) -> None:
        if self._rebalance is not None:
            self._rebalance.cancel()
            self._rebalance = None
        self.generation += 1
        if not self.members:
            self.state, self.leader, self.protocol = State.EMPTY, "", ""
            self._changed()
            return
        leader = self.members.get(self.leader)
        if leader is None or leader.on_joined is None:
            self.leader = next(id_ for id_, m in self.members.items() if m.on_joined is not None)
        self.protocol = self._choose()
        self.state = State.COMPLETING
        self._changed()
        longest = max(m.rebalance_timeout for m in self.members.values())
        self._unsynced = self._later(longest, self._drop_unsynced)
        for member in list(self.members.values()):
            waiting, member.on_joined = member.on_joined, None
            member.is_new = member.synced = False
            self._touch(member, member.session_timeout)
            if waiting is not None:
                waiting(self._joined(member))

    def _choose(self) -> str:
        """Return the protocol most members like best among those that all know."""
        known = [
            name
            for name in next(iter(self.members.values())).protocols
            if all(name in member.protocols for member in self.members.values())
        ]
        votes = Counter(
            next(name for name in member.protocols if name in known)
            for member in self.members.values()
        )
        return votes.most_common(1)[0][0]

    def _joined(self, member: Member) -> Joined:
        everybody = (
            [(m.id, m.instance, m.protocols[self.protocol]) for m in self.members.values()]
            if member.id == self.leader
            else []
        )
        return Joined(
            ErrorCode.NONE, self.generation, self.protocol, self.leader, member.id, everybody
        )

    # -- the rest of a member's life ------------------------------------------------------

    def sync(
        self,
        member: str,
        generation: int,
        assignments: Mapping[str, bytes],
        answer: Callable[[Synced], None],
        instance: str | None = None,
    ) -> None:
        """Give a member its assignment, once the leader has brought all of them."""
        error = self.check(member, generation, instance)
        if error is ErrorCode.NONE and self.state is State.PREPARING:
            error = ErrorCode.REBALANCE_IN_PROGRESS
        if error is not ErrorCode.NONE:
            answer(Synced(error))
            return
        known = self.members[member]
        known.synced = True
        self._touch(known, known.session_timeout)
        if self.state is State.STABLE:
            answer(Synced(ErrorCode.NONE, known.assignment))
            return
        known.on_synced = answer
        if member != self.leader:
            return
        self.state = State.STABLE
        for each in self.members.values():
            each.assignment = assignments.get(each.id, b"")
            waiting, each.on_synced = each.on_synced, None
            if waiting is not None:
                self._touch(each, each.session_timeout)
                waiting(Synced(ErrorCode.NONE, each.assignment))

    def heartbeat(self, member: str, generation: int, instance: str | None = None) -> ErrorCode:
        """Take a sign of life; tell of a rebalance under way."""
        error = self.check(member, generation, instance)
        if error is ErrorCode.NONE:
            self.alive(member)
            if self.state is State.PREPARING:
                return ErrorCode.REBALANCE_IN_PROGRESS
        return error

    def alive(self, member: str) -> None:
        """Take anything a member does for a sign of life."""
        known = self.members[member]
        self._touch(known, known.session_timeout)

    def leave(self, member: str, instance: str | None = None) -> ErrorCode:
        """Let a member go at once, without waiting for its session to end."""
        if not member and instance is not None:
            member = self._static.get(instance, "")
        if member in self._pending:
            self._give_up(member)
            return ErrorCode.NONE
        error = self._known(member, instance)
        if error is ErrorCode.NONE:
            self._remove(self.members[member])
        return error

    def expire(self, member: str) -> None:
        """End a member's session, as if it had been silent for too long."""
        known = self.members.get(member)
        if known is None:
            return
        waits = known.on_joined is not None or known.on_synced is not None
        if waits and not known.is_new:
            self._touch(known, known.session_timeout)  # it cannot speak meanwhile
            return
        self._remove(known)

    def check(self, member: str, generation: int, instance: str | None = None) -> ErrorCode:
        """Tell whether a request comes from a member of this generation."""
        error = self._known(member, instance)
        if error is ErrorCode.NONE and generation != self.generation:
            return ErrorCode.ILLEGAL_GENERATION
        return error

    def may_commit(self, member: str, generation: int, instance: str | None = None) -> ErrorCode:
        """Tell whether offsets may be committed; outsiders may while the group is empty."""
        if generation < 0 and self.state is State.EMPTY:
            return ErrorCode.NONE
        if generation < 0 and not member and instance is None:
            return ErrorCode.UNKNOWN_MEMBER_ID
        error = self.check(member, generation, instance)
        # While members are still joining, the generation before may commit what it
        # has handled; between join and sync nobody owns anything.
        if error is ErrorCode.NONE and self.state is State.COMPLETING:
            return ErrorCode.REBALANCE_IN_PROGRESS
        return error

    # -- coming and going of the whole -----------------------------------------------------

    def move(self) -> None:
        """Be taken over by another coordinator.

        It knows the members, and whoever waited for the former one has to ask anew.
        """
        for member in self.members.values():
            if member.on_joined is not None:
                waiting_join, member.on_joined = member.on_joined, None
                waiting_join(Joined(ErrorCode.NOT_COORDINATOR, member=member.id))
        self._settle(ErrorCode.NOT_COORDINATOR)
        for member in self.members.values():
            self._touch(member, member.session_timeout)
        for pending in list(self._pending):
            self._give_up(pending)

    def close(self) -> None:
        """Take all timers back."""
        timers = [self._rebalance, self._unsynced, *self._pending.values()]
        for timer in [*timers, *(member.session for member in self.members.values())]:
            if timer is not None:
                timer.cancel()

    # -- inside -----------------------------------------------------------------------

    def _known(self, member: str, instance: str | None) -> ErrorCode:
        if instance is not None:
            known = self._static.get(instance)
            if known is None:
                return ErrorCode.UNKNOWN_MEMBER_ID
            if known != member:
                return ErrorCode.FENCED_INSTANCE_ID
        return ErrorCode.NONE if member in self.members else ErrorCode.UNKNOWN_MEMBER_ID

    def _touch(self, member: Member, seconds: float) -> None:
        if member.session is not None:
            member.session.cancel()
        member.session = self._later(seconds, lambda: self.expire(member.id))

    def _give_up(self, member: str) -> None:
        self._pending.pop(member).cancel()
        self._end_if_complete()

    def _drop(self, member: Member, error: ErrorCode) -> None:
        member.dismiss(error)
        del self.members[member.id]
        if member.instance is not None and self._static.get(member.instance) == member.id:
            del self._static[member.instance]

    def _drop_unsynced(self) -> None:
        """Let go of members that joined and never asked for their assignment."""
        self._unsynced = None
        silent = [member for member in self.members.values() if not member.synced]
        for member in silent:
            self._drop(member, ErrorCode.UNKNOWN_MEMBER_ID)
        if silent:
            self._begin()

    def _remove(self, member: Member) -> None:
        self._drop(member, ErrorCode.UNKNOWN_MEMBER_ID)
        self._begin()
