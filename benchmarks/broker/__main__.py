"""Measures one broker when told to.

    python -m callboard.benchmarks.broker NAME [WHAT WAS FOUND OF IT ...]

Says `{"ready": ...}` once. Then each line of standard input asks for one run, as `WORKLOAD N
SECONDS`, and is answered with one line, `{"value": ...}` or `{"error": ...}`. Each run has a broker
of its own, which is started before and ended after it.
"""

import asyncio
import gc
import json
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from ._idle import idle
from ._latency import end_to_end
from ._launch import Servers, servers
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
    # Whatever a broker or a library prints is to end up beside the answers, not among them.
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    logging.disable(logging.CRITICAL)
    kind = servers(sys.argv[1], sys.argv[2:])
    _say(answers, {"ready": kind.version})
    for line in sys.stdin:
        workload, n, seconds = line.split()
        _say(answers, _answer(kind, workload, int(n), int(seconds)))


def _answer(kind: Servers, workload: str, n: int, seconds: int) -> dict[str, object]:
    gc.collect()
    try:
        return {"value": asyncio.run(_run(kind, workload, n, seconds))}
    except Exception as error:  # noqa: BLE001 - whatever it was is the answer
        return {"error": f"{type(error).__name__}: {error}"}


async def _run(kind: Servers, workload: str, n: int, seconds: int) -> float:
    async with asyncio.timeout(seconds), running(kind) as server:
        return await RUNS[workload](server, n)


def _say(answers: int, what: dict[str, object]) -> None:
    os.write(answers, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    main()
