"""Whole systems in virtual time: the same seed is the same run, and nothing is lost in any."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from support.planted_bugs import FOUND_FROM, PLANTED, Plant

from callboard import ActorSystem
from callboard.scenarios import SCENARIOS, bank
from callboard.scenarios import _bank as bank_parts
from callboard.testing.simulation import (
    Machine,
    Outcome,
    Simulation,
    broker,
    node,
    replay_command,
    shrink,
    simulate,
)

SEEDS = int(os.environ.get("CALLBOARD_SIMULATED_SEEDS") or 100)
"""Seeds for each scenario; five hundred take a quarter of an hour."""

_OF_ORDERS = max(2, SEEDS // 5)
"""Seeds for the orders: a dozen consumers take several times as long."""

_PLANTED_SEEDS = 200


def test_the_same_seed_is_the_same_run_to_the_byte() -> None:
    """Twice in one process: every byte that arrived anywhere, and when."""
    first, second = simulate(bank, seed=11), simulate(bank, seed=11)
    assert first.digest == second.digest
    assert first.trace.render(traffic=True) == second.trace.render(traffic=True)
    assert simulate(bank, seed=12).digest != first.digest


@pytest.mark.parametrize("name", ["bank", "orders"])
def test_it_is_the_same_in_another_process(name: str) -> None:
    """With other hash seeds, sets of strings have another order there; the run has not."""
    running = [_start(name, "--seed", "7", hash_seed=hash_seed) for hash_seed in ("1", "2")]
    digests = {str(_figures(process)["digest"]) for process in running}
    digests.add(simulate(SCENARIOS[name], seed=7).digest)
    assert len(digests) == 1


def test_virtual_time_passes_quickly() -> None:
    """Three nodes at rest: many times faster than the clock, by the time of one processor."""

    async def rest(sim: Simulation) -> None:
        await broker(sim).until_ready(5)
        nodes: list[Machine[ActorSystem]] = [
            node(sim, f"n{n}", system="bank", entities=[bank_parts.Account]) for n in range(3)
        ]
        for each in nodes:
            await each.until_ready(30)
        await sim.sleep(300)

    began = time.process_time()
    outcome = simulate(rest, seed=1)
    assert outcome.ok
    assert outcome.virtual_seconds / (time.process_time() - began) > 30


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("pair", [("bank", "chat"), ("flights", "poison"), ("vault", "troupe")])
def test_every_seed_ends_well(pair: tuple[str, ...]) -> None:
    """Crashes, pauses, cuts and lost answers, drawn from the seed, in each scenario.

    Two scenarios at a time, in a process each.
    """
    running = {name: _start(name, "--count", str(SEEDS)) for name in pair}
    failed = {name: _figures(process)["failed"] for name, process in running.items()}
    assert failed == {name: [] for name in pair}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_seed_of_the_orders_ends_well() -> None:
    """The same with consumers of all sorts; half of the seeds in a process each."""
    half = _OF_ORDERS // 2
    running = [_start("orders", "--seed", str(first), "--count", str(half)) for first in (0, half)]
    assert [_figures(process)["failed"] for process in running] == [[], []]


@contextmanager
def planted(plant: Plant) -> Generator[None]:
    """Have a bug for a while."""
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        yield


def first_failure(name: str, seeds: range) -> Outcome | None:
    """Return the first run of a scenario that fails."""
    for seed in seeds:
        outcome = simulate(SCENARIOS[name], seed=seed)
        if not outcome.ok:
            return outcome
    return None


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug: str) -> None:
    """Each of these lines could have been written; a scenario fails within 200 seeds."""
    scenario, plant = PLANTED[bug]
    first = FOUND_FROM.get(bug, 0)
    with planted(plant):
        assert first_failure(scenario, range(first, _PLANTED_SEEDS)) is not None


def test_a_failing_run_is_shrunk_and_replayed() -> None:
    """Fewer faults, the same failure, and a command that names them."""
    scenario, plant = PLANTED["parking is forgotten"]
    with planted(plant):
        failed = first_failure(scenario, range(20))
        assert failed is not None
        least = shrink(SCENARIOS[scenario], failed)
        assert len(least.faults) <= len(failed.faults)
        kept = [number for number, _ in least.faults]
        again = simulate(SCENARIOS[scenario], seed=failed.seed, keep=kept)
        assert not again.ok
        assert again.digest == least.digest
    command = replay_command(scenario, least, len(failed.faults))
    assert command.startswith(f"callboard simulate {scenario} --seed {failed.seed}")


def _start(name: str, *arguments: str, hash_seed: str = "random") -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "callboard", "simulate", name, *arguments, "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )


def _figures(process: "subprocess.Popen[str]") -> dict[str, object]:
    try:
        printed, _ = process.communicate(timeout=800)
    except BaseException:
        process.kill()
        raise
    figures: dict[str, object] = json.loads(printed)
    return figures
