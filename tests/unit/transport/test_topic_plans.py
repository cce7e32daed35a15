"""Plans for topics: what is created, set, warned of and refused, and in which words."""

import pytest

from callboard.transport._kafka._planner import Action, TopicFacts, TopicSpec, plan

SPEC = TopicSpec(
    "bank.Account.state",
    8,
    {"cleanup.policy": "compact", "min.compaction.lag.ms": "86400000"},
    frozenset({"cleanup.policy"}),
)
GOOD = {**SPEC.configs, "min.insync.replicas": "2", "retention.ms": "604800000"}


def test_a_missing_topic_is_created_with_as_many_copies_as_there_can_be() -> None:
    """Three where there are three brokers, two of them at least in sync; else what there is."""
    (step,) = plan([SPEC], {}, brokers=5)
    assert (step.action, step.partitions, step.replicas) == (Action.CREATE, 8, 3)
    assert step.settings == {**SPEC.configs, "min.insync.replicas": "2"}
    (alone,) = plan([SPEC], {}, brokers=1)
    assert (alone.replicas, dict(alone.settings)) == (1, SPEC.configs)


def test_a_topic_that_is_as_it_must_be_is_kept() -> None:
    """Settings that nobody asked about are nobody's business."""
    (step,) = plan([SPEC], {SPEC.name: TopicFacts(8, 3, GOOD)}, brokers=3)
    assert step.action is Action.KEEP


@pytest.mark.parametrize("partitions", [1, 7, 9, 16])
def test_another_number_of_partitions_is_refused(partitions: int) -> None:
    """Keys would move, so nothing else about the topic is planned; both numbers are said."""
    (step,) = plan([SPEC], {SPEC.name: TopicFacts(partitions, 1, {})}, brokers=3)
    assert step.action is Action.REFUSE
    assert f"it has {partitions} partitions and the class says 8" in step.why
    assert f"`partitions = {partitions}`" in step.why


@pytest.mark.parametrize(
    ("name", "value", "vital"),
    [("cleanup.policy", "delete", True), ("min.compaction.lag.ms", "0", False)],
)
def test_a_setting_that_differs_is_set(name: str, value: str, vital: bool) -> None:
    """Only that one; and a node does not start where it loses states."""
    facts = {SPEC.name: TopicFacts(8, 3, {**GOOD, name: value})}
    (step,) = plan([SPEC], facts, brokers=3)
    assert step.action is Action.SET
    assert step.settings == {name: SPEC.configs[name]}
    assert step.why == f"{name} is {value}"
    assert step.vital is vital


@pytest.mark.parametrize(
    ("replicas", "in_sync", "says"),
    [(1, "2", "1 of 3 copies"), (3, "1", "min.insync.replicas is 1")],
)
def test_too_few_copies_are_warned_of(replicas: int, in_sync: str, says: str) -> None:
    """On a cluster that could have more; on a single broker it is as good as it gets."""
    facts = {SPEC.name: TopicFacts(8, replicas, {**GOOD, "min.insync.replicas": in_sync})}
    (step,) = plan([SPEC], facts, brokers=3)
    assert step.action is Action.WARN
    assert says in step.why
    (step,) = plan([SPEC], facts, brokers=1)
    assert step.action is Action.KEEP
