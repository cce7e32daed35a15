"""Answers to whoever looks after groups: list, describe, delete."""

from ._group_requests import coordinated
from ._groups import GroupEntry
from ._member import State
from ._state import BrokerState, Call
from .wire import Body, ErrorCode


def list_groups(state: BrokerState, call: Call, _body: Body) -> Body:
    """Name the groups this node coordinates."""
    return {
        "groups": [
            {"group": entry.group.name, "protocol_type": entry.group.protocol_type}
            for entry in state.groups
            if state.cluster.coordinates(call.node, entry.group.name)
        ]
    }


def describe_groups(state: BrokerState, call: Call, body: Body) -> Body:
    """Describe groups; one that does not exist is Dead, as Kafka puts it."""
    answers: list[Body] = []
    for name in body["groups"]:
        error = coordinated(state, call, name)
        entry = state.groups.find(name) if error is ErrorCode.NONE else None
        answers.append({**_described(entry, name), "error_code": error})
    return {"groups": answers}


def _described(entry: GroupEntry | None, name: str) -> Body:
    if entry is None:
        return {
            "group": name,
            "state": "Dead",
            "protocol_type": "",
            "protocol": "",
            "members": [],
        }
    group = entry.group
    stable = group.state is State.STABLE
    members = [
        {
            "id": member.id,
            "instance": member.instance,
            "client_id": member.client_id,
            "client_host": f"/{member.client_host}",
            "metadata": member.protocols.get(group.protocol, b"") if stable else b"",
            "assignment": b"" if group.state is State.COMPLETING else member.assignment,
        }
        for member in group.members.values()
    ]
    return {
        "group": name,
        "state": group.state.value,
        "protocol_type": group.protocol_type,
        "protocol": group.protocol if stable else "",
        "members": members,
    }


def delete_groups(state: BrokerState, call: Call, body: Body) -> Body:
    """Delete groups that have no members."""
    answers: list[Body] = []
    for name in dict.fromkeys(body["groups"]):
        entry = state.groups.find(name)
        error = coordinated(state, call, name)
        if error is ErrorCode.NONE:
            if entry is None:
                error = ErrorCode.GROUP_ID_NOT_FOUND
            elif entry.group.state is not State.EMPTY:
                error = ErrorCode.NON_EMPTY_GROUP
            else:
                state.groups.delete(name)
        answers.append({"group": name, "error_code": error})
    return {"groups": answers}
