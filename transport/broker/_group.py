"""One consumer group: members, generations, rebalances, committed offsets.

A state machine in the shape of Kafka's classic protocol. It knows no loop: its
timers are handed in, and whoever waits hands in a callback.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, Protocol

from ._errors import ErrorCode


class Timer(Protocol):
    """A timer that may be taken back."""

    def cancel(self) -> None:
        """Take it back."""
        ...


Later = Callable[[float, Callable[[], None]], Timer]
"""Calls something after so many seconds."""


class State(Enum):
    """Where a group is in its life; the values are Kafka's names."""

    EMPTY = "Empty"
    PREPARING = "PreparingRebalance"
    COMPLETING = "CompletingRebalance"
    STABLE = "Stable"


class Joined(NamedTuple):
    """The answer to a join."""

    error: ErrorCode
    generation: int = -1
    protocol: str = ""
    leader: str = ""
    member: str = ""
    members: Sequence[tuple[str, str | None, bytes]] = ()


class Synced(NamedTuple):
    """The answer to a sync."""

    error: ErrorCode
    assignment: bytes = b""


@dataclass(slots=True)
class Member:
    """A member, and what it waits for."""

    id: str
    instance: str | None
    client_id: str
    client_host: str
    session_timeout: float
    rebalance_timeout: float
    protocols: dict[str, bytes]
    assignment: bytes = b""
    on_joined: Callable[[Joined], None] | None = None
    on_synced: Callable[[Synced], None] | None = None
    session: Timer | None = None


class Committed(NamedTuple):
    """A committed offset with its metadata."""

    offset: int
    metadata: str | None


