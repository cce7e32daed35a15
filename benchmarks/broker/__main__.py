"""Measures one broker when told to.

    python -m callboard.benchmarks.broker NAME [WHAT WAS FOUND OF IT ...]

Says `{"ready": ...}` once. Then each line of standard input asks for one run, as `WORKLOAD N
SECONDS`, and is answered with one line, `{"value": ...}` or `{"error": ...}`. Each run has a broker
of its own, which is started before and ended after it.
"""

import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from .. import answer_requests
from ._idle import idle
from ._latency import end_to_end
from ._launch import servers
from ._memory import memory_idle, memory_stored
from ._rates import Span, consume, produce, produce_batches
from ._server import Server, running


async def _rate(run: Callable[[Server, int], Awaitable[Span]], server: Server, n: int) -> float:
    return (await run(server, n)).rate()


async def _cost(run: Callable[[Server, int], Awaitable[Span]], server: Server, n: int) -> float:
    return (await run(server, n)).cost()


RUNS: Mapping[str, Callable[[Server, int], Awaitable[float]]] = {
    "produce": partial(_rate, produce),
    "produce_batches": partial(_rate, produce_batches),
    "consume": partial(_rate, consume),
    "produce_cpu": partial(_cost, produce),
    "produce_batches_cpu": partial(_cost, produce_batches),
    "consume_cpu": partial(_cost, consume),
    "end_to_end_p50": partial(end_to_end, percent=50),
    "end_to_end_p99": partial(end_to_end, percent=99),
    "idle": idle,
    "memory_idle": memory_idle,
    "memory_stored": memory_stored,
}


def main() -> None:
    """Answer requests until standard input closes."""
    kind = servers(sys.argv[1], sys.argv[2:])

    async def run(workload: str, n: int) -> float:
        async with running(kind) as server:
            return await RUNS[workload](server, n)

    answer_requests(kind.version, run)


if __name__ == "__main__":
    main()
