"""Measures one subject when told to.

    python -m callboard.benchmarks.kafka SUBJECT BROKER [WHAT WAS FOUND OF IT ...]

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

from ..broker import Servers, running, servers
from . import _ours, _raw
from ._workloads import BATCH, OURS, SEND

Run = Callable[[str, int], Awaitable[float]]

RUNS: Mapping[str, Mapping[str, Run]] = {
    OURS: {
        "send": _ours.send,
        "send_each": _ours.send_each,
        "pipeline": _ours.pipeline,
        "ask": partial(_ours.ask, percent=50),
        "ask_p99": partial(_ours.ask, percent=99),
        "takeover": _ours.takeover,
        "restore": _ours.restore,
    },
    SEND: {
        "send": _raw.send,
        "send_each": _raw.send,
        "pipeline": partial(_raw.pipeline, batches=False),
        "ask": partial(_raw.ask, percent=50),
        "ask_p99": partial(_raw.ask, percent=99),
        "takeover": _raw.takeover,
        "restore": _raw.restore,
    },
    BATCH: {"send": _raw.send_batches, "pipeline": partial(_raw.pipeline, batches=True)},
}


def main() -> None:
    """Answer requests until standard input closes."""
    # Whatever a broker or a library prints is to end up beside the answers, not among them.
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    logging.disable(logging.CRITICAL)
    subject, kind = sys.argv[1], servers(sys.argv[2], sys.argv[3:])
    _say(answers, {"ready": f"before {kind.version}"})
    for line in sys.stdin:
        workload, n, seconds = line.split()
        _say(answers, _answer(RUNS[subject][workload], kind, int(n), int(seconds)))


def _answer(run: Run, kind: Servers, n: int, seconds: int) -> dict[str, object]:
    gc.collect()
    try:
        return {"value": asyncio.run(_before(run, kind, n, seconds))}
    except Exception as error:  # noqa: BLE001 - whatever it was is the answer
        return {"error": f"{type(error).__name__}: {error}"}


async def _before(run: Run, kind: Servers, n: int, seconds: int) -> float:
    async with asyncio.timeout(seconds), running(kind) as server:
        return await run(server.bootstrap, n)


def _say(answers: int, what: dict[str, object]) -> None:
    os.write(answers, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    main()
