"""From a run that fails to the shortest like it: with as few faults as still make it fail."""

from collections.abc import Callable

from ._run import Outcome, Scenario, simulate


def shrink(
    scenario: Scenario,
    failed: Outcome,
    *,
    limit: float = 3600.0,
    most: int = 40,
    tried: Callable[[Outcome], None] | None = None,
) -> Outcome:
    """Leave out faults, one after another, as long as the run still fails.

    Args:
        scenario: What was run.
        failed: How it failed.
        limit: Virtual seconds that each run may take.
        most: The largest number of runs.
        tried: Called after each.

    Returns:
        The failed run with the fewest faults that was found; `failed` itself if none can be
        left out.
    """
    runs = 0
    smallest = failed
    again = True
    while again:
        again = False
        numbers = [number for number, _ in smallest.faults]
        for left_out in numbers:
            if runs == most:
                return smallest
            runs += 1
            keep = [number for number in numbers if number != left_out]
            outcome = simulate(scenario, seed=failed.seed, limit=limit, keep=keep)
            if tried is not None:
                tried(outcome)
            if not outcome.ok:
                smallest, again = outcome, True
                break
    return smallest


def replay_command(name: str, outcome: Outcome, drawn: int) -> str:
    """Return the command that runs an outcome's run again.

    Args:
        name: How the scenario is named to `callboard simulate`.
        outcome: The run.
        drawn: How many faults its seed draws.
    """
    command = f"callboard simulate {name} --seed {outcome.seed}"
    if len(outcome.faults) < drawn:
        kept = ",".join(str(number) for number, _ in outcome.faults) or "none"
        command += f" --faults {kept}"
    return command
