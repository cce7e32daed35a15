"""Several systems on one cluster do not see each other, on both brokers."""

import asyncio
import uuid

import pytest
from google.protobuf.wrappers_pb2 import Int64Value

from callboard import ActorSystem, Entity, handler
from callboard.supervision import Backoff, RetryPolicy
from callboard.transport import Inspector, Quarantine


class Pot(Entity):
    """Adds; refuses what is below zero."""

    partitions = 2
    policy = RetryPolicy(max_attempts=1, backoff=Backoff(0.01, 0.05))
    state: Int64Value

    @handler
    def add(self, message: Int64Value) -> Int64Value:
        """Add a number."""
        if message.value < 0:
            raise ValueError("below zero")
        self.state.value += message.value
        return Int64Value(value=self.state.value)


@pytest.fixture
def names() -> list[str]:
    """Names of which one begins the next."""
    stem = f"pot{uuid.uuid4().hex[:8]}"
    return [stem, f"{stem}-2", f"{stem}_2"]


async def test_systems_on_one_cluster_do_not_see_each_other(
    names: list[str], broker_url: str
) -> None:
    """The same kind and the same ids in three: mail, states, answers, quarantine, members."""
    url = f"kafka://{broker_url}"
    systems = [
        ActorSystem(name, transport=url, node=f"{name}-node", entities=[Pot]) for name in names
    ]
    for each in systems:
        await each.__aenter__()
    try:
        for rank, each in enumerate(systems, start=1):
            pot = each.entity(Pot, "same")
            answers = [
                (await pot.ask(Int64Value(value=10**rank), timeout=20.0)).value for _ in range(rank)
            ]
            assert answers[-1] == rank * 10**rank
        await systems[1].entity(Pot, "bad").send(Int64Value(value=-1))
        for rank, name in enumerate(names, start=1):
            async with Inspector(url, name) as inspector, asyncio.timeout(20):
                while await inspector.lag(Pot) or set(inspector.members()) != {f"{name}-node"}:
                    await asyncio.sleep(0.05)
                state = (await inspector.states(Pot))["same"]
                assert Int64Value.FromString(state.value).value == rank * 10**rank
            async with Quarantine(url, name) as quarantine:
                waiting = [message.key for message in await quarantine.messages("Pot")]
                assert waiting == (["bad"] if name == names[1] else [])
    finally:
        for each in systems:
            await each.__aexit__(None, None, None)
