"""From a request's bytes to its answer's bytes."""

from typing import NamedTuple

from . import _admin, _data, _membership
from ._apis import API_VERSIONS, APIS, FETCH, JOIN_GROUP, METADATA, SYNC_GROUP, Api
from ._errors import ErrorCode, MalformedRequest
from ._schema import I16, I32, TEXT, Body, Reader
from ._state import BrokerState

_PLAIN = {
    "produce": _data.produce,
    "list_offsets": _data.list_offsets,
    "init_producer_id": _data.init_producer_id,
    "offset_commit": _membership.offset_commit,
    "offset_fetch": _membership.offset_fetch,
    "find_coordinator": _membership.find_coordinator,
    "heartbeat": _membership.heartbeat,
    "leave_group": _membership.leave_group,
    "describe_groups": _membership.describe_groups,
    "list_groups": _membership.list_groups,
    "delete_groups": _membership.delete_groups,
    "api_versions": _admin.api_versions,
    "create_topics": _admin.create_topics,
    "delete_topics": _admin.delete_topics,
    "create_partitions": _admin.create_partitions,
    "describe_configs": _admin.describe_configs,
    "alter_configs": _admin.alter_configs,
}


class Request(NamedTuple):
    """A request whose header has been read."""

    api: Api
    version: int
    correlation: int
    client_id: str
    body: Reader


def parse(frame: bytes) -> Request:
    """Read a request's header.

    Raises:
        MalformedRequest: Not a request, or one that was not advertised.
    """
    reader = Reader(frame)
    key, version = I16.read(reader, 0), I16.read(reader, 0)
    correlation = I32.read(reader, 0)
    client_id = TEXT.read(reader, 0) or ""
    api = APIS.get(key)
    if api is None:
        raise MalformedRequest(f"request kind {key} is not one of this broker's")
    if not api.first <= version <= api.last and api is not API_VERSIONS:
        raise MalformedRequest(
            f"{api.name} in version {version}; this broker answers {api.first} to {api.last}"
        )
    return Request(api, version, correlation, client_id, reader)


async def answer(state: BrokerState, request: Request) -> list[bytes] | None:
    """Do what a request asks; return its answer's bytes, or None when none is owed."""
    api, version = request.api, request.version
    if version > api.last:
        # Only ApiVersions gets here. Version 0 with this code makes a client ask again.
        body: Body | None = {
            **_admin.api_versions(state, {}),
            "error_code": ErrorCode.UNSUPPORTED_VERSION,
        }
        version = 0
    else:
        asked = api.request.read(request.body, version)
        body = await _do(state, request, asked)
    if body is None:
        return None
    out: list[bytes] = []
    I32.write(request.correlation, version, out)
    api.response.write(body, version, out)
    length: list[bytes] = []
    I32.write(sum(map(len, out)), version, length)
    return length + out


async def _do(state: BrokerState, request: Request, asked: Body) -> Body | None:
    api = request.api
    if api is FETCH:
        return await _data.fetch(state, asked)
    if api is JOIN_GROUP:
        return await _membership.join_group(state, asked, request.version, request.client_id)
    if api is SYNC_GROUP:
        return await _membership.sync_group(state, asked)
    if api is METADATA:
        return _data.metadata(state, asked, request.version)
    return _PLAIN[api.name](state, asked)
