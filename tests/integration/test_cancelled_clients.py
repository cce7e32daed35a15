"""Whoever is cancelled while a client of the library asks a broker stays cancelled."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from callboard.transport._kafka import Admin, Reader
from callboard.transport._kafka._security import Cluster
from callboard.transport.broker import Broker
from callboard.transport.delivery import TopicPartition

Question = Callable[[Cluster], Awaitable[object]]


async def topics(cluster: Cluster) -> object:
    """Ask for the topics."""
    return await Admin(cluster, "test", timeout=10.0).matching(lambda _: True)


async def ends(cluster: Cluster) -> object:
    """Ask for the end of a partition."""
    return await Reader(cluster, "test", timeout=10.0).ends([TopicPartition("there", 0)])


@pytest.mark.parametrize("ask", [topics, ends])
async def test_a_cancellation_at_any_moment_is_one(ask: Question) -> None:
    """With the broker in the same loop, one round of it after the other is tried."""
    async with Broker() as broker:
        cluster = Cluster(broker.bootstrap)
        await ask(cluster)
        rounds = 0
        while True:
            asking = asyncio.ensure_future(ask(cluster))
            for _ in range(rounds):
                await asyncio.sleep(0)
            if asking.done():
                break
            asking.cancel()
            await asyncio.wait([asking], timeout=10.0)
            assert asking.cancelled(), f"after {rounds} rounds"
            rounds += 1
        assert rounds > 20
