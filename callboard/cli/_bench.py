"""`callboard bench`: measure, beside others."""

import asyncio
import contextlib
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._errors import USAGE, fail, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..benchmarks import Plan, Report

bench = typer.Typer(
    help="Measure callboard beside other runtimes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _alone(more: str = "") -> Any:
    """Return the option for a name that is measured alone."""
    words = f"Measure this alone; may be given several times. {more}".rstrip()
    return typer.Option(metavar="NAME", help=words)


Workload = Annotated[list[str] | None, _alone()]
Rounds = Annotated[int | None, typer.Option(min=1, help="How often; 5, or 1 with --quick.")]
Quick = Annotated[
    bool, typer.Option("--quick", help="A look at a tenth of the work, and no measurement.")
]
Broker = Annotated[
    str, typer.Option(metavar="NAME", help="What stands behind: embedded or apache.")
]
Json = Annotated[bool, typer.Option("--json", help="Print a JSON list of rows, and nothing else.")]


@bench.command()
def local(
    *,
    workload: Workload = None,
    subject: Annotated[list[str] | None, _alone("Ratios need asyncio_queue.")] = None,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="How often; 5, or 3 with --quick.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A look in less than 45 s, and no measurement.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure actors in memory: callboard, a queue and a task per actor, and its peers.

    Nothing is installed: what is not there is shown as not there, with how to get it. Exits with 0
    also when a run failed; standard error and the row's note say so.
    """
    with told(), TemporaryDirectory(prefix="callboard-bench-") as folder:
        from ..benchmarks.local import LocalOptions, plan_local  # noqa: PLC0415 - see the package

        options = LocalOptions(workload or (), subject or (), rounds, quick)
        report = _carried_out(_planned(lambda: plan_local(options, Path(folder))))
    _show(report, as_json=as_json)


@bench.command()
def broker(
    *,
    workload: Workload = None,
    subject: Annotated[list[str] | None, _alone("Ratios need tansu.")] = None,
    rounds: Rounds = None,
    quick: Quick = False,
    as_json: Json = False,
) -> None:
    """Measure the embedded broker beside others, with aiokafka's clients in front of each.

    Nothing is installed: what is not there is shown as not there, with how to get it. Exits with 0
    also when a run failed; standard error and the row's note say so.
    """
    with told():
        from ..benchmarks.broker import (  # noqa: PLC0415 - see the package
            BrokerBenchOptions,
            plan_broker,
        )

        options = BrokerBenchOptions(workload or (), subject or (), rounds, quick)
        report = _carried_out(_planned(lambda: plan_broker(options)))
    _show(report, as_json=as_json)


@bench.command()
def kafka(
    *,
    workload: Workload = None,
    subject: Annotated[list[str] | None, _alone("Ratios need aiokafka_send.")] = None,
    broker: Broker = "embedded",
    rounds: Rounds = None,
    quick: Quick = False,
    as_json: Json = False,
) -> None:
    """Measure durable mailboxes beside the same work done by hand with aiokafka.

    Exits with 0 also when a run failed; standard error and the row's note say so.
    """
    with told():
        from ..benchmarks.kafka import KafkaBenchOptions, plan_kafka  # noqa: PLC0415 - see the package

        options = KafkaBenchOptions(workload or (), subject or (), broker, rounds, quick)
        report = _carried_out(_planned(lambda: plan_kafka(options)))
    _show(report, as_json=as_json)


@bench.command()
def consumers(
    *,
    workload: Workload = None,
    subject: Annotated[list[str] | None, _alone("Ratios need aiokafka_getmany.")] = None,
    broker: Broker = "embedded",
    rounds: Rounds = None,
    quick: Quick = False,
    as_json: Json = False,
) -> None:
    """Measure consumers beside a bare loop of aiokafka's and FastStream, each at least once.

    Exits with 0 also when a run failed; standard error and the row's note say so.
    """
    with told():
        from ..benchmarks.kafka import (  # noqa: PLC0415 - see the package
            KafkaBenchOptions,
            plan_consumers,
        )

        options = KafkaBenchOptions(workload or (), subject or (), broker, rounds, quick)
        report = _carried_out(_planned(lambda: plan_consumers(options)))
    _show(report, as_json=as_json)


@bench.command()
def bridges(
    *,
    workload: Workload = None,
    subject: Annotated[list[str] | None, _alone("Ratios need by_hand.")] = None,
    broker: Broker = "embedded",
    rounds: Rounds = None,
    quick: Quick = False,
    as_json: Json = False,
) -> None:
    """Measure bridges into entities beside loops by hand with the same client libraries.

    The legacy brokers are where RABBITMQ_URL, ACTIVEMQ_URL and REDIS_URL say; queues of their own
    are made there and removed. Exits with 0 also when a run failed; standard error and the row's
    note say so.
    """
    with told():
        from ..benchmarks.kafka import (  # noqa: PLC0415 - see the package
            KafkaBenchOptions,
            plan_bridges,
        )

        options = KafkaBenchOptions(workload or (), subject or (), broker, rounds, quick)
        report = _carried_out(_planned(lambda: plan_bridges(options)))
    _show(report, as_json=as_json)


@bench.command()
def backlog(
    *,
    messages: Annotated[int, typer.Option(min=1, help="How many wait.")] = 1_000_000,
    seconds: Annotated[float, typer.Option(min=1.0, help="How long to look, at most.")] = 60.0,
    broker: Broker = "embedded",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")] = False,
) -> None:
    """Start one node before a large backlog, and look at its memory once a second."""
    with told():
        from ..benchmarks import UnknownChoice  # noqa: PLC0415 - see the package
        from ..benchmarks.kafka import measure_backlog  # noqa: PLC0415 - see the package

        try:
            found = asyncio.run(measure_backlog(messages, seconds, broker))
        except UnknownChoice as error:
            fail(error, USAGE)
        except RuntimeError as error:
            fail(error)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
        return
    typer.echo(
        f"{found.messages:,} messages waited; {found.handled:,} handled in {found.seconds:.1f} s. "
        f"Memory of the node: {found.resident_start_mb:.0f} MB at first, "
        f"{found.resident_peak_mb:.0f} MB at most, {found.resident_end_mb:.0f} MB at last"
    )


@bench.command()
def peers(
    *,
    python: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="The Python to take, 3.12 or later; else the newest."),
    ] = None,
) -> None:
    """Install the libraries that callboard is compared with, into an environment of their own.

    It is made anew each time, in the user's cache folder; remove that folder to be rid of it.
    """
    with told():
        from ..benchmarks import make_peers  # noqa: PLC0415 - see the package

        make_peers(python, typer.echo)
        typer.echo("done: `callboard bench local`, `broker` and `kafka` find them there")


def _planned(make: "Callable[[], Plan]") -> "Plan":
    """Return a plan; a name that is none of ours is a usage error."""
    from ..benchmarks import UnknownChoice  # noqa: PLC0415 - see the package

    try:
        return make()
    except UnknownChoice as error:
        fail(error, USAGE)


def _carried_out(plan: "Plan") -> "Report":
    try:
        return asyncio.run(_measure(plan))
    except asyncio.CancelledError:
        raise typer.Exit(128 + signal.SIGTERM) from None


def _show(report: "Report", *, as_json: bool) -> None:
    from ..benchmarks import as_json as rows_as_json  # noqa: PLC0415 - see the package
    from ..benchmarks import print_report  # noqa: PLC0415 - see the package

    if as_json:
        typer.echo(rows_as_json(report.rows))
        return
    from rich.console import Console  # noqa: PLC0415 - see the package

    print_report(Console(), report)


async def _measure(plan: "Plan") -> "Report":
    from ..benchmarks import run_plan  # noqa: PLC0415 - see the package

    task = asyncio.current_task()
    assert task is not None, "asyncio.run makes one"
    # Ctrl-C cancels this task anyway; whoever says SIGTERM gets the same orderly end.
    with contextlib.suppress(NotImplementedError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run_plan(plan, _Narrator(plan.rounds))


class _Narrator:
    """Tells on standard error how it goes: a line that is overwritten, if that is a terminal."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        self._live = sys.stderr.isatty()

    def running(self, number: int, workload: str, subject: str) -> None:
        if self._live:
            self._write(f"round {number + 1} of {self._rounds}: {workload}, {subject}", end="")

    def failed(self, workload: str, subject: str, reason: str) -> None:
        self._write(f"{subject} failed on {workload}: {reason}")

    def late(self) -> None:
        self._write("the time was over before the last round's end; the rows say what is missing")

    def _write(self, text: str, end: str = "\n") -> None:
        clear = "\r\x1b[K" if self._live else ""
        typer.echo(f"{clear}{text}{end}", err=True, nl=False)
