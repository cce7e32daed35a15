"""`callboard run`: one node, until it is told to stop."""

import asyncio
import gc
import os
import signal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._errors import USAGE, fail, told

if TYPE_CHECKING:
    from .. import ActorSystem

NodeName = Annotated[str | None, typer.Option(help="Name of this node.")]
LogLevel = Annotated[str | None, typer.Option(help="debug, info, warning, error or critical.")]
LogJson = Annotated[
    bool | None, typer.Option("--log-json/--log-text", help="How log lines are written.")
]
StopOnStdinClose = Annotated[
    bool, typer.Option(help="Stop when standard input closes: for child processes.")
]


def run(
    target: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:SYSTEM",
            help="An ActorSystem, or a function without parameters that returns one.",
        ),
    ],
    *,
    transport: Annotated[
        str | None,
        typer.Option(help="memory:// or kafka://HOST:PORT; wins over the program's own."),
    ] = None,
    node: NodeName = None,
    log_level: LogLevel = None,
    log_json: LogJson = None,
    stop_on_stdin_close: StopOnStdinClose = False,
) -> None:
    """Run a node until SIGTERM or Ctrl-C, then drain and stop it.

    The exit code is the system's: 0, or 70 when a failure escalated to its root.
    """
    from .. import configure_logging  # noqa: PLC0415 - see the package
    from ..transport import parse_transport  # noqa: PLC0415 - see the package
    from ._settings import load_settings  # noqa: PLC0415 - see the package
    from ._target import TargetError, load_system  # noqa: PLC0415 - see the package

    settings = load_settings(transport=transport, node=node, log_level=log_level, log_json=log_json)
    with told():
        configure_logging(settings.log_level, settings.log_json)
        if settings.transport is not None:
            parse_transport(settings.transport)
            # Before the import: the program may build its system there and then.
            os.environ["CALLBOARD_TRANSPORT"] = settings.transport
        try:
            system = load_system(target)
        except TargetError as error:
            fail(error, USAGE)
        if transport is not None:
            system.transport_url = transport
        if settings.node is not None:
            try:
                system.name_node(settings.node)
            except ValueError as error:
                fail(error, USAGE)
        code = run_node(system, stop_with_stdin=stop_on_stdin_close)
    raise typer.Exit(code)


def run_node(system: "ActorSystem", *, stop_with_stdin: bool) -> int:
    """Run a system in a process of its own, as `serve` says; return its exit code."""
    _collect_less_often()
    return asyncio.run(serve(system, stop_with_stdin=stop_with_stdin))


def _collect_less_often() -> None:
    """Have the cyclic garbage collector look less often, and never at what was imported.

    A node makes many short-lived objects without cycles, messages above all.
    Looking for cycles among them costs a worker of the demo 15 % of its time.
    """
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


async def serve(system: "ActorSystem", *, stop_with_stdin: bool = False) -> int:
    """Run a system until a signal, its own end, or the parent's; return its exit code."""
    from ._parent import stop_with_parent  # noqa: PLC0415 - see the package

    loop = asyncio.get_running_loop()
    task: asyncio.Task[Any] | None = asyncio.current_task()
    assert task is not None, "asyncio.run makes one"
    entered = told = False

    def stop() -> None:
        nonlocal told
        told = True
        if entered:
            system.terminate()
        else:
            task.cancel()  # it still connects; there is nothing to drain

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    if stop_with_stdin:
        stop_with_parent(stop)
    try:
        async with system:
            entered = True
            if told:  # and the cancellation was swallowed by a library that was just connecting
                system.terminate()
            await system.wait_stopped()
    except asyncio.CancelledError:
        if entered:
            raise
    return system.exit_code
