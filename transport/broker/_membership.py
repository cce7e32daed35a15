"""Answers to requests about groups."""

import asyncio
from typing import Any

from ._errors import ErrorCode
from ._group import Committed, Group, Joined, Member, State, Synced
from ._schema import Body
from ._state import NODE_ID, BrokerState

_MEMBER_ID_REQUIRED_SINCE = 4


def find_coordinator(state: BrokerState, _body: Body) -> Body:
    """Name the coordinator: this broker, whatever the group."""
    return {"id": NODE_ID, "host": state.host, "port": state.port}


async def join_group(state: BrokerState, body: Body, version: int, client_id: str) -> Body:
    """Let a member join; the answer comes when the rebalance has ended."""
    options = state.options
    timeout = body["session_timeout_ms"] / 1000
    if not body["group"]:
        return {"error_code": ErrorCode.INVALID_GROUP_ID}
    if not options.min_session_timeout <= timeout <= options.max_session_timeout:
        return {"error_code": ErrorCode.INVALID_SESSION_TIMEOUT}
    if not body["protocols"]:
        return {"error_code": ErrorCode.INCONSISTENT_GROUP_PROTOCOL}
    group = state.group(body["group"])
    given: str = body["member"] or ""
    member = given or f"{client_id}-{next(state.member_numbers):06d}"
    if not given and version >= _MEMBER_ID_REQUIRED_SINCE and body["instance"] is None:
        group.expect(member)
        return {"error_code": ErrorCode.MEMBER_ID_REQUIRED, "member": member}
    rebalance = body["rebalance_timeout_ms"]
    joining = Member(
        member,
        body["instance"],
        client_id,
        "127.0.0.1",
        timeout,
        rebalance / 1000 if rebalance >= 0 else timeout,
        {protocol["name"]: protocol["metadata"] or b"" for protocol in body["protocols"]},
    )
    answer: asyncio.Future[Joined] = asyncio.get_running_loop().create_future()
    group.join(given, joining, body["protocol_type"], lambda joined: _resolve(answer, joined))
    joined = await answer
    return {
        "error_code": joined.error,
        "generation": joined.generation,
        "protocol": joined.protocol,
        "leader": joined.leader,
        "member": joined.member or member,
        "members": [
            {"id": id_, "instance": instance, "metadata": metadata}
            for id_, instance, metadata in joined.members
        ],
    }


async def sync_group(state: BrokerState, body: Body) -> Body:
    """Give a member its assignment, when the leader has brought it."""
    group = state.groups.get(body["group"])
    if group is None:
        return {"error_code": ErrorCode.UNKNOWN_MEMBER_ID}
    assignments = {a["member"]: a["assignment"] or b"" for a in body["assignments"] or ()}
    answer: asyncio.Future[Synced] = asyncio.get_running_loop().create_future()
    group.sync(
        body["member"], body["generation"], assignments, lambda synced: _resolve(answer, synced)
    )
    synced = await answer
    return {"error_code": synced.error, "assignment": synced.assignment}


def _resolve(answer: "asyncio.Future[Any]", value: object) -> None:
    if not answer.done():
        answer.set_result(value)


def heartbeat(state: BrokerState, body: Body) -> Body:
    """Take a member's sign of life."""
    group = state.groups.get(body["group"])
    if group is None:
        return {"error_code": ErrorCode.UNKNOWN_MEMBER_ID}
    return {"error_code": group.heartbeat(body["member"], body["generation"])}


def leave_group(state: BrokerState, body: Body) -> Body:
    """Let a member go."""
    group = state.groups.get(body["group"])
    if group is None:
        return {"error_code": ErrorCode.UNKNOWN_MEMBER_ID}
    return {"error_code": group.leave(body["member"])}


def offset_commit(state: BrokerState, body: Body) -> Body:
    """Keep committed offsets; of partitions that do not exist, none."""
    group = state.group(body["group"])
    offsets: dict[tuple[str, int], Committed] = {}
    unknown: set[tuple[str, int]] = set()
    for topic in body["topics"]:
        for part in topic["partitions"]:
            place = (topic["name"], part["index"])
            if state.topics.log(*place) is None:
                unknown.add(place)
            else:
                offsets[place] = Committed(part["offset"], part["metadata"])
    error = group.commit(body["member"] or "", body["generation"], offsets)
    topics = [
        {
            "name": topic["name"],
            "partitions": [
                {
                    "index": part["index"],
                    "error_code": ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
                    if (topic["name"], part["index"]) in unknown
                    else error,
                }
                for part in topic["partitions"]
            ],
        }
        for topic in body["topics"]
    ]
    return {"topics": topics}


def offset_fetch(state: BrokerState, body: Body) -> Body:
    """Return committed offsets; -1 where there is none."""
    group = state.groups.get(body["group"])
    offsets = group.offsets if group is not None else {}
    if body["topics"] is None:
        wanted: dict[str, list[int]] = {}
        for name, index in offsets:
            wanted.setdefault(name, []).append(index)
    else:
        wanted = {topic["name"]: topic["partitions"] for topic in body["topics"]}
    nothing = Committed(-1, "")
    topics: list[Body] = []
    for name, indexes in wanted.items():
        found = [(index, offsets.get((name, index), nothing)) for index in indexes]
        parts = [{"index": i, "offset": c.offset, "metadata": c.metadata} for i, c in found]
        topics.append({"name": name, "partitions": parts})
    return {"topics": topics}


def list_groups(state: BrokerState, _body: Body) -> Body:
    """Name all groups."""
    return {
        "groups": [
            {"group": group.name, "protocol_type": group.protocol_type}
            for group in state.groups.values()
        ]
    }


def describe_groups(state: BrokerState, body: Body) -> Body:
    """Describe groups; one that does not exist is Dead, as Kafka puts it."""
    return {"groups": [_described(state.groups.get(name), name) for name in body["groups"]]}


def _described(group: Group | None, name: str) -> Body:
    if group is None:
        return {
            "group": name,
            "state": "Dead",
            "protocol_type": "",
            "protocol": "",
            "members": [],
        }
    members = [
        {
            "id": member.id,
            "client_id": member.client_id,
            "client_host": f"/{member.client_host}",
            "metadata": member.protocols.get(group.protocol, b""),
            "assignment": member.assignment,
        }
        for member in group.members.values()
    ]
    return {
        "group": name,
        "state": group.state.value,
        "protocol_type": group.protocol_type,
        "protocol": group.protocol,
        "members": members,
    }


def delete_groups(state: BrokerState, body: Body) -> Body:
    """Delete groups that have no members."""
    answers: list[Body] = []
    for name in body["groups"]:
        group = state.groups.get(name)
        error = ErrorCode.NONE
        if group is None:
            error = ErrorCode.GROUP_ID_NOT_FOUND
        elif group.state is not State.EMPTY:
            error = ErrorCode.NON_EMPTY_GROUP
        else:
            group.close()
            del state.groups[name]
        answers.append({"group": name, "error_code": error})
    return {"groups": answers}
