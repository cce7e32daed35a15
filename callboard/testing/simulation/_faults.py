"""What goes wrong in a run: drawn from the seed, as a list that can be shortened."""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, NamedTuple

from ...transport.broker import Action, Broker, Delay, Disconnect, DropAnswer, RequestInfo
from ._hosts import Running
from ._machine import Machine

if TYPE_CHECKING:
    from ._simulation import Simulation

_TIMED = ("crash", "silence", "pause", "cut", "mute", "reset", "slow")
_AT_A_REQUEST = ("die", "freeze", "lose")
_IN_THE_GROUP = ("expire", "rebalance")
KINDS = (*_TIMED, *_AT_A_REQUEST, *_AT_A_REQUEST, "die", "die", *_IN_THE_GROUP)
"""What may happen. At a time: killed; the same with peers not told; stopped and resumed; cut off;
cut off one way; connections reset; everything slow. When a request of the target reaches the
broker, which is where the dangerous moments are: killed; stopped and resumed; an answer lost.
In the group: put out; all have to join anew. Those at a request are drawn more often."""

_REQUESTS = ("produce", "produce", "produce", "offset_commit", "join_group", "sync_group", "fetch")


_MOMENTS = ("before", "after", "late", "late")
"""Whether the request has been applied when it happens; late: it is held up for a while, and the
target goes on with what does not wait for its answer."""

_HELD_UP = 2.0

_PATIENCE = 10.0
"""Virtual seconds for the request to come at which something happens."""


class Fault(NamedTuple):
    """One thing that goes wrong.

    Attributes:
        at: Virtual seconds since the faults began.
        kind: One of KINDS.
        target: Name of the machine it happens to.
        seconds: How long until it is over.
        detail: For what happens at a request: which, how many of them pass before, and whether
            it has been applied by then.
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
        longest = 14.0 if kind in {"pause", "freeze", "cut", "mute"} else 4.0
        request = choices.choice(_REQUESTS)
        moment = f"{request} {choices.randint(0, 10)} {choices.choice(_MOMENTS)}"
        faults.append(
            Fault(
                round(choices.uniform(0.0, during), 3),
                kind,
                choices.choice(targets),
                round(choices.uniform(0.1, longest), 3),
                moment if kind in _AT_A_REQUEST else "",
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
        self._context = copy_context()

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
        machine = self._targets[fault.target]
        self._sim.trace.add(fault.target, "fault", str(fault))
        if fault.kind in _TIMED:
            await self._timed(fault, machine)
            return
        for each in self._brokers:
            if not each.up or not each.is_ready:
                continue
            if fault.kind in _AT_A_REQUEST:
                await self._at_request(fault, machine, each.value)
            else:
                self._in_group(fault, each.value)

    async def _timed(self, fault: Fault, machine: "Machine[Any]") -> None:
        sim = self._sim
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
                raise AssertionError(f"{fault.kind} happens at no time")

    async def _at_request(self, fault: Fault, target: "Machine[Any]", broker: Broker) -> None:
        """Wait for a certain request of the target to reach a broker, and strike then."""
        api, count, moment = fault.detail.split()
        left = int(count)
        struck = asyncio.Event()

        def control(request: RequestInfo) -> Action | None:
            nonlocal left
            if struck.is_set() or not request.client_id.startswith(target.name) or not target.up:
                return None
            left -= 1
            if left >= 0:
                return None
            struck.set()
            return self._strike(fault, target, moment)

        with broker.control(api, control), contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await struck.wait()
        if fault.kind != "lose":
            await asyncio.sleep(_HELD_UP + fault.seconds)
            self._sim.resume(target)
            if target.host.running is Running.DEAD:
                self._sim.restart(target)

    def _strike(self, fault: Fault, target: "Machine[Any]", moment: str) -> Action | None:
        if fault.kind == "lose":
            return DropAnswer() if moment == "after" else Disconnect()
        strike = self._sim.crash if fault.kind == "die" else self._sim.pause
        if moment == "late":
            loop = asyncio.get_running_loop()
            # In the nemesis' name, which nothing happens to.
            loop.call_later(_HELD_UP * 0.9, strike, target, context=self._context)
            return Delay(_HELD_UP)
        strike(target)
        return None if moment == "after" else Delay(_HELD_UP)

    def _in_group(self, fault: Fault, broker: Broker) -> None:
        for group, view in broker.groups().items():
            if fault.kind == "rebalance":
                broker.rebalance(group)
            elif view.members:
                mine = [m for m in view.members if m.startswith(fault.target)]
                for member in mine[:1]:
                    broker.expire_member(group, member)
