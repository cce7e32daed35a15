"""`callboard demo`: the flights."""

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from ._errors import FAILED, told

if TYPE_CHECKING:
    from ..demo import DemoOptions, Report

_ALL = 336_776


def demo(
    *,
    flights: Annotated[
        int, typer.Option(min=1, max=_ALL, help="How many rows to replay, from the first.")
    ] = _ALL,
    kill: Annotated[
        bool, typer.Option("--kill/--no-kill", help="Kill workers in the middle with kill -9.")
    ] = True,
    kills: Annotated[int, typer.Option(min=0, max=9, help="How many workers to kill.")] = 1,
    seed: Annotated[int, typer.Option(help="Decides when which worker is killed.")] = 2013,
    transport: Annotated[
        str | None,
        typer.Option(help="kafka://HOST:PORT of a cluster; without it a broker is started."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object as the last line of stdout.")
    ] = False,
) -> None:
    """Replay the flights of 2013 through Kafka, kill a node, and compare every total.

    Exits with 1 if a total differs from the CSV file's.
    """
    with told():
        from .. import configure_logging  # noqa: PLC0415 - see the package
        from ..demo import DemoOptions  # noqa: PLC0415 - see the package
        from ..transport import parse_transport  # noqa: PLC0415 - see the package
        from ._settings import load_settings  # noqa: PLC0415 - see the package

        # The screen tells what matters; a client's warnings would tear it apart.
        configure_logging("critical")
        url = load_settings(transport=transport).transport
        # A broker inside one of several processes is of no use to the others.
        cluster = None if url is None or parse_transport(url).bootstrap is None else url
        options = DemoOptions(
            flights=flights, kills=kills if kill else 0, seed=seed, transport=cluster
        )
        try:
            report = asyncio.run(_perform(options, as_json=as_json))
        except asyncio.CancelledError:
            raise typer.Exit(128 + signal.SIGTERM) from None
    if as_json:
        typer.echo(report.as_json())
    if not report.passed:
        raise typer.Exit(FAILED)


async def _perform(options: "DemoOptions", *, as_json: bool) -> "Report":
    from rich.console import Console  # noqa: PLC0415 - see the package

    from ..demo import conduct, make_screen, print_report, system_name  # noqa: PLC0415 - see the package

    task = asyncio.current_task()
    assert task is not None, "asyncio.run makes one"
    # Ctrl-C cancels this task anyway; whoever says SIGTERM gets the same orderly end.
    with contextlib.suppress(NotImplementedError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    console = Console(stderr=as_json)
    system = system_name()
    title = f"callboard demo: {options.flights:,} flights, system {system}, seed {options.seed}"
    with make_screen(console, title) as screen:
        report = await conduct(options, screen, system=system)
    print_report(console, report)
    return report
