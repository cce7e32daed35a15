"""Starting a client within a deadline, and leaving nothing open when it fails."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from aiokafka.errors import KafkaError

from ._diagnosis import reason
from ._security import Cluster


class _Startable(Protocol):
    def start(self) -> Awaitable[None]: ...


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
            await client.start()
    except (KafkaError, TimeoutError, OSError) as error:
        await close()
        raise await reason(cluster, seconds, error) from error
    except BaseException:
        await close()
        raise
