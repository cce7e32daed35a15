"""The process of a subject: it answers one line for each line it is sent."""

import asyncio
import gc
import json
import logging
import os
import sys
from collections.abc import Awaitable, Callable


def answer_requests(ready: str, run: Callable[[str, int], Awaitable[float]]) -> None:
    """Say what is measured; then answer requests until standard input closes.

    Each line asks for one run, as `WORKLOAD N SECONDS`, and is answered with one line,
    `{"value": ...}` or `{"error": ...}`.

    Args:
        ready: what is measured, with its version.
        run: takes the name of a workload and how much there is to do; returns the figure.
    """
    # Whatever a broker or a library prints is to end up beside the answers, not among them.
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    logging.disable(logging.CRITICAL)
    _say(answers, {"ready": ready})
    for line in sys.stdin:
        workload, n, seconds = line.split()
        gc.collect()
        _say(answers, _answer(run, workload, int(n), int(seconds)))


def _answer(
    run: Callable[[str, int], Awaitable[float]], workload: str, n: int, seconds: int
) -> dict[str, object]:
    async def within() -> float:
        async with asyncio.timeout(seconds):
            return await run(workload, n)

    try:
        return {"value": asyncio.run(within())}
    except Exception as error:  # noqa: BLE001 - whatever it was is the answer
        return {"error": f"{type(error).__name__}: {error}"}


def _say(answers: int, what: dict[str, object]) -> None:
    os.write(answers, json.dumps(what).encode() + b"\n")
