"""Answers about what groups have committed."""

from collections.abc import Callable, Mapping

from ._group_requests import coordinated
from ._member import subscription
from ._offsets import Committed, Place
from ._state import BrokerState, Call
from .log import StorageFull
from .wire import Body, ErrorCode

_MAX_METADATA = 4096


def offset_commit(state: BrokerState, call: Call, body: Body) -> Body:
    """Keep committed offsets; of partitions that do not exist, none."""
    group: str = body["group"]

    def keep(offsets: Mapping[Place, Committed]) -> ErrorCode:
        # A group without a name is that of clients that have none.
        error = coordinated(state, call, group)
        if error is not ErrorCode.NONE:
            return error
        entry = state.groups.find(group)
        member, generation = body["member"] or "", body["generation"]
        if entry is None:
            if generation >= 0:
                return ErrorCode.ILLEGAL_GENERATION
            entry = state.groups.get(group)
        error = entry.group.may_commit(member, generation, body["instance"])
        if error is ErrorCode.NONE:
            if member in entry.group.members:
                entry.group.alive(member)
            error = _kept(state, lambda: state.groups.commit(entry, offsets))
        return error

    return _each(state, body, keep)


def txn_offset_commit(state: BrokerState, call: Call, body: Body) -> Body:
    """Keep offsets until the transaction they are part of has ended."""
    group: str = body["group"]

    def hold(offsets: Mapping[Place, Committed]) -> ErrorCode:
        error = coordinated(state, call, group) if group else ErrorCode.INVALID_GROUP_ID
        if error is ErrorCode.NONE:
            error = state.transactions.covers_group(
                body["transactional_id"], body["producer_id"], body["producer_epoch"], group
            )
        if error is not ErrorCode.NONE:
            return error
        held = state.groups.get(group).offsets
        return _kept(state, lambda: held.hold(body["producer_id"], offsets))

    return _each(state, body, hold)


def _kept(state: BrokerState, keep: Callable[[], None]) -> ErrorCode:
    if state.disk_full:
        return ErrorCode.KAFKA_STORAGE_ERROR
    try:
        keep()
    except StorageFull:
        return ErrorCode.KAFKA_STORAGE_ERROR
    return ErrorCode.NONE


def _each(
    state: BrokerState, body: Body, keep: Callable[[Mapping[Place, Committed]], ErrorCode]
) -> Body:
    """Keep what can be kept, and answer for each partition."""
    offsets: dict[Place, Committed] = {}
    errors: dict[Place, ErrorCode] = {}
    for topic in body["topics"]:
        for part in topic["partitions"]:
            place = (topic["name"], part["index"])
            metadata: str = part["metadata"] or ""
            if len(metadata) > _MAX_METADATA:
                errors[place] = ErrorCode.OFFSET_METADATA_TOO_LARGE
            elif state.topics.partition(*place) is None:
                errors[place] = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            else:
                offsets[place] = Committed(part["offset"], metadata, part["leader_epoch"])
    error = keep(offsets)
    topics: list[Body] = []
    for topic in body["topics"]:
        parts = [
            {
                "index": part["index"],
                "error_code": errors.get((topic["name"], part["index"]), error),
            }
            for part in topic["partitions"]
        ]
        topics.append({"name": topic["name"], "partitions": parts})
    return {"topics": topics}


def offset_fetch(state: BrokerState, call: Call, body: Body) -> Body:
    """Return committed offsets; -1 where there is none."""
    error = coordinated(state, call, body["group"])
    entry = state.groups.find(body["group"]) if error is ErrorCode.NONE else None
    if body["topics"] is None:
        wanted: dict[str, list[int]] = {}
        for name, index in entry.offsets if entry is not None else ():
            wanted.setdefault(name, []).append(index)
    else:
        wanted = {topic["name"]: topic["partitions"] for topic in body["topics"]}
    nothing = Committed(-1)
    topics: list[Body] = []
    for name, indexes in wanted.items():
        parts: list[Body] = []
        for index in indexes:
            found = (entry.offsets.find((name, index)) if entry else None) or nothing
            parts.append(
                {
                    "index": index,
                    "offset": found.offset,
                    "leader_epoch": found.leader_epoch,
                    "metadata": found.metadata,
                    "error_code": error,
                }
            )
        topics.append({"name": name, "partitions": parts})
    return {"topics": topics, "error_code": error}


def offset_delete(state: BrokerState, call: Call, body: Body) -> Body:
    """Forget what a group has committed of partitions, if nobody in it reads them."""
    error = coordinated(state, call, body["group"])
    entry = state.groups.find(body["group"])
    if error is ErrorCode.NONE and entry is None:
        error = ErrorCode.GROUP_ID_NOT_FOUND
    if error is not ErrorCode.NONE or entry is None:
        return {"error_code": error, "topics": []}
    if entry.group.members and entry.group.protocol_type != "consumer":
        return {"error_code": ErrorCode.NON_EMPTY_GROUP, "topics": []}
    read = {
        name
        for member in entry.group.members.values()
        for metadata in member.protocols.values()
        for name in subscription(metadata)
    }
    topics: list[Body] = []
    for topic in body["topics"]:
        name: str = topic["name"]
        parts: list[Body] = []
        for part in topic["partitions"]:
            place = (name, part["index"])
            code = ErrorCode.NONE
            if state.topics.partition(*place) is None:
                code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            elif name in read:
                code = ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC
            else:
                entry.offsets.forget(place)
            parts.append({"index": part["index"], "error_code": code})
        topics.append({"name": name, "partitions": parts})
    return {"topics": topics}
