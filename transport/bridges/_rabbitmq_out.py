"""Into RabbitMQ: messages that it confirms, and questions with a queue for their answers."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ...actors import SchemaError
from ._foreign import BridgeError, ForeignMessage, OutgoingMessage

if TYPE_CHECKING:
    from aio_pika.abc import AbstractConnection, AbstractIncomingMessage

_PROPERTIES = ("correlation-id", "reply-to", "content-type", "content-encoding", "type", "app-id")
_ELSEWHERE = frozenset({"message-id", "user-id", "exchange", "routing-key"})


class RabbitSending:
    """Implements `Sending` on one channel with publisher confirms.

    Args:
        connection: To the broker.
        queue: The name that messages are routed by.
        exchange: Which routes them; empty for the broker's own, which knows queues by their names.
        timeout: Seconds for each answer of the broker.
        lost: Makes the error that says what happened.
    """

    def __init__(
        self,
        connection: "AbstractConnection",
        queue: str,
        exchange: str,
        timeout: float,
        lost: Callable[[BaseException, str], BridgeError],
    ) -> None:
        self._connection = connection
        self._queue = queue
        self._exchange = exchange
        self._timeout = timeout
        self._lost = lost

    async def begin(self) -> None:
        """Open the channel.

        Raises:
            BridgeError: There is no such queue or exchange, or it may not be looked at.
        """
        try:
            async with asyncio.timeout(self._timeout):
                channel = await self._connection.channel(publisher_confirms=True)
                self._routing = self._direct = channel.default_exchange
                if self._exchange:
                    self._routing = await channel.get_exchange(self._exchange)
                else:
                    await channel.declare_queue(self._queue, passive=True)
        except Exception as error:
            raise self._lost(error, "cannot be written to") from error

    async def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[OutgoingMessage]:
        """See `Sending.send`."""
        made = [(each, _as_amqp(each)) for each in messages]
        try:
            async with asyncio.timeout(self._timeout):
                routed = await asyncio.gather(*(self._publish(*pair) for pair in made))
        except Exception as error:
            raise self._lost(error, "took no message") from error
        nowhere = [each for each, kept in zip(messages, routed, strict=True) if not kept]
        if any(not each.to for each in nowhere):
            raise self._lost(LookupError(f"no queue for {self._queue!r}"), "took no message")
        return nowhere

    async def _publish(self, message: OutgoingMessage, made: Any) -> bool:
        """Publish; return whether a queue has it."""
        exchange = self._direct if message.to else self._routing
        answer: Any = await exchange.publish(made, message.to or self._queue, mandatory=True)
        return not hasattr(answer, "body")  # it gives back the message that it could not route


class RabbitDialogue(RabbitSending):
    """Implements `Dialogue`: answers come to a queue of this connection, which goes with it."""

    reply_to = ""

    async def begin(self) -> None:
        """Open the channel and the queue of answers.

        Raises:
            BridgeError: As for `RabbitSending.begin`.
        """
        await super().begin()
        self._answers: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()
        try:
            async with asyncio.timeout(self._timeout):
                channel = await self._connection.channel()
                queue = await channel.declare_queue(exclusive=True, auto_delete=True)
                await queue.consume(self._answers.put, no_ack=True)
        except Exception as error:
            raise self._lost(error, "gave no queue for answers") from error
        self.reply_to = queue.name
        self._connection.close_callbacks.add(self._closed)

    async def take(self) -> Sequence[ForeignMessage]:
        """See `Dialogue.take`."""
        message = await self._answers.get()
        if message is None:
            raise self._lost(ConnectionError("the broker closed it"), "was lost")
        return [ForeignMessage(message.message_id or "", message.body, headers_of(message))]

    def _closed(self, _: object, error: BaseException | None = None) -> None:
        del error
        self._answers.put_nowait(None)


def headers_of(message: "AbstractIncomingMessage") -> dict[str, str]:
    """Return what came with a message, as text."""
    headers = {str(name): _text(value) for name, value in (message.headers or {}).items()}
    said = {
        "message-id": message.message_id,
        "correlation-id": message.correlation_id,
        "reply-to": message.reply_to,
        "content-type": message.content_type,
        "content-encoding": message.content_encoding,
        "type": message.type,
        "app-id": message.app_id,
        "user-id": message.user_id,
        "timestamp": message.timestamp,
        "priority": message.priority or None,
        "expiration": message.expiration,
        "exchange": message.exchange or None,
        "routing-key": message.routing_key,
    }
    headers.update({name: _text(value) for name, value in said.items() if value is not None})
    return headers


def _as_amqp(message: OutgoingMessage) -> Any:
    """Return a message as the client has it.

    Raises:
        SchemaError: A header cannot be the property of its name.
    """
    import aio_pika  # noqa: PLC0415 an extra, loaded when it is used

    headers: Mapping[str, str] = message.headers
    properties: dict[str, Any] = {
        name.replace("-", "_"): headers[name] for name in _PROPERTIES if name in headers
    }
    named = {*_PROPERTIES, *_ELSEWHERE, "timestamp", "priority", "expiration"}
    try:
        if "timestamp" in headers:
            properties["timestamp"] = datetime.fromisoformat(headers["timestamp"])
        if "priority" in headers:
            properties["priority"] = int(headers["priority"])
        if message.expires is not None or "expiration" in headers:
            seconds = message.expires
            properties["expiration"] = (
                float(headers["expiration"]) if seconds is None else round(seconds, 3)
            )
    except ValueError as error:
        raise SchemaError(
            f"RabbitMQ takes no such header: {error}; timestamp is in ISO 8601, priority a "
            f"number, expiration in seconds"
        ) from error
    return aio_pika.Message(
        message.body,
        headers={name: _value(headers[name]) for name in headers if name not in named},
        message_id=message.id,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        **properties,
    )


def _value(text: str) -> str | bytes:
    """Return a header as text, or as the bytes that were no text when they came."""
    raw = text.encode(errors="surrogateescape")
    return text if text.isprintable() or raw.isascii() else raw


def _text(value: Any) -> str:
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode(errors="surrogateescape")
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
