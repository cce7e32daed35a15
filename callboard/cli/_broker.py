"""`callboard broker`: the embedded broker as a process of its own."""

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._errors import fail, told

if TYPE_CHECKING:
    from ..transport.broker import BrokerOptions, Security

_PURPOSE = "for development, tests and small single machines; it does not replicate"


def broker(
    *,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on; without --users, anyone who reaches it may read and write."
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 9092,
    advertised_host: Annotated[
        str | None, typer.Option(help="What clients are told to connect to, if not --host.")
    ] = None,
    brokers: Annotated[
        int,
        typer.Option(min=1, max=99, help="Broker ids clients see, on ports one after another."),
    ] = 1,
    partitions: Annotated[
        int, typer.Option(min=1, help="Partitions of topics that are created by being named.")
    ] = 4,
    auto_create: Annotated[
        bool, typer.Option(help="Create a topic when a client first names it.")
    ] = True,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep everything in this folder; else in memory."),
    ] = None,
    fsync: Annotated[
        str,
        typer.Option(
            help="With --data: always (before each answer), never, or seconds between two."
        ),
    ] = "0.1",
    users: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Ask for a login: lines of name:password."),
    ] = None,
    sasl: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MECHANISM",
            help="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; may be given several times. All of them "
            "unless given.",
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Speak TLS, with this certificate chain.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The certificate's private key.")
    ] = None,
    tls_client_ca: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Ask clients for a certificate of one of these."),
    ] = None,
    stop_on_stdin_close: Annotated[
        bool, typer.Option(help="Stop when standard input closes: for child processes.")
    ] = False,
) -> None:
    """Run a broker that speaks Kafka's protocol, until SIGTERM or Ctrl-C.

    It keeps everything in memory, or in a folder; it does not replicate.
    """
    from .. import configure_logging  # noqa: PLC0415 - see the package
    from ..transport.broker import BrokerError, BrokerOptions  # noqa: PLC0415 - see the package
    from ._settings import load_settings  # noqa: PLC0415 - see the package

    settings = load_settings()
    configure_logging(settings.log_level, settings.log_json)
    with told():
        try:
            options = BrokerOptions(
                host=host,
                port=port,
                advertised_host=advertised_host,
                brokers=brokers,
                default_partitions=partitions,
                auto_create=auto_create,
                data=data,
                fsync=fsync,
                security=_security(users, sasl, tls_cert, tls_key, tls_client_ca),
            )
            asyncio.run(serve(options, stop_with_stdin=stop_on_stdin_close))
        except BrokerError as error:
            fail(error)


def _security(
    users: Path | None,
    mechanisms: list[str] | None,
    certificate: Path | None,
    key: Path | None,
    client_ca: Path | None,
) -> "Security | None":
    from ..transport.broker import MECHANISMS, Security, SecurityError, read_users  # noqa: PLC0415 - see above

    if not (users or mechanisms or certificate or key or client_ca):
        return None
    if mechanisms and users is None:
        raise SecurityError("--sasl names how users log in; name them too, with --users FILE")
    return Security(
        users={} if users is None else read_users(users),
        certificate=certificate,
        key=key,
        client_ca=client_ca,
        mechanisms=tuple(mechanisms or MECHANISMS),
    )


async def serve(options: "BrokerOptions", *, stop_with_stdin: bool = False) -> None:
    """Run a broker until a signal or the parent's end; one line says when it is ready.

    Raises:
        BrokerError: The address cannot be listened on, or the folder not be used.
    """
    from ..transport.broker import Broker  # noqa: PLC0415 - see the package
    from ._parent import stop_with_parent  # noqa: PLC0415 - see the package

    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if stop_with_stdin:
        stop_with_parent(stopped.set)
    where = "in memory" if options.data is None else f"in {options.data}"
    async with Broker(options) as running:
        # Flushed: whoever started this waits for the line.
        print(f"callboard broker ready on {running.bootstrap} ({where}; {_PURPOSE})", flush=True)  # noqa: T201 - a command's own output
        await stopped.wait()
