"""Pipelines and consumers with other people's frameworks, each run by their interpreter."""

import asyncio
import contextlib
import os
import tempfile
from pathlib import Path

from .. import KAFKA_PEERS, find_peer
from ._messages import MAILBOX, STATE, create_topics, fill, message

_PROGRAMS = {peer.subject: peer for peer in KAFKA_PEERS}


async def pipeline(bootstrap: str, n: int, *, subject: str) -> float:
    """Read, decode, count, write the states, commit, as the framework does it; messages a second.

    What is timed is said in `frameworks/__init__.py`.
    """
    return await _run(bootstrap, n, subject, f"_{subject}", STATE)


async def consume(bootstrap: str, n: int, *, subject: str, way: str) -> float:
    """Read, decode, call a function, acknowledge after it; messages a second."""
    return await _run(bootstrap, n, subject, f"_{subject}_consume", way)


async def _run(bootstrap: str, n: int, subject: str, program: str, what: str) -> float:
    python, remedy = find_peer(_PROGRAMS[subject])
    if python is None:
        raise RuntimeError(remedy)
    await create_topics(bootstrap)
    await fill(bootstrap, MAILBOX, n, message)
    with tempfile.TemporaryDirectory() as scratch:  # faust makes folders where it is
        process = await asyncio.create_subprocess_exec(
            *(python, "-P", "-m", f"frameworks.{program}", bootstrap, MAILBOX, what, str(n)),
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
            cwd=scratch,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            told, said = await process.communicate()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
    if process.returncode != 0:
        raise RuntimeError(said.decode(errors="replace").strip().rpartition("\n")[2])
    took, counted = told.split()
    if int(counted) != n:
        raise RuntimeError(f"counted {int(counted):,} messages of {n:,}")
    return n / float(took)
