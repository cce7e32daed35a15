"""Answers to idempotent and transactional producers."""

from ._state import BrokerState, Call
from .wire import Body, ErrorCode

_FENCED_SINCE = 2
"""Older versions know no code of their own for a producer that was fenced."""


def _coordinated(state: BrokerState, call: Call, id_: str) -> ErrorCode:
    if not id_:
        return ErrorCode.INVALID_REQUEST
    if not state.cluster.coordinates(call.node, id_):
        return ErrorCode.NOT_COORDINATOR
    return ErrorCode.KAFKA_STORAGE_ERROR if state.disk_full else ErrorCode.NONE


def _told(call: Call, error: ErrorCode) -> ErrorCode:
    if error is ErrorCode.PRODUCER_FENCED and call.version < _FENCED_SINCE:
        return ErrorCode.INVALID_PRODUCER_EPOCH
    return error


def init_producer_id(state: BrokerState, call: Call, body: Body) -> Body:
    """Give a producer its id, and its epoch if it has a transactional id."""
    id_: str | None = body["transactional_id"]
    if id_ is None:
        return {"producer_id": state.transactions.new_producer_id(), "producer_epoch": 0}
    error = _coordinated(state, call, id_)
    if error is not ErrorCode.NONE:
        return {"error_code": error}
    got = state.transactions.init(id_, body["timeout_ms"] / 1000)
    return {
        "error_code": got.error,
        "producer_id": got.producer_id,
        "producer_epoch": got.epoch,
    }


def add_partitions_to_txn(state: BrokerState, call: Call, body: Body) -> Body:
    """Have partitions take part in a transaction: all of them, or none."""
    places = [(t["name"], index) for t in body["topics"] for index in t["partitions"]]
    missing = {place for place in places if state.topics.partition(*place) is None}
    error = _coordinated(state, call, body["transactional_id"])
    if error is ErrorCode.NONE and not missing:
        error = state.transactions.add(
            body["transactional_id"],
            body["producer_id"],
            body["producer_epoch"],
            partitions=places,
            groups=[],
        )
    error = _told(call, error)

    def code(place: tuple[str, int]) -> ErrorCode:
        if error is ErrorCode.NONE and missing:
            absent = place in missing
            return (
                ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
                if absent
                else ErrorCode.OPERATION_NOT_ATTEMPTED
            )
        return error

    topics = [
        {
            "name": topic["name"],
            "partitions": [
                {"index": index, "error_code": code((topic["name"], index))}
                for index in topic["partitions"]
            ],
        }
        for topic in body["topics"]
    ]
    return {"topics": topics}


def add_offsets_to_txn(state: BrokerState, call: Call, body: Body) -> Body:
    """Have a group's offsets take part in a transaction."""
    error = _coordinated(state, call, body["transactional_id"])
    if error is ErrorCode.NONE:
        error = state.transactions.add(
            body["transactional_id"],
            body["producer_id"],
            body["producer_epoch"],
            partitions=[],
            groups=[body["group"]],
        )
    return {"error_code": _told(call, error)}


def end_txn(state: BrokerState, call: Call, body: Body) -> Body:
    """Commit or abort a transaction."""
    error = _coordinated(state, call, body["transactional_id"])
    if error is ErrorCode.NONE:
        error = state.transactions.end(
            body["transactional_id"],
            body["producer_id"],
            body["producer_epoch"],
            commit=body["commit"],
        )
    return {"error_code": _told(call, error)}
