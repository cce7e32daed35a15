"""What the scenarios share: an application of three nodes and a client, and patience at the end."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from typing import Any

from .. import ActorSystem, Entity
from ..actors import AskTimeout, CallboardError
from ..testing.simulation import Machine, Simulation, broker, node
from ..transport import DeliveryOptions
from ..transport.broker import Broker
from ..transport.delivery import Changelog, Record

NODES = 3
_PATIENCE = 400.0

Client = Callable[[ActorSystem, str, random.Random], Coroutine[Any, Any, None]]


async def play(
    sim: Simulation,
    system: str,
    entities: Sequence[type[Entity]],
    clients: Sequence[Client],
    *,
    during: float = 8.0,
    delivery: DeliveryOptions | None = None,
) -> Machine[ActorSystem]:
    """Run nodes and clients while things go wrong; return the clients' machine when all is calm.

    Each client is one task of a machine that nothing happens to. They are done when they have
    sent what they had to; then every fault is over, and all nodes are killed and started anew.
    """
    await broker(sim).until_ready(5.0)
    nodes = [
        node(sim, f"{system}-{n}", system=system, entities=entities, delivery=delivery)
        for n in range(NODES)
    ]
    done = 0

    async def one(client: Client, running: ActorSystem, number: int) -> None:
        nonlocal done
        await client(running, f"c{number}", random.Random(f"client {number} {sim.seed}"))
        done += 1

    async def work(running: ActorSystem) -> None:
        async with asyncio.TaskGroup() as group:
            for number, client in enumerate(clients):
                group.create_task(one(client, running, number))
        await asyncio.Event().wait()

    office = node(sim, "office", system=system, run=work)
    sim.faults(nodes, during=during)
    await sim.until(lambda: done == len(clients), "the clients are done", _PATIENCE)
    await sim.recovered()
    # Once more from what is in the log alone: what was lost there shows now.
    for each in nodes:
        sim.crash(each)
        sim.restart(each)
    return office


async def ask_all(
    sim: Simulation, office: Machine[ActorSystem], kind: type[Entity], ids: Sequence[str], what: Any
) -> dict[str, Any]:
    """Return the answers of entities, asked again until each has given one."""

    async def look(system: ActorSystem) -> dict[str, Any]:
        answers: dict[str, Any] = {}
        for id_ in ids:
            while id_ not in answers:
                with suppress(AskTimeout):
                    answers[id_] = await system.entity(kind, id_).ask(what, timeout=10.0)
        return answers

    return await sim.on(office, look(office.value))


def states(sim: Simulation, kind: str) -> dict[str, bytes]:
    """Return the states of a kind's entities as a new owner would restore them.

    Args:
        sim: The simulation.
        kind: System and kind, as in `bank.Account`.
    """
    machine: Machine[Broker] = sim.machines["broker"]
    log, topic = machine.value, f"{kind}.state"
    found: dict[str, bytes] = {}
    for index in range(len(log.partitions(topic)) if topic in log.topic_names() else 0):
        changelog = Changelog()
        changelog.fold(inbound(log, topic, index))
        found.update((id_, state.value) for id_, state in changelog.states.items())
    return found


def inbound(log: Broker, topic: str, index: int) -> Iterator[Record]:
    """Yield the records of a partition, as a client would give them."""
    for record in log.records(topic, index):
        headers = [(name, value or b"") for name, value in record.headers]
        yield Record(record.offset, record.key, record.value, headers)


async def settled(
    sim: Simulation,
    look: Callable[[], Coroutine[Any, Any, Any]],
    calm: Callable[[Any], bool],
) -> Any:
    """Look until nothing is on its way any more; return what was seen last, calm or not."""
    seen: Any = None
    for _ in range(40):
        seen = await look()
        if calm(seen):
            break
        await sim.sleep(1.0)
    return seen


async def sent(system: ActorSystem, kind: type[Entity], id_: str, message: Any) -> bool:
    """Send and tell whether it was accepted; if not, nobody knows whether it was written."""
    try:
        async with asyncio.timeout(12.0):
            await system.entity(kind, id_).send(message)
    except (CallboardError, TimeoutError):
        return False
    return True
