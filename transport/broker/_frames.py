"""From a request's bytes to its parts, and from an answer to its bytes."""

import struct
from typing import NamedTuple

from .wire import API_VERSIONS, APIS, I16, I32, TEXT, Api, Body, MalformedRequest, Reader

_HEAD = struct.Struct(">ii")


class Request(NamedTuple):
    """A request.

    Attributes:
        api: What kind it is.
        version: In which version.
        correlation: The number its answer must bear.
        client_id: As the client calls itself.
        body: What it asks; None for a version of ApiVersions that is not known here.
    """

    api: Api
    version: int
    correlation: int
    client_id: str
    body: Body | None


def parse(frame: bytes) -> Request:
    """Read a request.

    Raises:
        MalformedRequest: Not a request, or one that was not advertised.
    """
    reader = Reader(frame)
    key, version = I16.read(reader, 0), I16.read(reader, 0)
    correlation = I32.read(reader, 0)
    api = APIS.get(key)
    if api is None:
        raise MalformedRequest(f"request kind {key} is not one of this broker's")
    if not api.first <= version <= api.last:
        if api is API_VERSIONS:  # a newer client finds out with it what is spoken here
            return Request(api, version, correlation, "", None)
        raise MalformedRequest(
            f"{api.name} in version {version}; this broker answers {api.first} to {api.last}"
        )
    client_id = TEXT.read(reader, 0) or ""
    return Request(api, version, correlation, client_id, api.request.read(reader, version))


def encode(api: Api, version: int, correlation: int, body: Body) -> list[bytes]:
    """Return an answer's bytes, in parts."""
    out: list[bytes] = [b""]
    api.response.write(body, version, out)
    out[0] = _HEAD.pack(sum(map(len, out)) + 4, correlation)
    return out
