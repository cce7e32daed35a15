"""Answers to producers: appending records."""

from ._state import BrokerState, Call
from .log import Appended, read_header
from .wire import Body, ErrorCode

_ALL = -1


class RefusedUnheard(Exception):  # noqa: N818 the sentence says it
    """A write that nobody waits for was refused: only closing the connection can tell."""


def produce(state: BrokerState, call: Call, body: Body) -> Body | None:
    """Append batches; no answer is owed when the client wants none (acks=0).

    Raises:
        RefusedUnheard: Something was refused, and no answer is owed.
    """
    refused = False
    topics: list[Body] = []
    for topic in body["topics"]:
        parts: list[Body] = []
        for part in topic["partitions"]:
            done = _append(
                state, call, body, (topic["name"], part["index"]), part["records"] or b""
            )
            refused = refused or done.error is not ErrorCode.NONE
            partition = state.topics.partition(topic["name"], part["index"])
            parts.append(
                {
                    "index": part["index"],
                    "error_code": done.error,
                    "base_offset": done.base_offset,
                    "log_append_time": done.log_append_time,
                    "log_start_offset": -1 if partition is None else partition.log.start,
                    "record_errors": [
                        {"index": index, "message": done.message} for index in done.indexes
                    ],
                    "error_message": done.message,
                }
            )
        topics.append({"name": topic["name"], "partitions": parts})
    if body["acks"] == 0:
        if refused:
            raise RefusedUnheard
        return None
    return {"topics": topics}


def _append(
    state: BrokerState, call: Call, body: Body, place: tuple[str, int], records: bytes
) -> Appended:
    if body["acks"] not in {-1, 0, 1}:
        return Appended(ErrorCode.INVALID_REQUIRED_ACKS)
    partition = state.led(call.node, *place)
    if isinstance(partition, ErrorCode):
        return Appended(partition)
    topic = state.topics.find(place[0])
    assert topic is not None, "it has a partition"
    needed = min(topic.configs.min_in_sync, len(partition.replicas))
    if body["acks"] == _ALL and len(state.in_sync(partition)) < needed:
        return Appended(ErrorCode.NOT_ENOUGH_REPLICAS)
    error = _in_transaction(state, body["transactional_id"], records, place)
    if error is ErrorCode.NONE and state.disk_full:
        error = ErrorCode.KAFKA_STORAGE_ERROR
    if error is not ErrorCode.NONE:
        why = error is ErrorCode.INVALID_TXN_STATE and "it was not added to the transaction"
        return Appended(error, message=why or None)
    return partition.log.append(records, topic.configs.rules, state.clock.now_ms())


def _in_transaction(
    state: BrokerState, id_: str | None, records: bytes, place: tuple[str, int]
) -> ErrorCode:
    batch = read_header(records)
    if batch is None or not batch.transactional:
        return ErrorCode.NONE
    if id_ is None:
        return ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    return state.transactions.covers(id_, batch.producer_id, batch.producer_epoch, place)
