"""The group's state machine, in time that the test owns."""

import heapq
import itertools
from collections.abc import Callable

import pytest

from callboard.transport.broker import ErrorCode
from callboard.transport.broker._group import Group
from callboard.transport.broker._member import Joined, Member, State, Synced


class Clock:
    """Timers that run when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self._timers: list[tuple[float, int, Clock.Handle]] = []
        self._numbers = itertools.count()

    class Handle:
        """A timer."""

        def __init__(self, call: Callable[[], None]) -> None:
            self.call: Callable[[], None] | None = call

        def cancel(self) -> None:
            """Take it back."""
            self.call = None

    def later(self, delay: float, call: Callable[[], None]) -> "Clock.Handle":
        """Set a timer."""
        handle = Clock.Handle(call)
        heapq.heappush(self._timers, (self.now + delay, next(self._numbers), handle))
        return handle

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            self.now, _, handle = heapq.heappop(self._timers)
            if handle.call is not None:
                handle.call()
        self.now = end


class Client:
    """One member's side of the protocol."""

    def __init__(self, group: Group, name: str, *, instance: str | None = None) -> None:
        self.group = group
        self.name = name
        self.instance = instance
        self.joined: list[Joined] = []
        self.synced: list[Synced] = []

    def join(self, *, session: float = 10.0, rebalance: float = 30.0) -> None:
        """Send a join, as one that has its member id."""
        known = self.name in self.group.members
        if not known and self.instance is None:
            self.group.expect(self.name, session)
        member = Member(
            self.name, self.instance, "c", "h", session, rebalance, {"range": self.name.encode()}
        )
        given = self.name if known or self.instance is None else ""
        self.group.join(given, member, "consumer", self.joined.append)

    def sync(self, **assignments: bytes) -> None:
        """Send a sync for the generation joined last."""
        self.group.sync(self.name, self.joined[-1].generation, assignments, self.synced.append)

    def heartbeat(self) -> ErrorCode:
        """Send a heartbeat for the generation joined last."""
        return self.group.heartbeat(self.name, self.joined[-1].generation)


@pytest.fixture
def clock() -> Clock:
    """Time that stands still until told."""
    return Clock()


@pytest.fixture
def group(clock: Clock) -> Group:
    """An empty group."""
    return Group("g", clock.later)


def stable_pair(group: Group) -> tuple[Client, Client]:
    """Return two members of a stable group; the first leads."""
    a, b = Client(group, "a"), Client(group, "b")
    a.join()
    b.join()
    a.join()  # told of the rebalance by its heartbeat, it joins again
    a.sync(a=b"A", b=b"B")
    b.sync()
    assert group.state is State.STABLE
    return a, b


def test_the_first_member_leads_and_joins_at_once(group: Group) -> None:
    """A group of one has nobody to wait for."""
    a = Client(group, "a")
    a.join()
    assert a.joined[0].leader == "a"
    assert a.joined[0].members == [("a", None, b"a")]
    a.sync(a=b"all")
    assert a.synced == [Synced(ErrorCode.NONE, b"all")]


def test_a_join_waits_for_everybody(group: Group) -> None:
    """The rebalance ends when the last known member has joined again."""
    a, b = Client(group, "a"), Client(group, "b")
    a.join()
    b.join()
    assert b.joined == []
    assert a.heartbeat() is ErrorCode.REBALANCE_IN_PROGRESS
    a.join()
    assert a.joined[-1].generation == b.joined[-1].generation == 2
    assert [member for member, _, _ in a.joined[-1].members] == ["a", "b"]
    assert b.joined[-1].members == []


def test_followers_wait_for_the_leaders_assignment(group: Group) -> None:
    """A follower that syncs first is answered when the leader has synced."""
    a, b = Client(group, "a"), Client(group, "b")
    a.join()
    b.join()
    a.join()
    b.sync()
    assert b.synced == []
    a.sync(a=b"A", b=b"B")
    assert b.synced == [Synced(ErrorCode.NONE, b"B")]


def test_a_silent_member_is_expired(clock: Clock, group: Group) -> None:
    """After its session time-out the others are told to join again, and go on without it."""
    a, _ = stable_pair(group)
    clock.advance(6)
    assert a.heartbeat() is ErrorCode.NONE
    clock.advance(5)
    assert list(group.members) == ["a"]
    assert a.heartbeat() is ErrorCode.REBALANCE_IN_PROGRESS
    a.join()
    assert a.joined[-1].generation == 3