@dataclass(slots=True)
class Group:
    """A group and its rules.

    Attributes:
        name: The group's id.
        later: Sets timers.
        join_delay: Seconds an empty group waits for more members before its
            first rebalance ends.
    """

    name: str
    later: Later
    join_delay: float = 0.0
    state: State = State.EMPTY
    generation: int = 0
    protocol_type: str = ""
    protocol: str = ""
    leader: str = ""
    members: dict[str, Member] = field(default_factory=dict[str, Member])
    offsets: dict[tuple[str, int], Committed] = field(
        default_factory=dict[tuple[str, int], Committed]
    )
    _pending: set[str] = field(default_factory=set[str])
    _rebalance: Timer | None = None
    _delaying: bool = False

    # -- joining --------------------------------------------------------------------

    def expect(self, member: str) -> None:
        """Remember an id handed out to a client that will join with it."""
        self._pending.add(member)

    def join(
        self,
        member: str,
        joining: Member,
        protocol_type: str,
        answer: Callable[[Joined], None],
    ) -> None:
        """Let a member join, or join again; `answer` is called when the rebalance ends.

        Args:
            member: The id it comes with.
            joining: What it brings; its id is the one it shall have.
            protocol_type: `consumer`, as a rule.
            answer: Called once, perhaps at once.
        """
        if self.members and (
            protocol_type != self.protocol_type or not self._common(joining.protocols)
        ):
            answer(Joined(ErrorCode.INCONSISTENT_GROUP_PROTOCOL))
            return
        self._replace_static(joining)
        known = self.members.get(joining.id)
        if known is None and member and member not in self._pending and not joining.instance:
            answer(Joined(ErrorCode.UNKNOWN_MEMBER_ID))
            return
        self._pending.discard(joining.id)
        if not self.members:
            self.protocol_type = protocol_type
        if known is None:
            self.members[joining.id] = known = joining
            unchanged = False
        else:
            unchanged = known.protocols == joining.protocols
            known.protocols = joining.protocols
            known.session_timeout = joining.session_timeout
            known.rebalance_timeout = joining.rebalance_timeout
        self._touch(known)
        settled = self.state in {State.COMPLETING, State.STABLE}
        if settled and unchanged and (self.state is State.COMPLETING or known.id != self.leader):
            answer(self._joined(known))
            return
        known.on_joined = answer
        if self.state is not State.PREPARING:
            self._prepare()
        self._end_if_complete()

    def _replace_static(self, joining: Member) -> None:
        """A static member that comes back takes its own place; its former self is fenced."""
        if joining.instance is None:
            return
        for former in list(self.members.values()):
            if former.instance == joining.instance and former.id != joining.id:
                self._dismiss(former, ErrorCode.FENCED_INSTANCE_ID)
                del self.members[former.id]

    def _common(self, protocols: Mapping[str, bytes]) -> bool:
        return any(
            all(name in member.protocols for member in self.members.values()) for name in protocols
        )

    def _prepare(self) -> None:
        for member in self.members.values():
            if member.on_synced is not None:
                waiting, member.on_synced = member.on_synced, None
                waiting(Synced(ErrorCode.REBALANCE_IN_PROGRESS))
        self._delaying = self.state is State.EMPTY and self.join_delay > 0
        self.state = State.PREPARING
        if self._delaying:
            wait = self.join_delay
        else:
            wait = max((m.rebalance_timeout for m in self.members.values()), default=0.0)
        self._rebalance = self.later(wait, self._time_is_up)

    def _time_is_up(self) -> None:
        self._delaying = False
        self._rebalance = None
        for member in list(self.members.values()):
            if member.on_joined is None:
                self._dismiss(member, ErrorCode.UNKNOWN_MEMBER_ID)
                del self.members[member.id]
        self._end_join()

    def _end_if_complete(self) -> None:
        if (
            self.state is State.PREPARING
            and not self._delaying
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
            return
        if self.leader not in self.members:
            self.leader = next(iter(self.members))
        self.protocol = next(
            name for name in self.members[self.leader].protocols if self._shared(name)
        )
        self.state = State.COMPLETING
        for member in self.members.values():
            member.assignment = b""
            waiting, member.on_joined = member.on_joined, None
            self._touch(member)
            if waiting is not None:
                waiting(self._joined(member))

    def _shared(self, protocol: str) -> bool:
        return all(protocol in member.protocols for member in self.members.values())

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
    ) -> None:
        """Give a member its assignment, once the leader has brought all of them."""
        error = self._check(member, generation)
        if error is ErrorCode.NONE and self.state is State.PREPARING:
            error = ErrorCode.REBALANCE_IN_PROGRESS
        if error is not ErrorCode.NONE:
            answer(Synced(error))
            return
        known = self.members[member]
        self._touch(known)
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
                self._touch(each)
                waiting(Synced(ErrorCode.NONE, each.assignment))

    def heartbeat(self, member: str, generation: int) -> ErrorCode:
        """Take a sign of life; tell of a rebalance under way."""
        error = self._check(member, generation)
        if error is ErrorCode.NONE:
            self._touch(self.members[member])
            if self.state is State.PREPARING:
                return ErrorCode.REBALANCE_IN_PROGRESS
        return error

    def leave(self, member: str) -> ErrorCode:
        """Let a member go at once, without waiting for its session to end."""
        self._pending.discard(member)
        known = self.members.get(member)
        if known is None:
            return ErrorCode.UNKNOWN_MEMBER_ID
        self._remove(known)
        return ErrorCode.NONE

    def expire(self, member: str) -> None:
        """End a member's session, as if it had been silent for too long."""
        known = self.members.get(member)
        if known is None:
            return
        if known.on_joined is not None or known.on_synced is not None:
            self._touch(known)  # it waits for us, and cannot speak meanwhile
            return
        self._remove(known)

    def commit(
        self, member: str, generation: int, offsets: Mapping[tuple[str, int], Committed]
    ) -> ErrorCode:
        """Keep offsets. A client outside the group may while the group is empty."""
        if generation < 0 and not member:
            error = ErrorCode.UNKNOWN_MEMBER_ID if self.members else ErrorCode.NONE
        else:
            error = self._check(member, generation)
            if error is ErrorCode.NONE:
                self._touch(self.members[member])
                # While members are still joining, the generation before may commit
                # what it has handled; between join and sync nobody owns anything.
                if self.state is State.COMPLETING:
                    error = ErrorCode.REBALANCE_IN_PROGRESS
        if error is ErrorCode.NONE:
            self.offsets.update(offsets)
        return error

    def close(self) -> None:
        """Take all timers back."""
        if self._rebalance is not None:
            self._rebalance.cancel()
        for member in self.members.values():
            if member.session is not None:
                member.session.cancel()

    # -- inside -----------------------------------------------------------------------

    def _check(self, member: str, generation: int) -> ErrorCode:
        if member not in self.members:
            return ErrorCode.UNKNOWN_MEMBER_ID
        if generation != self.generation:
            return ErrorCode.ILLEGAL_GENERATION
        return ErrorCode.NONE

    def _touch(self, member: Member) -> None:
        if member.session is not None:
            member.session.cancel()
        member.session = self.later(member.session_timeout, lambda: self.expire(member.id))

    def _remove(self, member: Member) -> None:
        self._dismiss(member, ErrorCode.UNKNOWN_MEMBER_ID)
        del self.members[member.id]
        if self.state in {State.COMPLETING, State.STABLE}:
            self._prepare()
        self._end_if_complete()

    @staticmethod
    def _dismiss(member: Member, error: ErrorCode) -> None:
        if member.session is not None:
            member.session.cancel()
        if member.on_joined is not None:
            member.on_joined(Joined(error, member=member.id))
        if member.on_synced is not None:
            member.on_synced(Synced(error))
        member.on_joined = member.on_synced = None
