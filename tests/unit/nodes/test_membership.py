"""Who is there, told from heartbeats alone."""

from callboard import NodeDown, NodeLeaving, NodeUp
from callboard.schemas import Heartbeat
from callboard.transport.nodes import Membership, NodeEvent

TIMEOUT, INTERVAL = 3.0, 0.5


class Watched:
    """A node's view, and a clock."""

    def __init__(self) -> None:
        self.members = Membership("me", "r1", timeout=TIMEOUT, interval=INTERVAL)
        self.now = 100.0
        self.events: list[NodeEvent] = []

    @property
    def up(self) -> list[str]:
        """The nodes that are there."""
        return list(self.members.up)

    @property
    def namesake(self) -> str:
        """The run of another process of this node's name."""
        return self.members.namesake

    def beat(
        self, node: str, run: str = "r1", *, stopping: bool = False, leaving: bool = False
    ) -> list[NodeEvent]:
        """Take a heartbeat now; return what followed."""
        beat = Heartbeat(node=node, run=run, stopping=stopping, leaving=leaving)
        events = list(self.members.heard(beat, self.now))
        self.events.extend(events)
        return events

    def passes(self, seconds: float, *others: str) -> None:
        """Let time pass, with this node's own heartbeats and those of others."""
        for _ in range(round(seconds / INTERVAL)):
            self.now += INTERVAL
            for node in others:
                self.beat(node)
            self.beat("me")


def test_nodes_come_and_leave() -> None:
    """Up at the first heartbeat, leaving when it says so, down with its last."""
    seen = Watched()
    seen.beat("me")
    assert seen.beat("a") == [NodeUp("a")]
    assert seen.beat("a") == []
    assert seen.up == ["a", "me"]
    assert seen.beat("a", stopping=True) == [NodeLeaving("a")]
    assert seen.beat("a", stopping=True) == []
    assert seen.up == ["a", "me"]
    assert seen.beat("a", stopping=True, leaving=True) == [NodeDown("a", "it has stopped")]
    assert seen.up == ["me"]
    assert seen.members.missing("a") == "of its node 'a' is known that it has stopped"
    assert seen.beat("a") == [], "a heartbeat that was written twice does not bring it back"
    assert seen.beat("a", run="r2") == [NodeUp("a")], "another run does"
    assert seen.members.missing("a") is None


def test_silence_makes_a_node_down_and_a_heartbeat_up_again() -> None:
    """After the time-out, and not before; what was asleep is the same run when it wakes."""
    seen = Watched()
    seen.beat("me")
    seen.beat("a")
    seen.passes(TIMEOUT)
    assert not [each for each in seen.events if isinstance(each, NodeDown)]
    seen.passes(INTERVAL)
    assert seen.events[-1] == NodeDown("a", "nothing was heard of it for 3 s")
    assert seen.beat("a") == [NodeUp("a")]
    seen.passes(10.0, "a")
    assert seen.up == ["a", "me"]


def test_silence_counts_only_while_one_would_have_heard() -> None:
    """A log that stands still, or an observer that sleeps, makes nobody look dead."""
    seen = Watched()
    seen.beat("me")
    seen.beat("a")
    for _ in range(5):
        seen.now += 60.0  # nothing comes for a minute, then this node's own heartbeat first
        seen.beat("me")
        assert seen.up == ["a", "me"]
        seen.beat("a")
    assert seen.members.silence(seen.now + 7.0) == 7.0


def test_a_new_run_of_a_name_ends_the_former_one() -> None:
    """Without a word of the former: what was watched there is gone."""
    seen = Watched()
    seen.beat("me")
    seen.beat("a")
    assert seen.beat("a", run="r2") == [NodeDown("a", "it was started anew"), NodeUp("a")]
    assert seen.beat("a", run="r1") == [], "a late heartbeat of the former run is nothing"
    assert seen.members.missing("a") is None


def test_a_node_that_never_was_is_known_after_the_time_out() -> None:
    """Before, nobody can tell: it may be about to come."""
    seen = Watched()
    seen.beat("me")
    assert seen.members.missing("nobody") is None
    seen.passes(TIMEOUT)
    assert seen.members.missing("late") is None, "it was not asked for yet"
    assert seen.members.missing("nobody") == "no node 'nobody' was ever heard of"
    assert seen.members.missing("me") is None
    seen.passes(2 * INTERVAL)
    assert seen.members.missing("late") is not None
    seen.beat("late")
    assert seen.members.missing("late") is None


def test_a_namesake_is_noticed() -> None:
    """Another process with this node's name; what a former run wrote before is none."""
    seen = Watched()
    seen.beat("me", run="before")
    assert len(seen.namesake) == 0
    seen.beat("me")
    seen.beat("me", run="before", leaving=True)
    assert len(seen.namesake) == 0
    seen.beat("me", run="other")
    assert seen.namesake == "other"
