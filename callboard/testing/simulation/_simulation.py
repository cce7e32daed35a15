"""A simulation: machines on a network in virtual time, and what a scenario can do with them."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from ...transport.broker import Broker
from ._errors import HostFailed, InvariantViolated
from ._faults import KINDS, Fault, Nemesis, draw
from ._hosts import Host, Running
from ._loop import SimLoop
from ._machine import Machine
from ._trace import Trace

T = TypeVar("T")


class Simulation:
    """A world of its own: machines, a network between them, virtual time, and one seed.

    A scenario gets it, starts machines, lets things go wrong, and asserts at the end. Everything
    random follows the seed: delays, fragments, the order in which tasks run, and `random` below.

    Attributes:
        seed: Of the run.
        random: For the scenario's own choices.
        network: Delays, cuts, resets.
        trace: What happened.
        machines: By name.
        plan: The faults of this run, each with its number among those that were drawn.
    """

    def __init__(
        self,
        seed: int,
        loop: SimLoop,
        trace: Trace,
        keep: Sequence[int] | None = None,
    ) -> None:
        self.seed = seed
        self.random = random.Random(f"scenario {seed}")
        self.network = loop.network
        self._loop = loop
        self.trace = trace
        self.machines: dict[str, Machine[Any]] = {}
        self.plan: list[tuple[int, Fault]] = []
        self._keep = keep
        self._nemesis: asyncio.Task[None] | None = None
        self._invariants: list[Callable[[], None]] = []
        self._broken: BaseException | None = None

    # -- time and notes -----------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Virtual seconds since the run began."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        await asyncio.sleep(seconds)

    def note(self, text: str) -> None:
        """Put a line of the scenario's own into the trace."""
        self.trace.add("scenario", "note", text)

    async def until(
        self,
        condition: Callable[[], bool],
        what: str,
        timeout: float = 60.0,  # noqa: ASYNC109 - virtual seconds
    ) -> None:
        """Wait until something holds.

        Raises:
            TimeoutError: It did not, within so many virtual seconds; `what` says what.
        """
        deadline = self.now + timeout
        while not condition():
            if self.now >= deadline:
                raise TimeoutError(f"not within {timeout:g} virtual seconds: {what}")
            await asyncio.sleep(0.05)

    # -- machines -----------------------------------------------------------------------------

    def machine(
        self, name: str, main: "Callable[[Machine[T]], Coroutine[Any, Any, None]]"
    ) -> "Machine[T]":
        """Add a machine and start it; `main` is called for each of its lives.

        Raises:
            ValueError: The name is taken.
        """
        if name in self.machines:
            raise ValueError(f"there is a machine {name!r} already")
        machine = self.machines[name] = Machine(self, name, main)
        machine.start()
        return machine

    def crash(self, machine: "Machine[Any]", *, silently: bool = False) -> None:
        """Kill a machine's process, as `kill -9` does: nothing of it runs any more.

        Args:
            machine: Which.
            silently: Whether the whole machine falls silent, and its peers are not told.
        """
        host = machine.host
        if host.running is Running.DEAD:
            return
        self.trace.add(machine.name, "crash", "silently" if silently else "")
        self._loop.kill(host)
        self._loop.network.host_died(host, silently=silently)
        if machine.at_death is not None:
            machine.at_death()

    def restart(self, machine: "Machine[Any]") -> None:
        """Start a machine that was killed, or that ended."""
        machine.start()

    def pause(self, machine: "Machine[Any]") -> None:
        """Let a machine stand still, as SIGSTOP does: its connections stay, its clock goes on."""
        self.trace.add(machine.name, "pause", "")
        self._loop.pause(machine.host)

    def resume(self, machine: "Machine[Any]") -> None:
        """Let a paused machine go on."""
        if machine.host.running is Running.PAUSED:
            self.trace.add(machine.name, "resume", "")
            self._loop.resume(machine.host)

    async def stop(
        self,
        machine: "Machine[Any]",
        timeout: float = 60.0,  # noqa: ASYNC109 - virtual seconds
    ) -> None:
        """End a machine in order, as SIGTERM does: its main coroutine is cancelled and cleans up.

        Raises:
            TimeoutError: It has not ended after so many virtual seconds.
        """
        self.trace.add(machine.name, "stop", "")
        await machine.end(timeout)

    # -- the network --------------------------------------------------------------------------

    def partition(
        self,
        some: "Iterable[Machine[Any]]",
        others: "Iterable[Machine[Any]]",
        *,
        one_way: bool = False,
    ) -> None:
        """Let nothing through between machines, until `heal`."""
        self.network.partition((m.name for m in some), (m.name for m in others), one_way=one_way)

    def heal(self) -> None:
        """Let everything through again."""
        self.network.heal()

    def reset(self, some: "Machine[Any]", other: "Machine[Any]") -> None:
        """Reset the connections between two machines."""
        self.network.reset(some.name, other.name)

    def rejoin(self, machine: "Machine[Any]", others: "Iterable[Machine[Any]]") -> None:
        """Let everything through again between a machine and others."""
        self.network.rejoin(machine.name, [other.name for other in others])

    # -- what goes wrong ----------------------------------------------------------------------

    def faults(
        self,
        targets: "Sequence[Machine[Any]]",
        *,
        during: float,
        most: int = 6,
        kinds: Sequence[str] = KINDS,
    ) -> None:
        """Let things go wrong from now on, drawn from the seed.

        Args:
            targets: Machines they happen to.
            during: Virtual seconds within which they begin.
            most: The largest number of them.
            kinds: What may happen: see KINDS.
        """
        named = {machine.name: machine for machine in targets}
        drawn = draw(self.seed, sorted(named), during=during, most=most, kinds=kinds)
        self.plan = [
            (number, fault)
            for number, fault in enumerate(drawn)
            if self._keep is None or number in self._keep
        ]
        brokers = [m for m in self.machines.values() if m.is_ready and isinstance(m.value, Broker)]
        nemesis = Nemesis(self, named, brokers)
        self._nemesis = asyncio.get_running_loop().create_task(
            nemesis.run([fault for _, fault in self.plan])
        )

    async def recovered(self) -> None:
        """Wait until everything that went wrong is over, and every machine is up again."""
        if self._nemesis is not None:
            await self._nemesis

    async def on(self, machine: "Machine[Any]", work: Coroutine[Any, Any, T]) -> T:
        """Do something as the process that runs on a machine, and return what comes of it."""
        loop = asyncio.get_running_loop()
        return await loop.create_task(work, context=machine.host.context.copy())

    # -- what must hold -----------------------------------------------------------------------

    def invariant(self, check: Callable[[], None]) -> None:
        """Have something checked after every step of the run: a function that raises if not.

        Keep it cheap: a run has some hundred thousand steps.
        """
        self._invariants.append(check)
        self._loop.after_each_step(self.step)

    def host_failed(self, name: str, error: BaseException) -> None:
        """Take note that a machine's main coroutine failed; the run fails with it."""
        if self._loop.is_closed():
            return  # the run is over, and this host's remains are disposed of
        broken = HostFailed(f"{name} failed at {self.now:.3f} s: {type(error).__name__}: {error}")
        broken.__cause__ = error
        self._broken = self._broken or broken
        self._loop.after_each_step(self.step)

    def started(self, host: Host) -> None:
        """Take note that a process begins: its machine answers again, if it had fallen silent."""
        self.network.host_started(host)

    def ended(self, host: Host) -> None:
        """Take note that a process has come to its end: its kernel closes what it left open."""
        if host.running is not Running.DEAD:
            self._loop.kill(host)
            self.network.host_died(host, silently=False)

    def step(self) -> None:
        """Check what must hold; called after every step.

        Raises:
            InvariantViolated: One does not hold.
            HostFailed: A machine has failed.
        """
        if self._broken is not None:
            raise self._broken
        for check in self._invariants:
            try:
                check()
            except AssertionError as error:
                raise InvariantViolated(f"at {self.now:.6f} s: {error}") from error
