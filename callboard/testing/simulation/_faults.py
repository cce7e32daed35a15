"""What goes wrong in a run: drawn from the seed, as a list that can be shortened."""

import asyncio
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ...transport.broker import Broker
from ._hosts import Running
from ._machine import Machine

if TYPE_CHECKING:
    from ._simulation import Simulation

_BROKER_SIDE = ("lose", "expire", "rebalance")
KINDS = ("crash", "silence", "pause", "cut", "mute", "reset", "slow", *_BROKER_SIDE)
"""Killed; the same with peers not told; stopped and resumed; cut off; cut off one way; connections
reset; everything slow; an answer lost after it was applied; put out of its group; all join anew."""

_LOSABLE = ("produce", "offset_commit", "join_group", "sync_group", "heartbeat", "fetch")


class Fault(NamedTuple):
    """One thing that goes wrong.

    Attributes:
        at: Virtual seconds since the faults began.
        kind: One of KINDS.
        target: Name of the machine it happens to.
        seconds: How long until it is over.
        detail: For `lose`: which request.
    """

    at: float
    kind: str
    target: str
    seconds: float
    detail: str = ""

    def __str__(self) -> str:
        what = f"{self.kind} {self.detail}".strip()
        return f"at {self.at:.2f} s: {what} {self.target} for {self.seconds:.2f} s"


def draw(
    seed: int, targets: Sequence[str], *, during: float, most: int, kinds: Sequence[str]
) -> list[Fault]:
    """Return what goes wrong with a seed, in order of time."""
    choices = random.Random(f"faults {seed}")
    faults: list[Fault] = []
    for _ in range(choices.randint(1, most)):
        kind = choices.choice(kinds)
        longest = 12.0 if kind in {"pause", "cut", "mute"} else 4.0
        faults.append(
            Fault(
                round(choices.uniform(0.0, during), 3),
                kind,
                choices.choice(targets),
                round(choices.uniform(0.1, longest), 3),
                choices.choice(_LOSABLE) if kind == "lose" else "",
            )
        )
    return sorted(faults)


class Nemesis:
    """Lets a list of faults happen.

    Args:
        sim: The simulation.
        targets: Machines by name.
        brokers: Machines with brokers, which targets talk to.
    """

    def __init__(
        self,
        sim: "Simulation",
        targets: "dict[str, Machine[Any]]",
        brokers: "Sequence[Machine[Broker]]",
    ) -> None:
        self._sim = sim
        self._targets = targets
        self._brokers = brokers

    async def run(self, faults: Sequence[Fault]) -> None:
        """Let them happen; return when the last one is over, and everything is up again."""
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                group.create_task(self._one(fault))
        self._sim.heal()
        for machine in self._targets.values():
            self._sim.resume(machine)
            if machine.host.running is Running.DEAD:
                self._sim.restart(machine)

    async def _one(self, fault: Fault) -> None:
        await asyncio.sleep(fault.at)
        sim, machine = self._sim, self._targets[fault.target]
        sim.trace.add(fault.target, "fault", str(fault))
        match fault.kind:
            case "crash" | "silence":
                sim.crash(machine, silently=fault.kind == "silence")
                await asyncio.sleep(fault.seconds)
                if machine.host.running is Running.DEAD:
                    sim.restart(machine)
            case "pause":
                if machine.up:
                    sim.pause(machine)
                    await asyncio.sleep(fault.seconds)
                    sim.resume(machine)
            case "cut" | "mute":
                sim.partition([machine], self._brokers, one_way=fault.kind == "mute")
                await asyncio.sleep(fault.seconds)
                sim.rejoin(machine, self._brokers)
            case "reset":
                for each in self._brokers:
                    sim.reset(machine, each)
            case "slow":
                sim.network.slow *= 20
                await asyncio.sleep(fault.seconds)
                sim.network.slow /= 20
            case _:
                for each in self._brokers:
                    self._at_broker(fault, each)

    def _at_broker(self, fault: Fault, machine: "Machine[Broker]") -> None:
        if not machine.up or not machine.is_ready:
            return
        broker = machine.value
        if fault.kind == "lose":
            broker.drop_answer(
                fault.detail, where=lambda request: request.client_id.startswith(fault.target)
            )
            return
        for group, view in broker.groups().items():
            if fault.kind == "rebalance":
                broker.rebalance(group)
            elif view.members:
                mine = [m for m in view.members if m.startswith(fault.target)]
                for member in mine[:1]:
                    broker.expire_member(group, member)
