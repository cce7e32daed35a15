"""Answers to consumers: handing out records, or waiting for some."""

import asyncio

from ._clock import Timer
from ._state import BrokerState, Call
from ._topics import Partition
from .wire import Body, ErrorCode

_READ_COMMITTED = 1


def fetch(state: BrokerState, call: Call, body: Body) -> "Body | asyncio.Future[Body]":
    """Return records, or a promise of them while there are fewer than the client wants."""
    if body["session_id"] != 0 or body["session_epoch"] > 0:
        return {"error_code": ErrorCode.FETCH_SESSION_ID_NOT_FOUND, "topics": []}
    collected = _Collected(state, call, body)
    if collected.ends_waiting or body["max_wait_ms"] <= 0:
        return collected.answer
    return _Waiting(state, call, body).future


class _Collected:
    """The answer as of now."""

    def __init__(self, state: BrokerState, call: Call, body: Body) -> None:
        self._state = state
        self._node = call.node
        self._committed: bool = body["isolation_level"] == _READ_COMMITTED
        self._room: int = body["max_bytes"]
        self._size = 0
        self._failed = False
        topics: list[Body] = []
        for topic in body["topics"]:
            name: str = topic["name"]
            parts = [self._part(name, part) for part in topic["partitions"]]
            topics.append({"name": name, "partitions": parts})
        self.answer: Body = {"topics": topics}
        self.ends_waiting = self._failed or self._size >= body["min_bytes"]

    def _part(self, name: str, part: Body) -> Body:
        found = self._state.led(self._node, name, part["index"], part["leader_epoch"])
        offset: int = part["offset"]
        if isinstance(found, ErrorCode):
            self._failed = True
            return {"index": part["index"], "error_code": found, "aborted": ()}
        log = found.log
        if not log.start <= offset <= log.end:
            self._failed = True
            return {
                "index": part["index"],
                "error_code": ErrorCode.OFFSET_OUT_OF_RANGE,
                "aborted": (),
            }
        answer: Body = {
            "index": part["index"],
            "high_watermark": log.end,
            "last_stable_offset": log.stable,
            "log_start_offset": log.start,
            "aborted": () if self._committed else None,
        }
        # Past the request's limit only a first batch is given, as the protocol wants.
        if (self._room > 0 or not self._size) and offset < log.end:
            limit = max(0, min(part["max_bytes"], self._room))
            read = log.read(offset, limit, committed=self._committed)
            self._size += read.size
            self._room -= read.size
            answer["records"] = read.batches
            if read.aborted:
                answer["aborted"] = [
                    {"producer_id": each.producer_id, "first_offset": each.first_offset}
                    for each in read.aborted
                ]
        return answer


class _Waiting:
    """A fetch that is answered when there is enough, something is wrong, or its time is up."""

    def __init__(self, state: BrokerState, call: Call, body: Body) -> None:
        self._state = state
        self._call = call
        self._body = body
        self._looking: Timer | None = None
        self._partitions = _partitions(state, body)
        for partition in self._partitions:
            partition.log.wait(self._woken)
        self._timer = state.clock.later(body["max_wait_ms"] / 1000, self._time_is_up)
        self.future: asyncio.Future[Body] = asyncio.get_running_loop().create_future()
        self.future.add_done_callback(self._over)

    def _woken(self) -> None:
        # Once the request that appended is through: it may append to more of these partitions.
        if self._looking is None:
            self._looking = self._state.clock.later(0, self._look)

    def _look(self) -> None:
        self._looking = None
        collected = _Collected(self._state, self._call, self._body)
        if collected.ends_waiting:
            self._answer(collected)

    def _time_is_up(self) -> None:
        self._answer(_Collected(self._state, self._call, self._body))

    def _answer(self, collected: _Collected) -> None:
        if not self.future.done():
            self.future.set_result(collected.answer)

    def _over(self, _: "asyncio.Future[Body]") -> None:
        self._timer.cancel()
        if self._looking is not None:
            self._looking.cancel()
        for partition in self._partitions:
            partition.log.forget(self._woken)


def _partitions(state: BrokerState, body: Body) -> list[Partition]:
    return [
        partition
        for topic in body["topics"]
        for part in topic["partitions"]
        if (partition := state.topics.partition(topic["name"], part["index"])) is not None
    ]
