"""Answers to requests that create, grow and delete topics."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

from ._state import BrokerState, Call
from ._topics import MAX_PARTITIONS
from .log import StorageFull
from .wire import Body, ErrorCode

T = TypeVar("T")
_Outcome = tuple[ErrorCode, str]
_FINE: _Outcome = (ErrorCode.NONE, "")


def create_topics(state: BrokerState, _call: Call, body: Body) -> Body:
    """Create topics, or only tell whether they could be."""
    answers: list[Body] = []
    for asked, twice in _once(body["topics"], lambda topic: topic["name"]):
        error, why = ErrorCode.INVALID_REQUEST, "Duplicate topic name."
        if not twice:
            error, why = _create(state, asked, only_check=body["validate_only"])
        answers.append({"name": asked["name"], "error_code": error, "error_message": why or None})
    return {"topics": answers}


def _create(state: BrokerState, asked: Body, *, only_check: bool) -> _Outcome:
    configs = {c["name"]: c["value"] for c in asked["configs"] or ()}
    empty = next((name for name, value in configs.items() if value is None), None)
    by_hand = {each["index"]: each["brokers"] for each in asked["assignments"] or ()}
    count: int = len(by_hand) or asked["partitions"]
    if count == -1:
        count = state.options.default_partitions
    if empty is not None:
        return ErrorCode.INVALID_CONFIG, f"Null value not supported for topic configs: {empty}"
    error, why = state.topics.check(asked["name"], count, configs)
    if error is not ErrorCode.NONE:
        return error, why
    if by_hand:
        error, why = _wrong_assignment(state, asked, by_hand)
        replicas = [by_hand[index] for index in sorted(by_hand)]
    else:
        factor = asked["replication"]
        if factor == -1:
            factor = state.cluster.default_replication
        error, why = _wrong_factor(state, factor)
        replicas = [] if error else state.cluster.spread(len(state.topics), count, factor)
    if error is not ErrorCode.NONE or only_check:
        return error, why
    return _kept(state, lambda: state.topics.create(asked["name"], replicas, configs))


def _wrong_factor(state: BrokerState, factor: int) -> _Outcome:
    brokers = len(state.cluster.live())
    if 1 <= factor <= brokers:
        return _FINE
    return ErrorCode.INVALID_REPLICATION_FACTOR, (
        f"Unable to replicate the partition {factor} time(s): "
        f"only {brokers} broker(s) are registered."
    )


def _wrong_assignment(state: BrokerState, asked: Body, by_hand: dict[int, list[int]]) -> _Outcome:
    if asked["partitions"] != -1 or asked["replication"] != -1:
        why = "give either an assignment, or numbers of partitions and replicas (-1 elsewhere)"
        return ErrorCode.INVALID_REQUEST, why
    if sorted(by_hand) != list(range(len(by_hand))):
        return ErrorCode.INVALID_REPLICA_ASSIGNMENT, "partitions must be 0, 1, 2 and so on"
    return _wrong_replicas(state, list(by_hand.values()))


def _wrong_replicas(state: BrokerState, replicas: Sequence[Sequence[int]]) -> _Outcome:
    known = set(state.cluster.ids)
    for ids in replicas:
        if not ids or len(set(ids)) != len(ids) or not set(ids) <= known:
            return ErrorCode.INVALID_REPLICA_ASSIGNMENT, (
                f"{list(ids)} are no replicas: use different ids out of {sorted(known)}"
            )
        if len(ids) != len(replicas[0]):
            why = "every partition needs as many replicas as the others"
            return ErrorCode.INVALID_REPLICA_ASSIGNMENT, why
    return _FINE


def _kept(state: BrokerState, change: Callable[[], object]) -> _Outcome:
    if state.disk_full:
        return ErrorCode.KAFKA_STORAGE_ERROR, "the disk is full"
    try:
        change()
    except StorageFull as error:
        return ErrorCode.KAFKA_STORAGE_ERROR, str(error)
    return _FINE


def create_partitions(state: BrokerState, _call: Call, body: Body) -> Body:
    """Give topics more partitions."""
    answers: list[Body] = []
    for asked, twice in _once(body["topics"], lambda topic: topic["name"]):
        error, why = ErrorCode.INVALID_REQUEST, "Duplicate topic name."
        if not twice:
            error, why = _grow(state, asked, only_check=body["validate_only"])
        answers.append({"name": asked["name"], "error_code": error, "error_message": why or None})
    return {"topics": answers}


def _grow(state: BrokerState, asked: Body, *, only_check: bool) -> _Outcome:
    topic = state.topics.find(asked["name"])
    if topic is None:
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic."
    there, wanted = len(topic.partitions), asked["count"]
    if not there < wanted <= MAX_PARTITIONS:
        return ErrorCode.INVALID_PARTITIONS, (
            f"The topic {topic.name} currently has {there} partition(s); {wanted} would not be "
            f"an increase, or too large a one."
        )
    replicas: list[list[int]] | None = asked["assignments"]
    if replicas is None:
        factor = len(topic.partitions[0].replicas)
        replicas = state.cluster.spread(there, wanted - there, factor)
    elif len(replicas) != wanted - there:
        return ErrorCode.INVALID_REPLICA_ASSIGNMENT, (
            f"{len(replicas)} assignments for {wanted - there} new partitions"
        )
    else:
        error, why = _wrong_replicas(state, replicas)
        if error is not ErrorCode.NONE:
            return error, why
    if only_check:
        return _FINE
    added = replicas
    return _kept(state, lambda: state.topics.grow(topic, added))


def delete_topics(state: BrokerState, _call: Call, body: Body) -> Body:
    """Delete topics with all they hold, and what groups have committed of them."""
    answers: list[Body] = []
    for name, twice in _once(body["topics"], str):
        code = ErrorCode.INVALID_REQUEST
        if not twice:
            found = state.topics.delete(name)
            if found:
                state.groups.topic_deleted(name)
            code = ErrorCode.NONE if found else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        answers.append({"name": name, "error_code": code})
    return {"topics": answers}


def _once(asked: list[T], name: Callable[[T], str]) -> list[tuple[T, bool]]:
    """Return what is asked, each name once, and whether it came more often."""
    counts = Counter(name(each) for each in asked)
    first = {name(each): each for each in reversed(asked)}
    return [(each, counts[which] > 1) for which, each in reversed(first.items())]
