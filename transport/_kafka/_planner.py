"""What has to be done so that the topics are as they must be. Pure: decides, and does nothing."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

_REPLICAS = 3
_IN_SYNC = 2

# Of these, more is as good. To lower what others have set would delete what they wanted to keep.
_AT_LEAST = frozenset({"min.compaction.lag.ms", "retention.bytes", "retention.ms"})
_LONGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic a system needs.

    Attributes:
        name: The topic.
        partitions: How many; a topic that exists with another number is
            refused, since its keys would belong to other partitions.
        configs: Its settings; times and sizes are what it must have at least.
        vital: Names of those without which messages or states are lost: a node
            does not start on a topic where one of them is otherwise.
        foreign: It is not ours alone: made when missing, and otherwise left as it is.
        grows: It has a partition for each of another topic; those that are missing are added.
    """

    name: str
    partitions: int
    configs: Mapping[str, str] = field(default_factory=dict[str, str])
    vital: frozenset[str] = frozenset()
    foreign: bool = False
    grows: bool = False


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """A topic as it is.

    Attributes:
        partitions: How many.
        replicas: How many copies of each.
        configs: All its settings, the broker's defaults among them.
        own: Names of the settings that were made for this topic.
    """

    partitions: int
    replicas: int
    configs: Mapping[str, str]
    own: frozenset[str] = frozenset()


class Action(Enum):
    """What a step of a plan is."""

    KEEP = "keep"
    CREATE = "create"
    SET = "set"
    GROW = "grow"
    WARN = "warn"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class TopicStep:
    """What is to be done about one topic.

    Attributes:
        topic: Its name.
        partitions: How many it has, or will have.
        action: What is done.
        settings: What is set, by name; for a new topic all that is set.
        why: The reason, and for what is refused the remedy.
        vital: Whether a node must not start before it is done.
        replicas: For a new topic, how many copies of each partition.
    """

    topic: str
    partitions: int
    action: Action
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    why: str = ""
    vital: bool = False
    replicas: int = 0


def plan(
    specs: Iterable[TopicSpec], facts: Mapping[str, TopicFacts], brokers: int
) -> list[TopicStep]:
    """Return one step or more for each topic, in the order of the specs.

    Args:
        specs: What the system needs.
        facts: What there is.
        brokers: How many brokers the cluster has.
    """
    steps: list[TopicStep] = []
    for spec in specs:
        known = facts.get(spec.name)
        if known is None:
            steps.append(_create(spec, brokers))
        else:
            steps.extend(_check(spec, known, brokers))
    return steps


def _create(spec: TopicSpec, brokers: int) -> TopicStep:
    replicas = min(_REPLICAS, brokers)
    settings = dict(spec.configs)
    if replicas == _REPLICAS:
        settings["min.insync.replicas"] = str(_IN_SYNC)
    why = "it is not there"
    return TopicStep(
        spec.name, spec.partitions, Action.CREATE, settings, why, vital=True, replicas=replicas
    )


def _check(spec: TopicSpec, known: TopicFacts, brokers: int) -> list[TopicStep]:
    if spec.foreign:
        return [TopicStep(spec.name, known.partitions, Action.KEEP)]
    if spec.grows and known.partitions < spec.partitions:
        why = f"it has {known.partitions} partitions, and the topic it belongs to has more"
        return [TopicStep(spec.name, spec.partitions, Action.GROW, why=why, vital=True)]
    if known.partitions != spec.partitions and not spec.grows:
        return [
            TopicStep(
                spec.name,
                known.partitions,
                Action.REFUSE,
                why=(
                    f"it has {known.partitions} partitions and the class says "
                    f"{spec.partitions}. With another number, keys belong to other partitions, "
                    f"and entities lose their state and the order of their mail. Say "
                    f"`partitions = {known.partitions}` in the class; for more, give the kind a "
                    f"new `kind_name` and send its messages there"
                ),
                vital=True,
            )
        ]
    wrong = {
        name: value
        for name, value in spec.configs.items()
        if (found := known.configs.get(name)) is not None and not _fits(name, found, value)
    }
    steps: list[TopicStep] = []
    if wrong:
        was = ", ".join(f"{name} is {known.configs[name]}" for name in wrong)
        steps.append(
            TopicStep(
                spec.name,
                known.partitions,
                Action.SET,
                wrong,
                was,
                vital=not spec.vital.isdisjoint(wrong),
            )
        )
    if brokers >= _REPLICAS and (lacking := _lacking(known)):
        steps.append(TopicStep(spec.name, known.partitions, Action.WARN, why=lacking))
    return steps or [TopicStep(spec.name, known.partitions, Action.KEEP)]


def _fits(name: str, found: str, wanted: str) -> bool:
    if name in _AT_LEAST:
        return _amount(found) >= _amount(wanted)
    return found == wanted


def _amount(value: str) -> float:
    number = int(value)
    return math.inf if number < 0 or number == _LONGEST else number


def _lacking(known: TopicFacts) -> str:
    if known.replicas < _REPLICAS:
        return (
            f"{known.replicas} of {_REPLICAS} copies: what is acknowledged may die with a broker. "
            f"Raise it with kafka-reassign-partitions"
        )
    if int(known.configs.get("min.insync.replicas", _IN_SYNC)) < _IN_SYNC:
        return "min.insync.replicas is 1: what is acknowledged may be in one copy only. Set it to 2"
    return ""
