"""Answers about offsets: the first, the next, by time, by leader epoch; and trimming."""

from bisect import bisect_right
from collections import Counter

from ._state import BrokerState, Call
from .wire import Body, ErrorCode

_LATEST, _EARLIEST = -1, -2
_HIGH_WATERMARK = -1
_READ_COMMITTED = 1


def list_offsets(state: BrokerState, call: Call, body: Body) -> Body:
    """Return the first offset, the next one, or the first not older than a time."""
    committed = body["isolation_level"] == _READ_COMMITTED
    counts = Counter((t["name"], part["index"]) for t in body["topics"] for part in t["partitions"])
    return {
        "topics": [
            {
                "name": topic["name"],
                "partitions": [
                    _offset(state, call, topic["name"], part, committed=committed)
                    if counts[topic["name"], part["index"]] == 1
                    else {"index": part["index"], "error_code": ErrorCode.INVALID_REQUEST}
                    for part in topic["partitions"]
                ],
            }
            for topic in body["topics"]
        ]
    }


def _offset(state: BrokerState, call: Call, name: str, part: Body, *, committed: bool) -> Body:
    answer: Body = {"index": part["index"]}
    found = state.led(call.node, name, part["index"], part["leader_epoch"])
    if isinstance(found, ErrorCode):
        answer["error_code"] = found
        return answer
    log, wanted = found.log, part["timestamp"]
    end = log.stable if committed else log.end
    timestamp = -1
    if wanted == _LATEST:
        offset = end
    elif wanted == _EARLIEST:
        offset = log.start
    elif wanted < 0:
        answer["error_code"] = ErrorCode.UNSUPPORTED_VERSION
        return answer
    else:
        timestamp, offset = log.offset_at(wanted)
        if offset >= end:
            timestamp = offset = -1
    answer.update(timestamp=timestamp, offset=offset)
    if offset >= 0:
        answer["leader_epoch"] = _epoch_at(log.epochs, offset)
    return answer


def _epoch_at(epochs: list[tuple[int, int]], offset: int) -> int:
    return epochs[max(0, bisect_right(epochs, offset, key=lambda each: each[1]) - 1)][0]


def offset_for_leader_epoch(state: BrokerState, call: Call, body: Body) -> Body:
    """Return where a leader's term ended, for clients that look for truncation."""
    topics: list[Body] = []
    for topic in body["topics"]:
        parts: list[Body] = []
        for part in topic["partitions"]:
            answer: Body = {"index": part["index"]}
            found = state.led(call.node, topic["name"], part["index"], part["current_leader_epoch"])
            if isinstance(found, ErrorCode):
                answer["error_code"] = found
            else:
                epoch, end = _end_of(found.log.epochs, part["leader_epoch"], found.log.end)
                answer.update(leader_epoch=epoch, end_offset=end)
            parts.append(answer)
        topics.append({"name": topic["name"], "partitions": parts})
    return {"topics": topics}


def _end_of(epochs: list[tuple[int, int]], wanted: int, end: int) -> tuple[int, int]:
    at = bisect_right(epochs, wanted, key=lambda each: each[0])
    if wanted < 0 or at == 0 or wanted > epochs[-1][0]:
        return -1, -1
    return epochs[at - 1][0], epochs[at][1] if at < len(epochs) else end


def delete_records(state: BrokerState, call: Call, body: Body) -> Body:
    """Let partitions begin later."""
    topics: list[Body] = []
    for topic in body["topics"]:
        parts: list[Body] = []
        for part in topic["partitions"]:
            answer: Body = {"index": part["index"]}
            found = state.led(call.node, topic["name"], part["index"])
            if isinstance(found, ErrorCode):
                answer["error_code"] = found
            else:
                log = found.log
                offset = log.end if part["offset"] == _HIGH_WATERMARK else part["offset"]
                named = state.topics.find(topic["name"])
                if named is not None and not named.configs.deletes:
                    answer["error_code"] = ErrorCode.POLICY_VIOLATION
                elif not 0 <= offset <= log.end:
                    answer["error_code"] = ErrorCode.OFFSET_OUT_OF_RANGE
                else:
                    log.trim(offset)
                    answer["low_watermark"] = log.start
            parts.append(answer)
        topics.append({"name": topic["name"], "partitions": parts})
    return {"topics": topics}
