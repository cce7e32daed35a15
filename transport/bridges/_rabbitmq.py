"""RabbitMQ, by AMQP 0-9-1."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from ._foreign import BridgeError, ForeignMessage, check_url, label_of
from ._rabbitmq_out import RabbitDialogue, RabbitSending, headers_of

if TYPE_CHECKING:
    from aio_pika.abc import (
        AbstractChannel,
        AbstractConnection,
        AbstractIncomingMessage,
        AbstractQueue,
    )

_CLOSING = 5.0


@dataclass(frozen=True, slots=True)
class RabbitMQ:
    """A queue of RabbitMQ; needs `pip install callboard[rabbitmq]`.

    ```python
    @system.bridge(RabbitMQ("amqp://user:secret@host/", queue="departures"), to=Plane, key="tail")
    def departure(payload: bytes, headers: dict[str, str]) -> Departed | None: ...
    ```

    Args:
        url: `amqp://` or `amqps://`; the part after the host is the virtual host.
        queue: a queue that is there; neither bridge nor outlet declares one.
        prefetch: messages that the broker gives before they are acknowledged.
        id: a message's id, of its body and headers, where senders set no `message-id`.
        timeout: seconds for connecting, and for each answer of the broker.
        idle: seconds without a message after which it is asked whether the queue still is there
            and this still consumes it.
        exchange: of an outlet: where messages are published, with `queue` as their routing key;
            empty for straight into the queue.
    """

    url: str = field(repr=False)
    queue: str
    prefetch: int = 1_000
    id: Callable[[bytes, Mapping[str, str]], str] | None = None
    timeout: float = 10.0
    idle: float = 5.0
    exchange: str = ""

    def __post_init__(self) -> None:
        check_url(self.url, ("amqp", "amqps"), "amqp://USER:PASSWORD@HOST:PORT/VHOST")
        if not self.queue:
            raise ValueError("queue is empty; expected the name of a queue that is there")
        if not 1 <= self.prefetch <= 65_535:
            raise ValueError(f"prefetch is {self.prefetch}; expected 1 to 65535")

    @property
    def label(self) -> str:
        """Broker and queue, without secrets."""
        return label_of("rabbitmq", self.url, self.queue)

    @property
    def queue_name(self) -> str:
        """The queue alone."""
        return self.queue

    @asynccontextmanager
    async def session(self) -> AsyncGenerator["_Session"]:
        """See `Source.session`."""
        async with _connected(self) as connection:
            session = _Session(self, connection)
            await session.begin()
            yield session

    async def look(self, count: int) -> Sequence[ForeignMessage]:
        """See `Source.look`.

        They are taken one by one, and go back to their places when the connection ends; RabbitMQ
        marks them as redelivered, and a quorum queue counts it as a delivery.
        """
        found: list[ForeignMessage] = []
        async with _connected(self) as connection:
            try:
                async with asyncio.timeout(self.timeout):
                    channel = await connection.channel()
                    queue = await channel.declare_queue(self.queue, passive=True)
                    while len(found) < count:
                        message = await queue.get(fail=False)
                        if message is None:
                            break
                        found.append(_foreign(self, message))
            except Exception as error:
                raise _lost(self, error, "cannot be looked into") from error
        return found

    @asynccontextmanager
    async def sending(self) -> AsyncGenerator[RabbitSending]:
        """See `Destination.sending`."""
        async with _connected(self) as connection:
            session = RabbitSending(connection, *self._way())
            await session.begin()
            yield session

    @asynccontextmanager
    async def dialogue(self) -> AsyncGenerator[RabbitDialogue]:
        """See `Destination.dialogue`."""
        async with _connected(self) as connection:
            session = RabbitDialogue(connection, *self._way())
            await session.begin()
            yield session

    def _way(self) -> tuple[str, str, float, Callable[[BaseException, str], BridgeError]]:
        return self.queue, self.exchange, self.timeout, partial(_lost, self)


@asynccontextmanager
async def _connected(source: RabbitMQ) -> AsyncGenerator["AbstractConnection"]:
    connection = await _connect(source)
    try:
        yield connection
    finally:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_CLOSING):
                await connection.close()


async def _connect(source: RabbitMQ) -> "AbstractConnection":
    try:
        import aio_pika  # noqa: PLC0415 an extra, loaded when it is used
    except ImportError as error:
        raise BridgeError(
            "bridges from RabbitMQ need aio-pika: pip install callboard[rabbitmq]"
        ) from error
    try:
        async with asyncio.timeout(source.timeout):
            # Not the robust one: its supervisor reconnects, and knows what was in hand.
            return await aio_pika.connect(source.url, timeout=source.timeout)
    except Exception as error:
        raise _lost(source, error, "cannot be reached") from error


class _Session:
    """Implements `Session` on one channel."""

    def __init__(self, source: RabbitMQ, connection: "AbstractConnection") -> None:
        self._source = source
        self._connection = connection
        self._arrived = asyncio.Event()
        self._waiting: deque[AbstractIncomingMessage] = deque()
        self._held = 0  # taken, and not acknowledged
        self._lost: BaseException | None = None
        self._channel: AbstractChannel | None = None
        self._queue: AbstractQueue | None = None
        self._tag = ""
        self._aside_channel: AbstractChannel | None = None

    async def begin(self) -> None:
        """Consume.

        Raises:
            BridgeError: The queue is not there, or may not be read.
        """
        source = self._source
        try:
            async with asyncio.timeout(source.timeout):
                channel = self._channel = await self._connection.channel()
                await channel.set_qos(prefetch_count=source.prefetch)
                self._queue = await channel.declare_queue(source.queue, passive=True)
                self._tag = await self._queue.consume(self._came)
        except Exception as error:
            raise _lost(source, error, "cannot be consumed") from error
        channel.close_callbacks.add(self._closed)
        self._connection.close_callbacks.add(self._closed)

    async def take(self, most: int) -> Sequence[ForeignMessage]:
        """See `Session.take`."""
        while not self._waiting:
            if self._lost is not None:
                raise _lost(self._source, self._lost, "was lost")
            self._arrived.clear()
            try:
                async with asyncio.timeout(self._source.idle):
                    await self._arrived.wait()
            except TimeoutError:
                await self._ask_whether_it_consumes()
        count = min(most, len(self._waiting))
        self._held += count
        return [_foreign(self._source, self._waiting.popleft()) for _ in range(count)]

    async def acknowledge(self, messages: Sequence[ForeignMessage]) -> None:
        """See `Session.acknowledge`: the last tag stands for all before it."""
        last: AbstractIncomingMessage = messages[-1].token
        try:
            async with asyncio.timeout(self._source.timeout):
                await last.ack(multiple=True)
        except Exception as error:
            raise _lost(self._source, error, "took no acknowledgement") from error
        self._held -= len(messages)

    async def set_aside(self, message: ForeignMessage) -> str:
        """See `Session.set_aside`: into a durable queue beside the one that is read."""
        import aio_pika  # noqa: PLC0415 an extra, loaded when it is used

        name = f"{self._source.queue}.refused"
        original: AbstractIncomingMessage = message.token
        try:
            async with asyncio.timeout(self._source.timeout):
                if self._aside_channel is None:
                    self._aside_channel = await self._connection.channel(publisher_confirms=True)
                    await self._aside_channel.declare_queue(name, durable=True)
                copy = aio_pika.Message(
                    message.body,
                    headers=original.headers,
                    message_id=original.message_id,
                    content_type=original.content_type,
                    correlation_id=original.correlation_id,
                    reply_to=original.reply_to,
                    delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                )
                await self._aside_channel.default_exchange.publish(copy, name)
        except Exception as error:
            raise _lost(self._source, error, f"did not take a message into {name}") from error
        return name

    async def _came(self, message: "AbstractIncomingMessage") -> None:
        self._waiting.append(message)
        self._arrived.set()

    def _closed(self, _: object, error: BaseException | None = None) -> None:
        self._lost = error or ConnectionError("the broker closed it")
        self._arrived.set()

    async def _ask_whether_it_consumes(self) -> None:
        """Notice a queue that was deleted, and a consumer that nobody serves any more."""
        if self._lost is not None:
            return
        try:
            async with asyncio.timeout(self._source.timeout):
                channel = await self._connection.channel()
                try:
                    found = await channel.declare_queue(self._source.queue, passive=True)
                finally:
                    await channel.close()
        except Exception as error:
            raise _lost(self._source, error, "is not there any more") from error
        told = found.declaration_result
        # Whoever holds as many as `prefetch` is given no more.
        owed = not self._waiting and self._held < self._source.prefetch
        if not told.consumer_count or (told.message_count and owed):
            raise BridgeError(
                f"{self._source.label} has {told.message_count} messages and gives none to this "
                f"consumer, one of {told.consumer_count}: it has silently stopped"
            )


def _foreign(source: RabbitMQ, message: "AbstractIncomingMessage") -> ForeignMessage:
    headers = headers_of(message)
    own = source.id
    found = message.message_id if own is None else own(message.body, headers)
    return ForeignMessage(found or "", message.body, headers, message)


def _lost(source: RabbitMQ, error: BaseException, what: str) -> BridgeError:
    """Return an error that says what happened to whom, and what to do."""
    kind = type(error).__name__
    said = str(error) or kind
    if isinstance(error, TimeoutError):
        said = f"no answer within {source.timeout:g} s"
    remedy = ""
    if kind in {"ProbableAuthenticationError", "AuthenticationError", "ChannelAccessRefused"}:
        remedy = "; check user and password in the URL, and the user's permissions"
    elif kind in {"ChannelNotFoundEntity", "ChannelClosed", "LookupError"} and "no queue" in said:
        remedy = f"; declare the queue {source.queue!r}, a bridge makes none"
    return BridgeError(f"{source.label} {what}: {kind}: {said}{remedy}")
