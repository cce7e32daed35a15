"""Which node runs which partition: evenly, and where it was if it can stay."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from callboard.transport._kafka._placement import differences, place, sticky
from callboard.transport.delivery import TopicPartition

TOPICS = {"a": range(8), "b": range(5)}


def everywhere(members: list[str]) -> dict[str, list[str]]:
    """Return what members subscribe to that host every topic."""
    return {member: list(TOPICS) for member in members}


def claims_of(
    placed: dict[str, list[TopicPartition]], epoch: int = 1
) -> dict[str, dict[TopicPartition, int]]:
    """Return what members claim that have run these partitions."""
    return {member: dict.fromkeys(given, epoch) for member, given in placed.items()}


def moved(
    before: dict[str, list[TopicPartition]], after: dict[str, list[TopicPartition]]
) -> set[TopicPartition]:
    """Return the partitions that members of both lost to one another."""
    owner = {p: member for member, given in before.items() for p in given}
    return {
        p
        for member, given in after.items()
        for p in given
        if owner[p] in after and owner[p] != member
    }


@given(
    st.lists(st.sampled_from("mnopqr"), min_size=1, unique=True),
    st.lists(st.sampled_from("mnopqr"), min_size=1, unique=True),
)
def test_every_partition_is_placed_once_and_evenly(first: list[str], second: list[str]) -> None:
    """Whoever comes and goes: each partition has one node, and none has two more than another."""
    before = place(TOPICS, everywhere(first), {})
    claims = {m: c for m, c in claims_of(before).items() if m in second}
    for placed in (before, place(TOPICS, everywhere(second), claims)):
        counted = Counter(p for given in placed.values() for p in given)
        assert set(counted) == {TopicPartition(t, n) for t, all_ in TOPICS.items() for n in all_}
        assert set(counted.values()) == {1}
        for topic in TOPICS:
            sizes = [sum(p.topic == topic for p in given) for given in placed.values()]
            assert max(sizes) - min(sizes) <= 1


def test_the_same_members_keep_what_they_have() -> None:
    """A rebalance for no reason moves nothing, so all states stay warm."""
    before = place(TOPICS, everywhere(["m", "n", "o"]), {})
    assert place(TOPICS, everywhere(["m", "n", "o"]), claims_of(before)) == before


def test_a_node_that_goes_moves_only_its_own() -> None:
    """What the others had stays where it was."""
    before = place(TOPICS, everywhere(["m", "n", "o"]), {})
    left = {m: c for m, c in claims_of(before).items() if m != "n"}
    assert moved(before, place(TOPICS, everywhere(["m", "o"]), left)) == set()


def test_a_node_that_comes_takes_only_its_share() -> None:
    """As many move as the new node gets: no other pair exchanges any."""
    before = place(TOPICS, everywhere(["m", "n"]), {})
    after = place(TOPICS, everywhere(["m", "n", "o"]), claims_of(before))
    assert moved(before, after) == set(after["o"])


def test_of_two_claims_the_later_epoch_counts() -> None:
    """A node that slept claims what another has run since; the other keeps it."""
    partition = TopicPartition("a", 0)
    placed = place(
        {"a": [0, 1]}, {"m": ["a"], "n": ["a"]}, {"m": {partition: 3}, "n": {partition: 4}}
    )
    assert partition in placed["n"]


def test_a_topic_goes_to_those_who_subscribe() -> None:
    """A node that hosts one kind gets none of another."""
    placed = place(TOPICS, {"m": ["a"], "n": ["a", "b"]}, {})
    assert {p.topic for p in placed["m"]} == {"a"}
    assert sum(p.topic == "b" for p in placed["n"]) == 5


def test_claims_travel_in_the_members_metadata() -> None:
    """What a node claims is what the leader of the group reads; a stranger's words are nothing."""

    class Cluster:
        """Knows the partitions of a topic."""

        def partitions_for_topic(self, topic: str) -> set[int]:
            """Return them."""
            return {0, 1, 2, 3}

    mine = {TopicPartition("a", 2): 7, TopicPartition("a", 3): 7}
    one, other = sticky(lambda: mine), sticky(dict)
    members = {"m": one.metadata(["a"]), "n": other.metadata(["a"])}
    placed = one.assign(Cluster(), members)  # pyright: ignore[reportArgumentType]
    assert placed["m"].assignment == [("a", [2, 3])]
    members["n"] = type(members["n"])(0, ["a"], b"\xff\x00 stranger")
    assert one.assign(Cluster(), members)["m"].assignment == [("a", [2, 3])]  # pyright: ignore[reportArgumentType]


def test_the_leader_is_told_who_declares_what_differently() -> None:
    """What is claimed is read as before, also beside members of a version that tells less."""
    said: list[object] = []
    mine = TopicPartition("t", 0)
    ours = sticky(lambda: {mine: 3}, {"topic": "t", "at_most_once": "False"}, said.append)
    theirs = sticky(dict, {"topic": "t", "at_most_once": "True"}, said.append)
    older = sticky(dict)
    members = {"a": theirs, "b": ours, "c": older}
    told = {name: each.metadata(["t"]) for name, each in members.items()}
    cluster: Any = SimpleNamespace(partitions_for_topic={"t": {0, 1, 2}}.get)
    placed = ours.assign(cluster, told)
    assert said == [{"at_most_once": {"a": "True", "b": "False"}}]
    assert placed["b"].partitions() == [mine]
    ours.assign(cluster, {name: told[name] for name in "bc"})
    assert len(said) == 1


def test_an_option_that_one_does_not_know_differs() -> None:
    """It has another version, and another default, for all anybody knows."""
    found = differences({"a": {"x": "1", "y": "2"}, "b": {"x": "1"}})
    assert found == {"y": {"a": "2", "b": "-"}}