def test_who_does_not_join_in_time_is_left_behind(clock: Clock, group: Group) -> None:
    """The rebalance time-out ends a rebalance without those that only send heartbeats."""
    a, b = stable_pair(group)
    b.join()  # nothing new: answered at once
    c = Client(group, "c")
    c.join()
    b.join()
    for _ in range(6):
        clock.advance(5)
        a.heartbeat()
    assert sorted(group.members) == ["b", "c"]
    assert c.joined[-1].error is ErrorCode.NONE
    assert a.heartbeat() is ErrorCode.UNKNOWN_MEMBER_ID


def test_a_member_that_waits_for_the_group_is_not_expired(clock: Clock, group: Group) -> None:
    """While its join is held it cannot send heartbeats; its session does not run out."""
    a, b = stable_pair(group)
    c = Client(group, "c")
    c.join()
    for _ in range(4):
        clock.advance(5)
        a.heartbeat()
        b.heartbeat()
    assert "c" in group.members


def test_leaving_rebalances_at_once(group: Group) -> None:
    """Leave does not wait for a session to end."""
    a, b = stable_pair(group)
    assert group.leave("b") is ErrorCode.NONE
    assert a.heartbeat() is ErrorCode.REBALANCE_IN_PROGRESS
    assert group.leave("b") is ErrorCode.UNKNOWN_MEMBER_ID
    assert b.heartbeat() is ErrorCode.UNKNOWN_MEMBER_ID


def test_commits_follow_the_generation(group: Group) -> None:
    """Members commit in their generation, also while others join; strangers to an empty group."""
    assert group.may_commit("", -1) is ErrorCode.NONE
    a, b = stable_pair(group)
    generation = a.joined[-1].generation
    assert group.may_commit("a", generation) is ErrorCode.NONE
    assert group.may_commit("a", generation - 1) is ErrorCode.ILLEGAL_GENERATION
    assert group.may_commit("x", generation) is ErrorCode.UNKNOWN_MEMBER_ID
    assert group.may_commit("", -1) is ErrorCode.UNKNOWN_MEMBER_ID
    c = Client(group, "c")
    c.join()
    assert group.state is State.PREPARING
    assert group.may_commit("a", generation) is ErrorCode.NONE
    a.join()
    b.join()
    assert group.state.value == "CompletingRebalance"
    assert group.may_commit("a", generation + 1) is ErrorCode.REBALANCE_IN_PROGRESS


def test_a_leader_that_dies_before_its_sync_is_replaced(clock: Clock, group: Group) -> None:
    """Followers that wait for it are told to join again."""
    a, b = Client(group, "a"), Client(group, "b")
    a.join()
    b.join()
    a.join()
    b.sync()
    clock.advance(11)
    assert b.synced == [Synced(ErrorCode.REBALANCE_IN_PROGRESS)]
    b.join()
    assert b.joined[-1].leader == "b"


def test_a_static_member_takes_its_own_place(group: Group) -> None:
    """The same instance under a new id fences its former self."""
    old = Client(group, "old", instance="i")
    old.join()
    new = Client(group, "new", instance="i")
    new.join()
    assert list(group.members) == ["new"]
    fenced = group.heartbeat("old", old.joined[-1].generation, "i")
    assert fenced is ErrorCode.FENCED_INSTANCE_ID


def test_members_must_have_a_protocol_in_common(group: Group) -> None:
    """A member that shares no assignor with the others is refused, and changes nothing."""
    a = Client(group, "a")
    a.join()
    answers: list[Joined] = []
    stranger = Member("s", None, "c", "h", 10, 10, {"sticky": b""})
    group.join("", stranger, "consumer", answers.append)
    assert answers == [Joined(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, member="")]
    assert list(group.members) == ["a"]


def test_the_first_rebalance_waits_for_more_if_told_to(clock: Clock) -> None:
    """With a join delay, members that arrive together make one generation."""
    group = Group("g", clock.later, join_delay=3.0)
    a, b = Client(group, "a"), Client(group, "b")
    a.join()
    clock.advance(1)
    b.join()
    assert not a.joined
    clock.advance(2)
    assert a.joined[0].generation == b.joined[0].generation == 1
