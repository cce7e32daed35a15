"""Work that comes to its end also when whoever waits for it is cancelled."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def to_its_end(work: Coroutine[Any, Any, None], name: str, patience: float) -> None:
    """Wait for work; if cancelled, let it come to an end first.

    Args:
        work: What is not to be left half done.
        name: Of its task.
        patience: Seconds it is given after that; then it is cancelled as well.
    """
    task = asyncio.create_task(work, name=name)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=patience)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
