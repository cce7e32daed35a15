"""Starting and closing a client within a deadline, and leaving nothing half open."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from aiokafka.errors import KafkaError

from ..delivery import to_its_end
from ._diagnosis import reason
from ._security import Cluster

_PATIENCE = 1.0


class _Startable(Protocol):
    def start(self) -> Coroutine[Any, Any, None]: ...


async def start_whole(client: _Startable) -> None:
    """Start a client of the library; if cancelled, let its start come to an end first.

    A start that is cancelled half way leaves the client's first connection open, where nobody
    can close it any more.
    """
    await to_its_end(client.start(), "callboard-client-start", _PATIENCE)


async def close_whole(closing: Coroutine[Any, Any, None], patience: float = _PATIENCE) -> None:
    """Close a client of the library; if cancelled, let that come to an end first.

    The library waits for its own tasks to be cancelled, and takes a cancellation that comes in
    that moment for one of theirs: whoever was cancelled would go on.

    Args:
        closing: What the client's `close` or `stop` has returned.
        patience: Seconds it is given once cancelled.
    """
    await to_its_end(closing, "callboard-client-close", patience)


async def start(
    client: _Startable,
    close: Callable[[], Coroutine[Any, Any, None]],
    cluster: Cluster,
    seconds: float,
) -> None:
    """Start a client of the library.

    Args:
        client: What to start.
        close: Closes it; called when it did not start, also when cancelled.
        cluster: Where it connects to, for the error.
        seconds: How long it may take.

    Raises:
        TransportUnavailable: No broker answers.
        TransportError: One answers, and does not let this client in.
    """
    try:
        async with asyncio.timeout(seconds):
            await start_whole(client)
    except (KafkaError, TimeoutError, OSError) as error:
        await close_whole(close())
        raise await reason(cluster, seconds, error) from error
    except BaseException:
        await close_whole(close())
        raise
