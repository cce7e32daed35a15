"""Plans for topics: what is created, set, warned of and refused, and in which words."""

import pytest

from callboard import Entity
from callboard.transport._kafka._planner import Action, TopicFacts, TopicSpec, plan
from callboard.transport._layout import kind_topics, system_topics

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


class Till(Entity):
    """A kind with partitions of its own number."""

    partitions = 3


MAILBOX, STATES, QUARANTINE = kind_topics("bank", [Till])
NODES, MEMBERS, FAILURES = system_topics("bank")


@pytest.mark.parametrize(
    ("spec", "name", "value", "vital"),
    [
        (MAILBOX, "cleanup.policy", "compact", True),
        (MAILBOX, "cleanup.policy", "compact,delete", True),
        (MAILBOX, "retention.ms", "604800000", True),
        (MAILBOX, "retention.bytes", "1073741824", True),
        (QUARANTINE, "retention.ms", "604800000", True),
        (STATES, "cleanup.policy", "delete", True),
        (STATES, "cleanup.policy", "compact,delete", True),
        (STATES, "min.compaction.lag.ms", "86399999", False),
        (MEMBERS, "cleanup.policy", "delete", False),
        (NODES, "retention.ms", "60000", False),
        (FAILURES, "retention.ms", "3600000", False),
    ],
)
def test_a_node_does_not_start_where_mail_or_states_would_be_lost(
    spec: TopicSpec, name: str, value: str, vital: bool
) -> None:
    """Mail that ages away counts as lost; of the rest a node only warns."""
    facts = {spec.name: TopicFacts(spec.partitions, 3, {**spec.configs, name: value})}
    (step,) = plan([spec], facts, brokers=1)
    assert (step.action, dict(step.settings)) == (Action.SET, {name: spec.configs[name]})
    assert step.vital is vital


@pytest.mark.parametrize(
    ("spec", "name", "value"),
    [
        (STATES, "min.compaction.lag.ms", "86400001"),
        (STATES, "min.compaction.lag.ms", "9223372036854775807"),
        (NODES, "retention.ms", "604800000"),
        (FAILURES, "retention.ms", "-1"),
        (MAILBOX, "retention.ms", "9223372036854775807"),
    ],
)
def test_what_others_keep_longer_is_not_shortened(spec: TopicSpec, name: str, value: str) -> None:
    """To set a shorter time would delete records somebody wanted."""
    facts = {spec.name: TopicFacts(spec.partitions, 3, {**spec.configs, name: value})}
    (step,) = plan([spec], facts, brokers=1)
    assert step.action is Action.KEEP


def test_more_copies_in_sync_than_two_are_as_good() -> None:
    """Also ten of them, which are fewer as a word."""
    facts = {SPEC.name: TopicFacts(8, 12, {**GOOD, "min.insync.replicas": "10"})}
    (step,) = plan([SPEC], facts, brokers=12)
    assert step.action is Action.KEEP


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
