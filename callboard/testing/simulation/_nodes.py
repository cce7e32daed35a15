"""The machines most scenarios are made of: brokers, and nodes of an actor system."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from ... import ActorSystem
from ...actors import Entity, TransportUnavailable
from ...transport import DeliveryOptions
from ...transport.broker import Broker, BrokerOptions
from ._machine import Machine
from ._simulation import Simulation

_PORT = 9092
_RESTART_DELAY = 1.0


def broker(sim: Simulation, name: str = "broker", **options: Any) -> Machine[Broker]:
    """Add a machine with an embedded broker.

    Args:
        sim: The simulation.
        name: Its address; clients connect to `NAME:9092`.
        **options: As BrokerOptions takes them. With `data`, a folder of the test's own, it has
            everything again when it is killed and started anew.
    """

    async def main(machine: Machine[Broker]) -> None:
        settings: dict[str, Any] = {"host": name, "port": _PORT, **options}
        async with Broker(BrokerOptions(**settings)) as running:
            machine.at_death = running.let_go
            machine.ready(running)
            await asyncio.Event().wait()

    return sim.machine(name, main)


def node(
    sim: Simulation,
    name: str,
    *,
    system: str,
    entities: Sequence[type[Entity]] = (),
    brokers: str = f"broker:{_PORT}",
    session_timeout: float = 6.0,
    delivery: DeliveryOptions | None = None,
    declare: Callable[[ActorSystem], None] | None = None,
    run: Callable[[ActorSystem], Coroutine[Any, Any, None]] | None = None,
) -> Machine[ActorSystem]:
    """Add a machine with a node of an actor system.

    Args:
        sim: The simulation.
        name: Its address, and the node's name.
        system: Name of the actor system.
        entities: Kinds it runs; none makes it a client.
        brokers: Where the log is.
        session_timeout: Silence after which the others take over.
        delivery: How entities' mail is delivered; None for the defaults.
        declare: Declares its consumers and publishers, in each of its lives, before it is up.
        run: What it does once it is up; when that ends, the node does. Else it stays.
    """

    async def main(machine: Machine[ActorSystem]) -> None:
        while True:
            try:
                await live(machine)
            except TransportUnavailable as error:
                # Whatever looks after processes starts one again that did not come up.
                sim.trace.add(name, "not up", str(error))
                await asyncio.sleep(_RESTART_DELAY)
            else:
                return

    async def live(machine: Machine[ActorSystem]) -> None:
        seed = sim.seed * 1_000_003 + len(machine.lives) * 1_009 + sum(name.encode())
        url = f"kafka://{brokers}?session_timeout={session_timeout:g}"
        made = ActorSystem(
            system,
            transport=url,
            node=name,
            seed=seed,
            wall_clock=time.time,
            entities=entities,
            delivery=delivery,
        )
        if declare is not None:
            declare(made)
        async with made as running:
            machine.ready(running)
            if run is not None:
                await run(running)
            else:
                await asyncio.Event().wait()

    return sim.machine(name, main)
