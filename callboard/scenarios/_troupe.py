"""The troupe: actors of three nodes talk, watch each other, and share one prompter."""

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field

from .. import (
    Actor,
    ActorSystem,
    AskTimeout,
    CallboardError,
    NodeUp,
    ServiceKey,
    Terminated,
    handler,
)
from ..testing.simulation import Machine, Simulation, broker, node
from .v1.scenarios_pb2 import Say, Show

EXTRAS = ServiceKey[Say]("extras")
_NODES = ("ann", "ben", "cat")
_DURING = 25.0
# A process that wakes finds out within a moment that it is not the one any more.
_AFTER_SLEEP = 2.0


@dataclass
class _Stage:
    """What really happens, seen by nobody in the troupe."""

    sim: Simulation
    heard: dict[tuple[int, str], list[int]] = field(default_factory=dict)
    """By listener and speaker, each one life of an actor: numbers in their order."""
    watches: dict[str, dict[str, float]] = field(default_factory=dict)
    """By node: what its witness watches, and since when."""
    prompting: dict[int, tuple[str, object]] = field(default_factory=dict)
    """The lives of prompters, each with its machine and that machine's life."""
    asleep: dict[object, float] = field(default_factory=dict)
    """When a machine's life was last seen asleep."""
    began: dict[str, tuple[object, float]] = field(default_factory=dict)
    """By machine: its present life, and when that has begun."""
    lives: int = 0

    def born(self) -> int:
        """Return a number for a new life."""
        self.lives += 1
        return self.lives

    def one_prompter(self) -> None:
        """There is never more than one that runs."""
        now = self.sim.now
        for name in _NODES:
            machine = self.sim.machines[name]
            if self.began.get(name, (None, 0.0))[0] is not machine.host:
                self.began[name] = machine.host, now
            if machine.host.running.value == "paused":
                self.asleep[machine.host] = now
        at_work = [
            name
            for name, host in self.prompting.values()
            if self.sim.machines[name].up
            and self.sim.machines[name].host is host
            and now - self.asleep.get(host, -_AFTER_SLEEP) >= _AFTER_SLEEP
        ]
        assert len(at_work) <= 1, f"more than one prompter: {at_work}"


class Extra(Actor):
    """Hears what others say."""

    def __init__(self, stage: _Stage) -> None:
        self.stage = stage
        self.life = stage.born()

    async def started(self) -> None:
        """Be found."""
        self.context.system.receptionist.register(EXTRAS, self.context.self_ref)

    @handler
    def say(self, message: Say) -> None:
        """Hear it."""
        self.stage.heard.setdefault((self.life, message.guest), []).append(message.number)

    @handler
    def show(self, message: Show) -> Show:
        """Say that it is there."""
        return message


class Witness(Actor):
    """Watches the extras of the other nodes, always."""

    def __init__(self, stage: _Stage, node: str) -> None:
        self.stage = stage
        self.mine = stage.watches[node] = {}

    @handler
    def up(self, message: NodeUp) -> None:
        """Watch there."""
        if message.node in _NODES and message.node != self.context.system.node:
            self._watch(message.node)

    @handler
    def gone(self, message: Terminated) -> None:
        """Watch again, when the node is there."""
        node = message.ref.address.split("/")[3]
        self.mine.pop(node, None)
        if message.node_down is None:
            self._watch(node)

    def _watch(self, node: str) -> None:
        system = self.context.system
        self.mine[node] = self.stage.sim.now
        self.context.watch(system.ref(f"callboard://{system.name}/{node}/user/extra"))


class Prompter(Actor):
    """Is there once."""

    def __init__(self, stage: _Stage) -> None:
        self.stage = stage
        self.life = stage.born()

    async def started(self) -> None:
        """Be seen."""
        name = self.context.system.node
        self.stage.prompting[self.life] = (name, self.stage.sim.machines[name].host)

    async def stopped(self) -> None:
        """Be seen no more."""
        self.stage.prompting.pop(self.life, None)

    @handler
    def show(self, message: Show) -> Show:
        """Say that it is there."""
        return message


async def troupe(sim: Simulation) -> None:
    """Three nodes talk while things go wrong; in the end all is found, watched, and there once."""
    await broker(sim).until_ready(5.0)
    stage = _Stage(sim)

    async def live(system: ActorSystem) -> None:
        system.spawn(Extra, stage, name="extra")
        witness = system.spawn(Witness, stage, system.node)
        system.events.subscribe(NodeUp, witness.tell)
        system.singleton(Prompter, stage, name="prompter")
        for other in _NODES:
            if other != system.node:
                with suppress(Exception):
                    witness.tell(NodeUp(other))
        await speak(system)

    async def speak(system: ActorSystem) -> None:
        choices = random.Random(f"speaker {system.node} {sim.seed}")
        speaker = f"{system.node}~{stage.born()}"
        for number in range(1_000_000):
            await asyncio.sleep(choices.uniform(0.05, 0.4))
            for other in _NODES:
                extra = system.ref(f"callboard://{system.name}/{other}/user/extra")
                extra.tell(Say(guest=speaker, number=number))

    machines = [node(sim, name, system="troupe", run=live) for name in _NODES]
    sim.invariant(stage.one_prompter)
    for each in machines:
        await each.until_ready(30.0)
    sim.faults(machines, during=_DURING)
    await sim.recovered()
    for each in machines:
        await each.until_ready(30.0)
    await _all_is_well(sim, stage, machines)
    for (_, speaker), numbers in stage.heard.items():
        assert numbers == sorted(set(numbers)), f"{speaker} was heard out of order, or twice"


async def _all_is_well(
    sim: Simulation, stage: _Stage, machines: list[Machine[ActorSystem]]
) -> None:
    """Wait until every node knows all others, each extra answers, and there is one prompter."""
    systems = [each.value for each in machines]

    def known() -> bool:
        return all(
            system.nodes() == _NODES and len(system.receptionist.find(EXTRAS)) == len(_NODES)
            for system in systems
        )

    await sim.until(known, "all nodes and extras are known to all", 60.0)

    def watched() -> bool:
        return all(
            len(watches) == len(_NODES) - 1
            and all(since >= stage.began[name][1] for name, since in watches.items())
            for watches in stage.watches.values()
        )

    await sim.until(watched, "everybody watches the extras there are, and no former ones", 60.0)
    for each in machines:
        for name in _NODES:
            await _answers(sim, each, f"callboard://troupe/{name}/user/extra")
        await _answers(sim, each, "callboard://troupe/singletons/prompter")


async def _answers(sim: Simulation, machine: Machine[ActorSystem], address: str) -> None:
    async def ask(system: ActorSystem) -> bool:
        with suppress(AskTimeout, CallboardError):
            await system.ref(address).ask(Show(), timeout=10.0)
            return True
        return False

    for _ in range(6):
        if await sim.on(machine, ask(machine.value)):
            return
    raise AssertionError(f"{address} does not answer {machine.name}")
