"""Answers to requests about records: produce, fetch, offsets by time, producer ids."""

import asyncio
from typing import Any

from ._errors import ErrorCode
from ._log import PartitionLog
from ._schema import Body
from ._state import NODE_ID, BrokerState
from ._topics import Topic

_LATEST, _EARLIEST = -1, -2


def produce(state: BrokerState, body: Body) -> Body | None:
    """Append batches; no answer is owed when the client wants none (acks=0)."""
    topics = [
        {
            "name": t["name"],
            "partitions": [_append(state, body, t["name"], p) for p in t["partitions"]],
        }
        for t in body["topics"]
    ]
    return {"topics": topics} if body["acks"] else None


def _append(state: BrokerState, body: Body, name: str, part: Body) -> Body:
    index: int = part["index"]
    answer: Body = {"index": index}
    topic = state.topics.find(name)
    log = state.topics.log(name, index)
    if body["transactional_id"] is not None:
        answer["error_code"] = ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        answer["error_message"] = "this broker has no transactions yet"
    elif topic is None or log is None:
        answer["error_code"] = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    else:
        done = log.append(part["records"] or b"", max_bytes=topic.max_message_bytes)
        answer.update(
            error_code=done.error, base_offset=done.base_offset, log_start_offset=log.start
        )
    return answer


async def fetch(state: BrokerState, body: Body) -> Body:
    """Return records, waiting up to `max_wait_ms` while there are too few of them."""
    answer, size, failed = _collect(state, body)
    if size >= body["min_bytes"] or failed or body["max_wait_ms"] <= 0:
        return answer
    arrived = asyncio.Event()
    logs = _logs(state, body)
    for log in logs:
        log.wait(arrived.set)
    try:
        async with asyncio.timeout(body["max_wait_ms"] / 1000):
            while size < body["min_bytes"] and not failed:
                await arrived.wait()
                arrived.clear()
                answer, size, failed = _collect(state, body)
    except TimeoutError:
        pass
    finally:
        for log in logs:
            log.forget(arrived.set)
    return answer


def _logs(state: BrokerState, body: Body) -> list[PartitionLog]:
    return [
        log
        for topic in body["topics"]
        for part in topic["partitions"]
        if (log := state.topics.log(topic["name"], part["index"])) is not None
    ]


def _collect(state: BrokerState, body: Body) -> tuple[Body, int, bool]:
    """Return the answer as of now, its record bytes, and whether it holds an error."""
    room: int = body["max_bytes"]
    size, failed = 0, False
    topics: list[Body] = []
    for topic in body["topics"]:
        parts: list[Body] = []
        for part in topic["partitions"]:
            log = state.topics.log(topic["name"], part["index"])
            offset: int = part["offset"]
            answer: Body = {"index": part["index"], "aborted": ()}
            if log is None:
                failed = True
                answer["error_code"] = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            elif not log.start <= offset <= log.end:
                failed = True
                answer["error_code"] = ErrorCode.OFFSET_OUT_OF_RANGE
            else:
                # Past the request's limit only a first batch is given, as the protocol wants.
                batches = log.read(offset, min(part["max_bytes"], room)) if room > 0 else []
                taken = sum(map(len, batches))
                size += taken
                room -= taken
                answer.update(
                    high_watermark=log.end,
                    last_stable_offset=log.end,
                    log_start_offset=log.start,
                    records=batches,
                )
            parts.append(answer)
        topics.append({"name": topic["name"], "partitions": parts})
    return {"topics": topics}, size, failed


def list_offsets(state: BrokerState, body: Body) -> Body:
    """Return the first offset, the next one, or the first not older than a time."""
    topics = [
        {"name": t["name"], "partitions": [_offset(state, t["name"], p) for p in t["partitions"]]}
        for t in body["topics"]
    ]
    return {"topics": topics}


def _offset(state: BrokerState, name: str, part: Body) -> Body:
    log = state.topics.log(name, part["index"])
    if log is None:
        code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        return {"index": part["index"], "error_code": code}
    wanted: int = part["timestamp"]
    if wanted == _LATEST:
        timestamp, offset = -1, log.end
    elif wanted == _EARLIEST:
        timestamp, offset = -1, log.start
    else:
        timestamp, offset = log.offset_at(wanted)
    return {"index": part["index"], "timestamp": timestamp, "offset": offset}


def init_producer_id(state: BrokerState, body: Body) -> Body:
    """Give a new producer its id. Transactions are refused by name."""
    if body["transactional_id"] is not None:
        return {"error_code": ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED}
    return {"producer_id": next(state.producer_ids), "producer_epoch": 0}


def metadata(state: BrokerState, body: Body, version: int) -> Body:
    """Describe this broker and topics: all of them, or those asked for."""
    wanted: list[str] | None = body["topics"]
    if wanted is None or (version == 0 and not wanted):
        wanted = state.topics.names()
    topics = [_describe(state, name, create=body["allow_auto_create"]) for name in wanted]
    broker = {"id": NODE_ID, "host": state.host, "port": state.port, "rack": None}
    return {
        "brokers": [broker],
        "cluster_id": "callboard-embedded",
        "controller_id": NODE_ID,
        "topics": topics,
    }


def _describe(state: BrokerState, name: str, *, create: bool) -> Body:
    topic: Topic | None = state.topics.find(name)
    if topic is None and create and state.options.auto_create:
        partitions = state.options.default_partitions
        error, _ = state.topics.check(name, partitions, {})
        if error is not ErrorCode.NONE:
            return {"error_code": error, "name": name}
        topic = state.topics.create(name, partitions, {})
    if topic is None:
        return {"error_code": ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "name": name}
    parts: list[dict[str, Any]] = [
        {"index": index, "leader": NODE_ID, "replicas": [NODE_ID], "isr": [NODE_ID]}
        for index in range(len(topic.partitions))
    ]
    return {"name": name, "partitions": parts}
