"""`callboard simulate`: whole systems in virtual time, seed after seed."""

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._errors import USAGE, fail, told

if TYPE_CHECKING:
    from ..testing.simulation import Outcome, Scenario


def simulate(
    scenario: Annotated[
        str,
        typer.Argument(
            help="bank, chat, flights, orders, poison, troupe, vault; "
            "or MODULE:FUNCTION of your own."
        ),
    ],
    *,
    seed: Annotated[int, typer.Option(help="The first seed.")] = 0,
    count: Annotated[int, typer.Option(min=1, help="How many seeds, from the first on.")] = 1,
    faults: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBERS",
            help="Only these of the faults the seed draws, as in 0,3; or none. With one seed.",
        ),
    ] = None,
    limit: Annotated[float, typer.Option(min=1.0, help="Virtual seconds a run may take.")] = 3600.0,
    shrink: Annotated[
        bool, typer.Option(help="Look for fewer faults that still make a run fail.")
    ] = True,
    trace: Annotated[
        int | None,
        typer.Option(
            min=0, help="Lines of trace to print; 40 of a run that failed, none of others."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, and nothing else.")
    ] = False,
) -> None:
    """Run a scenario in virtual time: nodes, their broker and the network, by one seed.

    The same seed gives the same run, to the byte. Exits with 1 if a run failed; then prints the
    command that runs it again.
    """
    with told():
        from ..testing.simulation import simulate as run  # noqa: PLC0415 - see the package

        play = _find(scenario)
        keep = _numbers(faults, count)
        began, virtual = time.perf_counter(), 0.0
        failed: list[dict[str, Any]] = []
        digest = ""
        for number in range(seed, seed + count):
            outcome = run(play, seed=number, limit=limit, keep=keep)
            virtual += outcome.virtual_seconds
            digest = outcome.digest
            if outcome.ok:
                if trace and not as_json:
                    typer.echo(outcome.trace.render(last=trace))
                continue
            least, command = _shrunk(scenario, play, outcome, limit, wanted=shrink and keep is None)
            failed.append(
                {
                    "seed": number,
                    "error": f"{type(outcome.error).__name__}: {outcome.error}",
                    "faults": [str(fault) for _, fault in least.faults],
                    "replay": command,
                }
            )
            if not as_json:
                _show(least, failed[-1], 40 if trace is None else trace)
    real = time.perf_counter() - began
    if as_json:
        figures = {
            "scenario": scenario,
            "seed": seed,
            "count": count,
            "failed": failed,
            "digest": digest if count == 1 else None,
            "virtual_seconds": round(virtual, 3),
            "real_seconds": round(real, 3),
        }
        typer.echo(json.dumps(figures, indent=2))
    else:
        which = f"seed {seed}" if count == 1 else f"seeds {seed} to {seed + count - 1}"
        verdict = f"{len(failed)} failed" if failed else "all well"
        typer.echo(
            f"{scenario}, {which}: {verdict}; {virtual:,.0f} virtual seconds in {real:.1f} s"
            + (f"; digest {digest}" if count == 1 else "")
        )
    if failed:
        raise typer.Exit(1)


def _find(name: str) -> "Scenario":
    from ..scenarios import SCENARIOS  # noqa: PLC0415 - see the package

    if ":" in name:
        from ._target import load_scenario  # noqa: PLC0415 - see the package

        return load_scenario(name)
    if name not in SCENARIOS:
        fail(
            f"there is no scenario {name!r}; expected one of {', '.join(SCENARIOS)}, or "
            "MODULE:FUNCTION",
            USAGE,
        )
    return SCENARIOS[name]


def _numbers(faults: str | None, count: int) -> list[int] | None:
    if faults is None:
        return None
    if count != 1:
        fail("--faults names faults of one seed; leave --count out", USAGE)
    try:
        return [] if faults == "none" else [int(number) for number in faults.split(",")]
    except ValueError:
        fail(f"got --faults {faults!r}; expected numbers as in 0,3 or the word none", USAGE)


def _shrunk(
    name: str, play: "Scenario", outcome: "Outcome", limit: float, *, wanted: bool
) -> "tuple[Outcome, str]":
    from ..testing.simulation import replay_command  # noqa: PLC0415 - see the package
    from ..testing.simulation import shrink as fewer  # noqa: PLC0415 - see the package

    least = fewer(play, outcome, limit=limit) if wanted else outcome
    return least, replay_command(name, least, len(outcome.faults))


def _show(outcome: "Outcome", failed: dict[str, Any], lines: int) -> None:
    typer.echo(f"seed {outcome.seed} failed: {failed['error']}")
    typer.echo("with " + ("these faults:" if outcome.faults else "no fault at all"))
    for fault in failed["faults"]:
        typer.echo(f"  {fault}")
    if lines:
        typer.echo(outcome.trace.render(last=lines))
    typer.echo(f"run it again: {failed['replay']}\n")
