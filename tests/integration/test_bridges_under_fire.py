"""From legacy queues to entities, with everything killed on the way."""

import asyncio
import contextlib
from pathlib import Path

import pytest
from support import bridged
from support.bridged import books, entered, expected
from support.consuming import fresh
from support.cut_proxy import CutProxy
from support.legacy_queues import LEGACY
from support.server_required import started

from callboard import ActorSystem

pytestmark = pytest.mark.slow

MESSAGES = {"embedded": 6_000, "apache": 100_000}
"""By the broker behind the log."""
HELD = 6.0
"""Seconds that connections are held: longer than anybody waits for heartbeats and answers here."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", LEGACY)
async def test_nothing_is_lost_or_comes_twice(
    broker_url: str, tmp_path: Path, request: pytest.FixtureRequest, name: str
) -> None:
    """In mid-stream: the bridge killed, its broker killed, connections reset, held, and killed."""
    legacy = LEGACY[name]
    messages = MESSAGES[request.node.callspec.params["broker_url"]]
    air, url = fresh("air"), f"kafka://{broker_url}?session_timeout=3"
    with started(legacy.server()) as server, CutProxy(1) as proxy:
        proxy.lead_to([server.port])
        await legacy.fill(server, range(messages))
        declared = legacy.declared.format(url=server.url_at(proxy.ports[0]))
        (tmp_path / "air.py").write_text(
            bridged.PROGRAM.format(source=legacy.source, declared=declared)
        )
        nodes = {node: await bridged.start(tmp_path, url, air, node) for node in ("one", "two")}
        try:
            async with ActorSystem(air, transport=url, node="auditor", entities=[]) as auditor:

                async def until(part: float) -> None:
                    async with asyncio.timeout(150):
                        while await entered(auditor) < messages * part:
                            await asyncio.sleep(0.05)

                async def kill(node: str) -> None:
                    nodes[node].kill()
                    await nodes[node].wait()
                    nodes[node] = await bridged.start(tmp_path, url, air, node)

                await until(0.1)
                await kill("one")
                await until(0.3)
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
                await until(0.5)
                proxy.reset()
                await until(0.6)
                proxy.hold()
                await asyncio.sleep(HELD)
                proxy.release()
                await until(0.8)
                await kill("two")
                await until(1.0)
                await asyncio.sleep(2.0)  # what would come twice would come now
                assert await books(auditor) == expected(messages)
        finally:
            for process in nodes.values():
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        assert await legacy.left(server) == 0
