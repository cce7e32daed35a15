"""Into ActiveMQ by STOMP: messages that it confirms, and questions with a queue for answers."""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ._foreign import BridgeError, ForeignMessage, OutgoingMessage

if TYPE_CHECKING:
    from stompman import Client, MessageFrame, SubscriptionError

# What the protocol says about the delivery itself, and no adapter needs.
_OF_THE_FRAME = frozenset({"ack", "subscription", "content-length"})
# What the broker gives each message itself.
_OF_THE_BROKER = frozenset({"message-id", "timestamp", "destination", "redelivered"})
_TEXT = ("application/json", "text/")


class ActiveSending:
    """Implements `Sending` with a receipt for each message.

    Args:
        client: Connected.
        queue: Its name.
        timeout: Seconds for each receipt.
        lost: Makes the error that says what happened.
    """

    def __init__(
        self,
        client: "Client",
        queue: str,
        timeout: float,
        lost: Callable[[BaseException], BridgeError],
    ) -> None:
        self._client = client
        self._queue = queue
        self._timeout = timeout
        self._lost = lost

    async def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[OutgoingMessage]:
        """See `Sending.send`."""
        try:
            async with asyncio.timeout(self._timeout):
                await asyncio.gather(*(self._send(each) for each in messages))
        except Exception as error:
            raise self._lost(error) from error
        return []

    async def _send(self, message: OutgoingMessage) -> None:
        to = message.to or self._queue
        await self._client.send(
            message.body,
            to if to.startswith("/") else f"/queue/{to}",
            headers=_as_stomp(message),
            receipt_timeout=self._timeout,
        )


class ActiveDialogue(ActiveSending):
    """Implements `Dialogue`: answers come to a temporary queue of this connection."""

    reply_to = ""

    async def begin(self) -> None:
        """Subscribe to the queue of answers.

        Raises:
            BridgeError: The broker did not confirm it.
        """
        self._answers: asyncio.Queue[MessageFrame | SubscriptionError] = asyncio.Queue()
        self.reply_to = f"/temp-queue/callboard-{secrets.token_hex(4)}"
        try:
            self._subscription = await self._client.subscribe(
                self.reply_to,
                self._answers.put,
                ack="auto",
                on_suppressed_exception=_impossible,
                receipt_timeout=self._timeout,
                on_subscription_error=self._answers.put_nowait,
            )
        except Exception as error:
            raise self._lost(error) from error

    async def end(self) -> None:
        """Unsubscribe: the client waits for that before it ends."""
        await self._subscription.unsubscribe()

    async def take(self) -> Sequence[ForeignMessage]:
        """See `Dialogue.take`. A lost connection ends the client, and whoever waits with it."""
        frame = await self._answers.get()
        if isinstance(frame, Exception):  # connected again, and not subscribed again
            raise self._lost(frame)
        headers = headers_of(frame.headers)
        return [ForeignMessage(headers["message-id"], frame.body, headers)]


def headers_of(said: Mapping[str, Any]) -> dict[str, str]:
    """Return what came with a message, but for what is about its delivery."""
    return {name: str(said[name]) for name in said if name not in _OF_THE_FRAME}


def _as_stomp(message: OutgoingMessage) -> dict[str, str]:
    headers = {name: value for name, value in message.headers.items() if name not in _OF_THE_BROKER}
    headers["ce_id"] = message.id
    headers["persistent"] = "true"
    if message.expires is not None:
        headers["expires"] = str(int((time.time() + message.expires) * 1000))
    # Without it a message with a length is one of bytes for JMS, which text is not.
    is_text = headers.get("content-type", "").startswith(_TEXT)
    headers["amq-msg-type"] = "text" if is_text else "bytes"
    return headers


def _impossible(error: Exception, frame: "MessageFrame") -> None:
    raise AssertionError(f"a queue without a bound takes everything: {frame}") from error
