"""Starting a client within a deadline, and leaving nothing open when it fails."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
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


async def start(
    client: _Startable, close: Callable[[], Awaitable[None]], cluster: Cluster, seconds: float
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
        await close()
        raise await reason(cluster, seconds, error) from error
    except BaseException:
        await close()
        raise
