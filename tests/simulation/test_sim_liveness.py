"""Whatever happened, the nodes that are there go on by themselves: nobody restarts them."""

import asyncio
from itertools import pairwise

import pytest

from callboard import ActorSystem
from callboard.actors import AskTimeout
from callboard.scenarios._bank import ACCOUNTS, Account
from callboard.scenarios.v1.scenarios_pb2 import Show, Transfer
from callboard.testing.simulation import Simulation, broker, node, simulate
from callboard.transport import DeliveryOptions

_SEEDS = 10


async def _cut_off_under_load(sim: Simulation, options: DeliveryOptions) -> None:
    """Cut a node off beyond its session while accounts are busy, and let it back."""
    log = broker(sim)
    await log.until_ready(5.0)
    nodes = [
        node(sim, f"bank-{n}", system="bank", entities=[Account], delivery=options)
        for n in range(2)
    ]
    stop = asyncio.Event()

    async def busy(system: ActorSystem) -> None:
        number = 0
        while not stop.is_set():
            for source, target in pairwise(ACCOUNTS):
                number += 1
                order = Transfer(id=f"t{number}", to=target, cents=1)
                system.entity(Account, source).tell(order)
            await asyncio.sleep(0.05)
        await asyncio.Event().wait()

    office = node(sim, "office", system="bank", run=busy)
    await sim.sleep(5.0)
    sim.partition([nodes[0]], [log])
    await sim.sleep(8.0 + sim.seed)
    sim.rejoin(nodes[0], [log])
    await sim.sleep(1.0)
    stop.set()
    await sim.sleep(20.0)

    async def ask() -> list[str]:
        silent: list[str] = []
        for id_ in ACCOUNTS:
            try:
                await office.value.entity(Account, id_).ask(Show(), timeout=20.0)
            except AskTimeout:
                silent.append(id_)
        return silent

    silent = await sim.on(office, ask())
    assert not silent, f"nobody runs {silent}"


@pytest.mark.parametrize("exactly_once", [False, True], ids=["ids", "transactions"])
def test_every_partition_has_an_owner_after_a_node_was_cut_off(exactly_once: bool) -> None:
    """A node that comes back takes what it is given, and nothing besides."""

    async def scenario(sim: Simulation) -> None:
        await _cut_off_under_load(sim, DeliveryOptions(exactly_once=exactly_once))

    for seed in range(_SEEDS):
        outcome = simulate(scenario, seed=seed)
        assert outcome.ok, f"seed {seed}: {outcome.error}"
