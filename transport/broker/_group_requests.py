"""Answers to the members of groups: joining, syncing, staying, leaving."""

import asyncio
from typing import TypeVar

from ._groups import GroupEntry
from ._member import Joined, Member, Synced
from ._state import BrokerState, Call
from .wire import Body, ErrorCode

T = TypeVar("T")

_MEMBER_ID_REQUIRED_SINCE = 4
_BATCHED_LEAVES_SINCE = 3


def find_coordinator(state: BrokerState, _call: Call, body: Body) -> Body:
    """Name the broker id that coordinates a group or a transactional id."""
    if body["key_type"] not in {0, 1}:
        return _nobody(ErrorCode.INVALID_REQUEST, "the key type is 0 (group) or 1 (transaction)")
    node = state.cluster.coordinator(body["key"])
    if node is None:
        return _nobody(ErrorCode.COORDINATOR_NOT_AVAILABLE, "no broker is up")
    return {"id": node.id, "host": node.host, "port": node.port}


def _nobody(error: ErrorCode, why: str) -> Body:
    return {"error_code": error, "error_message": why, "id": -1, "host": "", "port": -1}


def coordinated(state: BrokerState, call: Call, group: str) -> ErrorCode:
    """Tell whether the node that was asked coordinates a group."""
    if state.cluster.coordinates(call.node, group):
        return ErrorCode.NONE
    return ErrorCode.NOT_COORDINATOR


def _entry(state: BrokerState, call: Call, body: Body) -> "GroupEntry | ErrorCode":
    group: str = body["group"]
    if not group:
        return ErrorCode.INVALID_GROUP_ID
    error = coordinated(state, call, group)
    if error is not ErrorCode.NONE:
        return error
    return state.groups.find(group) or ErrorCode.UNKNOWN_MEMBER_ID


def join_group(state: BrokerState, call: Call, body: Body) -> "Body | asyncio.Future[Body]":
    """Let a member join; the answer comes when the rebalance has ended."""
    given: str = body["member"] or ""
    error = _wrong_join(state, call, body)
    if error is not ErrorCode.NONE:
        return {"error_code": error, "member": given}
    group = state.groups.get(body["group"]).group
    if not given and not group.fits(
        body["protocol_type"], [protocol["name"] for protocol in body["protocols"]]
    ):
        return {"error_code": ErrorCode.INCONSISTENT_GROUP_PROTOCOL}
    timeout = body["session_timeout_ms"] / 1000
    instance: str | None = body["instance"]
    member = given or f"{instance or call.client_id}-{next(state.member_numbers):06d}"
    if not given and call.version >= _MEMBER_ID_REQUIRED_SINCE and instance is None:
        group.expect(member, timeout)
        return {"error_code": ErrorCode.MEMBER_ID_REQUIRED, "member": member}
    rebalance = body["rebalance_timeout_ms"]
    joining = Member(
        member,
        instance,
        call.client_id,
        call.host,
        timeout,
        rebalance / 1000 if rebalance >= 0 else timeout,
        {protocol["name"]: protocol["metadata"] or b"" for protocol in body["protocols"]},
    )
    answer: asyncio.Future[Body] = asyncio.get_running_loop().create_future()

    def joined(outcome: Joined) -> None:
        _resolve(answer, _joined(outcome))

    group.join(given, joining, body["protocol_type"], joined)
    return answer


def _wrong_join(state: BrokerState, call: Call, body: Body) -> ErrorCode:
    options = state.options
    if not body["group"]:
        return ErrorCode.INVALID_GROUP_ID
    error = coordinated(state, call, body["group"])
    if error is not ErrorCode.NONE:
        return error
    timeout = body["session_timeout_ms"] / 1000
    if not options.min_session_timeout <= timeout <= options.max_session_timeout:
        return ErrorCode.INVALID_SESSION_TIMEOUT
    if body["member"] and state.groups.find(body["group"]) is None:
        return ErrorCode.UNKNOWN_MEMBER_ID
    if not body["protocols"]:
        return ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    return ErrorCode.NONE


def _joined(outcome: Joined) -> Body:
    return {
        "error_code": outcome.error,
        "generation": outcome.generation,
        "protocol": outcome.protocol,
        "leader": outcome.leader,
        "member": outcome.member,
        "members": [
            {"id": id_, "instance": instance, "metadata": metadata}
            for id_, instance, metadata in outcome.members
        ],
    }


def sync_group(state: BrokerState, call: Call, body: Body) -> "Body | asyncio.Future[Body]":
    """Give a member its assignment, when the leader has brought it."""
    entry = _entry(state, call, body)
    if isinstance(entry, ErrorCode):
        return {"error_code": entry}
    assignments = {a["member"]: a["assignment"] or b"" for a in body["assignments"] or ()}
    answer: asyncio.Future[Body] = asyncio.get_running_loop().create_future()

    def synced(outcome: Synced) -> None:
        _resolve(answer, {"error_code": outcome.error, "assignment": outcome.assignment})

    entry.group.sync(body["member"], body["generation"], assignments, synced, body["instance"])
    return answer


def _resolve(answer: "asyncio.Future[T]", value: T) -> None:
    if not answer.done():
        answer.set_result(value)


def heartbeat(state: BrokerState, call: Call, body: Body) -> Body:
    """Take a member's sign of life."""
    entry = _entry(state, call, body)
    if isinstance(entry, ErrorCode):
        return {"error_code": entry}
    error = entry.group.heartbeat(body["member"], body["generation"], body["instance"])
    return {"error_code": error}


def leave_group(state: BrokerState, call: Call, body: Body) -> Body:
    """Let members go."""
    entry = _entry(state, call, body)
    if isinstance(entry, ErrorCode):
        return {"error_code": entry}
    if call.version < _BATCHED_LEAVES_SINCE:
        return {"error_code": entry.group.leave(body["member"])}
    return {
        "members": [
            {**each, "error_code": entry.group.leave(each["member"], each["instance"])}
            for each in body["members"]
        ]
    }
