"""`callboard broker`: the embedded broker as a process of its own."""

import asyncio
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from ._errors import fail, told

if TYPE_CHECKING:
    from ..transport.broker import BrokerOptions

_NATURE = "in memory; for development, tests and small single machines"


def broker(
    *,
    host: Annotated[
        str, typer.Option(help="Address to listen on; anyone who reaches it may read and write.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 9092,
    partitions: Annotated[
        int, typer.Option(min=1, help="Partitions of topics that are created by being named.")
    ] = 4,
    auto_create: Annotated[
        bool, typer.Option(help="Create a topic when a client first names it.")
    ] = True,
    stop_on_stdin_close: Annotated[
        bool, typer.Option(help="Stop when standard input closes: for child processes.")
    ] = False,
) -> None:
    """Run a broker that speaks Kafka's protocol, until SIGTERM or Ctrl-C.

    It keeps everything in memory and does not replicate.
    """
    from .. import configure_logging  # noqa: PLC0415 - see the package
    from ..transport.broker import BrokerError, BrokerOptions  # noqa: PLC0415 - see the package
    from ._settings import load_settings  # noqa: PLC0415 - see the package

    settings = load_settings()
    configure_logging(settings.log_level, settings.log_json)
    options = BrokerOptions(
        host=host, port=port, default_partitions=partitions, auto_create=auto_create
    )
    with told():
        try:
            asyncio.run(serve(options, stop_with_stdin=stop_on_stdin_close))
        except BrokerError as error:
            fail(error)


async def serve(options: "BrokerOptions", *, stop_with_stdin: bool = False) -> None:
    """Run a broker until a signal or the parent's end; one line says when it is ready.

    Raises:
        BrokerError: The address cannot be listened on.
    """
    from ..transport.broker import Broker  # noqa: PLC0415 - see the package
    from ._parent import stop_with_parent  # noqa: PLC0415 - see the package

    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if stop_with_stdin:
        stop_with_parent(stopped.set)
    async with Broker(options) as running:
        # Flushed: whoever started this waits for the line.
        print(f"callboard broker ready on {running.bootstrap} ({_NATURE})", flush=True)  # noqa: T201 - a command's own output
        await stopped.wait()
