"""The dispatcher's process: `python -m callboard.demo`. The conductor starts it."""

import argparse
import asyncio
import contextlib
import gc
import sys

from callboard import ActorSystem, CallboardError, configure_logging

from ._data import find_archive, read_flights
from ._dispatcher import Releases, replay


async def dispatch(arguments: argparse.Namespace) -> None:
    """Replay the flights, then leave."""
    system = ActorSystem(
        arguments.system, transport=arguments.transport, node="dispatcher", entities=()
    )
    flights = read_flights(find_archive(), arguments.flights)
    async with Releases() as released, system:
        with contextlib.closing(flights):
            await replay(system, flights, holds=frozenset(arguments.hold), released=released)


def main() -> int:
    """Parse the arguments, dispatch, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m callboard.demo", description=__doc__)
    parser.add_argument("--system", required=True, help="name of the actor system")
    parser.add_argument("--transport", required=True, help="kafka://HOST:PORT")
    parser.add_argument("--flights", required=True, type=int, help="rows to replay")
    parser.add_argument(
        "--hold", action="append", default=[], type=int, help="row to wait for a line at"
    )
    configure_logging("info")
    # Half a million short-lived objects a second and no cycles: looking for some costs a third.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    try:
        asyncio.run(dispatch(parser.parse_args()))
    except CallboardError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except asyncio.CancelledError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
