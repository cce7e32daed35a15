"""The embedded broker in a thread of its own, for tests of any kind and with any client."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ..transport.broker import (
    Broker,
    BrokerError,
    BrokerOptions,
    BrokerStatistics,
    Interference,
)

if TYPE_CHECKING:
    _Offers = Interference
else:
    _Offers = object  # methods are looked up when they are called

T = TypeVar("T")

_DEADLINE = 10.0


class BrokerThread(_Offers):
    """A `Broker` that runs in a thread, so that no test has to share its event loop with it.

    It has the methods of `Broker` that look in and interfere, and each may be called
    from any thread; those that are coroutines there are plain calls here. What is given
    as `control` and `where` runs in the broker's thread.

    ```python
    with BrokerThread() as broker:
        producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap})
        broker.fail("produce", ErrorCode.NOT_ENOUGH_REPLICAS, times=3)
        ...
        assert broker.end_offset("orders", 0) == 10
    ```

    Args:
        options: How it behaves; the default takes a free port on loopback.

    Raises:
        PortInUse: Another program has the port; raised on entering.
    """

    def __init__(self, options: BrokerOptions | None = None) -> None:
        self._inner = Broker(options)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="callboard-broker", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._wait(self._inner.start())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._wait(self._inner.aclose())
        finally:
            self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_DEADLINE)
        if not self._thread.is_alive():
            self._loop.close()

    def _wait(self, coroutine: Any) -> Any:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(_DEADLINE)
        except concurrent.futures.TimeoutError:
            future.cancel()
            raise BrokerError(f"the broker's thread did not answer for {_DEADLINE:g} s") from None

    @property
    def bootstrap(self) -> str:
        """The addresses clients are given: `host:port`, one for each broker id."""
        return self._call(lambda: self._inner.bootstrap)

    def statistics(self) -> BrokerStatistics:
        """See `Broker.statistics`."""
        return self._call(self._inner.statistics)

    def disconnect_clients(self, client_id: str | None = None) -> int:
        """See `Broker.disconnect_clients`."""
        return self._call(lambda: self._inner.disconnect_clients(client_id))

    def stop_broker(self, broker: int) -> None:
        """See `Broker.stop_broker`."""
        self._wait(self._inner.stop_broker(broker))

    def start_broker(self, broker: int) -> None:
        """See `Broker.start_broker`."""
        self._wait(self._inner.start_broker(broker))

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_") or not hasattr(Interference, name):
                raise AttributeError(f"a broker has no {name!r}")
            return lambda *args, **kwargs: self._call(
                lambda: getattr(self._inner, name)(*args, **kwargs)
            )

    def _call(self, act: Callable[[], T]) -> T:
        async def run() -> T:
            return act()

        result: T = self._wait(run())
        return result
