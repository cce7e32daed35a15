"""ActiveMQ, by STOMP."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from ._activemq_out import ActiveDialogue, ActiveSending, headers_of
from ._foreign import BridgeError, ForeignMessage, check_url, label_of

if TYPE_CHECKING:
    from stompman import AckableMessageFrame, Client, ErrorFrame, SubscriptionError

_PORT = 61613
_CLOSING = 5.0


@dataclass(frozen=True, slots=True)
class ActiveMQ:
    """A queue of ActiveMQ, or of another broker that speaks STOMP 1.2; needs `callboard[activemq]`.

    Args:
        url: `stomp://USER:PASSWORD@HOST:PORT`, or `stomp+ssl://`.
        queue: its name; the broker makes it if it is missing.
        prefetch: messages that the broker gives before they are acknowledged.
        id: a message's id, of its body and headers; the broker's own when left out.
        timeout: seconds for connecting, and for each answer.
        idle: seconds without a message after which it connects anew, should the broker have
            forgotten this consumer.
    """

    url: str = field(repr=False)
    queue: str
    prefetch: int = 1_000
    id: Callable[[bytes, Mapping[str, str]], str] | None = None
    timeout: float = 10.0
    idle: float = 60.0

    def __post_init__(self) -> None:
        check_url(self.url, ("stomp", "stomp+ssl"), "stomp://USER:PASSWORD@HOST:PORT")
        if not self.queue:
            raise ValueError("queue is empty; expected a name")
        if self.prefetch < 1:
            raise ValueError(f"prefetch is {self.prefetch}; expected 1 or more")

    @property
    def label(self) -> str:
        """Broker and queue, without secrets."""
        return label_of("activemq", self.url, self.queue)

    @property
    def queue_name(self) -> str:
        """The queue alone."""
        return self.queue

    @asynccontextmanager
    async def session(self) -> AsyncGenerator["_Session"]:
        """See `Source.session`."""
        async with _connected(self) as client:
            session = _Session(self, client)
            try:
                await session.begin()
                yield session
            finally:
                await session.end()

    async def look(self, count: int) -> Sequence[ForeignMessage]:
        """See `Source.look`: a browser of the queue, which takes nothing."""
        found: list[ForeignMessage] = []
        enough = asyncio.Event()

        async def came(frame: "AckableMessageFrame") -> None:
            if frame.headers.get("browser") == "end" or len(found) == count:
                enough.set()
            else:
                found.append(_foreign(self, frame))

        async with _connected(self) as client:
            try:
                async with asyncio.timeout(self.timeout):
                    browser = await client.subscribe_with_manual_ack(
                        f"/queue/{self.queue}",
                        came,
                        headers={"browser": "true", "activemq.prefetchSize": str(count + 1)},
                        receipt_timeout=self.timeout,
                    )
                    await enough.wait()
                    await browser.unsubscribe()
            except Exception as error:
                raise _lost(self, error, []) from error
        return found

    @asynccontextmanager
    async def sending(self) -> AsyncGenerator[ActiveSending]:
        """See `Destination.sending`."""
        async with _connected(self) as client:
            yield ActiveSending(client, self.queue, self.timeout, partial(_lost, self, said=()))

    @asynccontextmanager
    async def dialogue(self) -> AsyncGenerator[ActiveDialogue]:
        """See `Destination.dialogue`."""
        async with _connected(self) as client:
            session = ActiveDialogue(
                client, self.queue, self.timeout, partial(_lost, self, said=())
            )
            await session.begin()
            try:
                yield session
            finally:
                with contextlib.suppress(Exception):
                    async with asyncio.timeout(_CLOSING):
                        await session.end()


@asynccontextmanager
async def _connected(source: ActiveMQ) -> AsyncGenerator["Client"]:
    said: list[ErrorFrame] = []
    inside: BaseException | None = None
    try:
        async with _client(source, said.append) as client:
            try:
                yield client
            except BaseException as error:
                inside = error
                raise
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        # The client runs in a task group: what it gives up for cancels what is inside, and
        # what fails inside comes out as a group.
        if inside is not None and not isinstance(inside, asyncio.CancelledError):
            raise inside from None
        found = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error
        raise _lost(source, found, said) from error


def _client(source: ActiveMQ, on_error: "Callable[[ErrorFrame], Any]") -> "Client":
    try:
        import stompman  # noqa: PLC0415 an extra, loaded when it is used
    except ImportError as error:
        raise BridgeError(
            "bridges from ActiveMQ need stompman: pip install callboard[activemq]"
        ) from error
    parts = urlsplit(source.url)
    assert parts.hostname is not None, "checked when it was declared"
    server = stompman.ConnectionParameters(
        host=parts.hostname,
        port=parts.port or _PORT,
        login=unquote(parts.username or ""),
        passcode=parts.password or "",
    )
    return stompman.Client(
        [server],
        on_error_frame=on_error,
        ssl=True if parts.scheme == "stomp+ssl" else None,
        # It tries once: the bridge's supervisor tries again, and says so.
        connect_retry_attempts=1,
        connect_timeout=max(1, int(source.timeout)),
        connection_confirmation_timeout=max(1, int(source.timeout)),
        no_message_restart_interval=timedelta(seconds=source.idle),
        max_concurrent_handlers=None,
    )


class _Session:
    """Implements `Session` with one subscription."""

    def __init__(self, source: ActiveMQ, client: "Client") -> None:
        self._source = source
        self._client = client
        self._arrived = asyncio.Event()
        self._waiting: deque[AckableMessageFrame] = deque()
        self._subscription: Any = None
        self._refused: SubscriptionError | None = None

    async def begin(self) -> None:
        """Subscribe.

        Raises:
            BridgeError: The broker did not confirm it.
        """
        try:
            self._subscription = await self._client.subscribe_with_manual_ack(
                f"/queue/{self._source.queue}",
                self._came,
                ack="client",  # one acknowledgement stands for all before it
                headers={"activemq.prefetchSize": str(self._source.prefetch)},
                receipt_timeout=self._source.timeout,
                on_subscription_error=self._lapsed,
            )
        except Exception as error:
            raise _lost(self._source, error, []) from error

    async def end(self) -> None:
        """Unsubscribe: the client waits for that before it ends."""
        if self._subscription is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(_CLOSING):
                    await self._subscription.unsubscribe()

    async def take(self, most: int) -> Sequence[ForeignMessage]:
        """See `Session.take`."""
        while self._refused is None and not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()  # a lost connection ends the client, and this with it
        if self._refused is not None:
            raise _lost(self._source, self._refused, [])
        count = min(most, len(self._waiting))
        return [_foreign(self._source, self._waiting.popleft()) for _ in range(count)]

    async def acknowledge(self, messages: Sequence[ForeignMessage]) -> None:
        """See `Session.acknowledge`. One of a former connection comes again, and is known."""
        frame: AckableMessageFrame = messages[-1].token
        async with asyncio.timeout(self._source.timeout):
            await frame.ack()

    async def set_aside(self, message: ForeignMessage) -> str:
        """See `Session.set_aside`: into a queue beside the one that is read."""
        name = f"{self._source.queue}.refused"
        kept = {name: value for name, value in message.headers.items() if name != "destination"}
        kept["persistent"] = "true"
        try:
            await self._client.send(
                message.body,
                f"/queue/{name}",
                headers=kept,
                receipt_timeout=self._source.timeout,
            )
        except Exception as error:
            raise _lost(self._source, error, []) from error
        return name

    async def _came(self, frame: "AckableMessageFrame") -> None:
        self._waiting.append(frame)
        self._arrived.set()

    def _lapsed(self, error: "SubscriptionError") -> None:
        # The client connects again by itself, and once its subscription was not confirmed there,
        # it stays connected and is given nothing.
        self._refused = error
        self._arrived.set()


def _foreign(source: ActiveMQ, frame: "AckableMessageFrame") -> ForeignMessage:
    headers = headers_of(frame.headers)
    own = source.id
    found = headers["message-id"] if own is None else own(frame.body, headers)
    return ForeignMessage(found or "", frame.body, headers, frame)


def _lost(source: ActiveMQ, error: BaseException, said: "Sequence[ErrorFrame]") -> BridgeError:
    """Return an error that says what happened to whom, and what to do."""
    told = "; ".join(str(frame.headers.get("message", "")) for frame in said)
    return BridgeError(
        f"{source.label} was lost or cannot be reached: {type(error).__name__}: {told or error}. "
        f"Check the address, and user and password in the URL"
    )
