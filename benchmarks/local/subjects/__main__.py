"""Runs workloads of one subject when told to, each in a process of its own.

    python -m subjects NAME [--uvloop]

Says `{"ready": ...}` once. Then each line of standard input asks for one run, as `WORKLOAD N
SECONDS`, and is answered with one line, `{"value": ...}` or `{"error": ...}`. A run happens in a
fork made for it, so that no run finds another's heap, and none has to start an interpreter.
"""

import asyncio
import contextlib
import gc
import importlib
import importlib.metadata
import json
import logging
import os
import platform
import signal
import sys
from typing import NoReturn

from ._measure import Run, Runs

PACKAGES = {
    "asyncio_queue": None,
    "callboard": "callboard",
    "pykka": "pykka",
    "casty": "casty",
    "everything-is-an-actor": "everything-is-an-actor",
}


def main() -> None:
    """Answer requests until standard input closes."""
    name, uvloop = sys.argv[1], "--uvloop" in sys.argv[2:]
    # Whatever a library prints is to end up beside the answers, not among them.
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    logging.disable(logging.CRITICAL)
    module = importlib.import_module(f".{_module_of(name)}", __package__)
    runs: Runs = module.RUNS
    _say(answers, {"ready": _version_of(name, uvloop=uvloop)})
    for line in sys.stdin:
        workload, n, seconds = line.split()
        child = os.fork()
        if not child:
            _run(runs, workload, int(n), int(seconds), answers, uvloop=uvloop)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code:  # it had no chance to answer
            ended = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            _say(answers, {"error": f"the run was ended by {ended}"})


def _run(
    runs: Runs, workload: str, n: int, seconds: int, answers: int, *, uvloop: bool
) -> NoReturn:
    """Measure, answer, and end the process as it is."""
    answer: dict[str, object]
    try:
        signal.alarm(seconds)  # ends the process, should the one who asked be gone
        gc.collect()
        runner = asyncio.Runner(loop_factory=_uvloop() if uvloop else None)
        answer = {"value": runner.run(_first(runs[workload], n))}
    except BaseException as error:  # noqa: BLE001 - whatever it was is the answer
        answer = {"error": f"{type(error).__name__}: {error}"}
    with contextlib.suppress(OSError):
        _say(answers, answer)
    os._exit(0)


async def _first(run: Run, n: int) -> float:
    async for value in run(n):
        return value
    raise RuntimeError("the workload ended without a figure")


def _uvloop() -> "type[asyncio.AbstractEventLoop]":
    loop: type[asyncio.AbstractEventLoop] = importlib.import_module("uvloop").Loop
    return loop


def _module_of(name: str) -> str:
    return "_" + name.removesuffix("_uvloop").replace("-", "_")


def _version_of(name: str, *, uvloop: bool) -> str:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    package = PACKAGES[name]
    parts = [] if package is None else [f"{package} {importlib.metadata.version(package)}"]
    if uvloop:
        parts.append(f"uvloop {importlib.metadata.version('uvloop')}")
    return " ".join([*parts, f"on {python}"])


def _say(answers: int, what: dict[str, object]) -> None:
    os.write(answers, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    main()
