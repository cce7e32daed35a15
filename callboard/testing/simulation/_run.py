"""One run of a scenario, from its seed to its outcome."""

import asyncio
import time
import traceback
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

from ._client import steady_client
from ._environment import borrowed, bury, recorded
from ._faults import Fault
from ._loop import SimLoop
from ._network import Network, NetworkOptions
from ._ordered import ordered_sets
from ._simulation import Simulation
from ._trace import Trace

Scenario: TypeAlias = Callable[[Simulation], Coroutine[Any, Any, None]]
"""What happens: an async function that is given the simulation."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        seed: Of the run.
        error: What it failed with; None when it went well. Its traceback is in its notes.
        faults: What went wrong on purpose, each with its number among what the seed draws.
        digest: A hash of everything that happened; the same for the same seed.
        virtual_seconds: How long it took, in its own time.
        real_seconds: How long it took, in ours.
        trace: What happened.
    """

    seed: int
    error: BaseException | None
    faults: tuple[tuple[int, Fault], ...]
    digest: str
    virtual_seconds: float
    real_seconds: float
    trace: Trace

    @property
    def ok(self) -> bool:
        """Whether it went well."""
        return self.error is None


def simulate(
    scenario: Scenario,
    *,
    seed: int = 0,
    limit: float = 3600.0,
    network: NetworkOptions | None = None,
    keep: Sequence[int] | None = None,
) -> Outcome:
    """Run a scenario in a world of its own, and return how it ended.

    The same seed gives the same run, to the byte, in any process. Nothing real is touched:
    no socket, no file, no clock.

    Args:
        scenario: An async function that is given the Simulation.
        seed: Decides everything that is random.
        limit: Virtual seconds that it may take.
        network: What the network is like.
        keep: Numbers of the faults that happen, of those the seed draws; None for all.
    """
    began = time.perf_counter()
    remains: list[Any] = []
    try:
        options = _Options(seed, limit, network or NetworkOptions(), keep)
        outcome = _world(scenario, options, remains)
    finally:
        bury(remains)
    return replace(outcome, real_seconds=time.perf_counter() - began)


class _Options(NamedTuple):
    seed: int
    limit: float
    network: NetworkOptions
    keep: Sequence[int] | None


def _world(scenario: Scenario, options: _Options, remains: list[Any]) -> Outcome:
    """Make a world, let the scenario play in it, and leave its remains to be disposed of."""
    seed = options.seed
    trace = Trace()
    wires = Network(seed, options.network, trace)
    loop = SimLoop(seed=seed, limit=options.limit, network=wires)
    trace.open(loop.time)
    clocks = borrowed(seed, loop.time, loop.wall_clock)
    with clocks, recorded(trace), steady_client(), ordered_sets():
        loop.set_exception_handler(trace.unhandled)
        simulation = Simulation(seed, loop, trace, options.keep)
        asyncio.set_event_loop(loop)
        try:
            error = _play(loop, scenario(simulation), trace)
            digest, seconds = trace.digest, loop.time()
        finally:
            asyncio.set_event_loop(None)
            _end(loop, simulation, remains)
        plan = tuple(simulation.plan)
    return Outcome(seed, error, plan, digest, seconds, 0.0, trace)


def _play(loop: SimLoop, scenario: Coroutine[Any, Any, None], trace: Trace) -> BaseException | None:
    try:
        loop.run_until_complete(scenario)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is how the run ended
        trace.add("scenario", "failed", f"{type(error).__name__}: {error}")
        error.add_note("".join(traceback.format_exception(error)).rstrip())
        _let_go(error)
        return error
    return None


def _let_go(error: BaseException | None) -> None:
    """Forget the frames of an error: what they refer to would clean up in the next run."""
    while error is not None:
        error.__traceback__ = None
        if isinstance(error, BaseExceptionGroup):
            for each in error.exceptions:
                _let_go(each)
        behind = error.__cause__ or error.__context__
        error.__cause__ = error.__context__ = None
        error = behind


def _end(loop: SimLoop, simulation: Simulation, remains: list[Any]) -> None:
    """Kill whatever is left, and let nothing of it be heard of again."""
    for machine in simulation.machines.values():
        for host in machine.lives:
            loop.kill(host)
            remains += host.tasks
            host.tasks = []
    remains += asyncio.all_tasks(loop)
    simulation.machines.clear()
    simulation.trace.close()
    loop.close()
