"""What a broker weighs, empty and full."""

import asyncio

from ._clients import VALUE, create_topic
from ._rates import fill
from ._server import Server

_SETTLE = 1.0
_MEGABYTE = 1_000_000


async def memory_idle(server: Server, _: int) -> float:
    """Return the megabytes of a broker with one empty topic."""
    await create_topic(server.bootstrap)
    await asyncio.sleep(_SETTLE)
    return server.resident() / _MEGABYTE


async def memory_stored(server: Server, n: int) -> float:
    """Return by how much a broker grows with each byte of values that it is given."""
    await create_topic(server.bootstrap)
    await asyncio.sleep(_SETTLE)
    before, records = server.resident(), n * _MEGABYTE // len(VALUE)
    await fill(server, records)
    await asyncio.sleep(_SETTLE)
    return (server.resident() - before) / (records * len(VALUE))
