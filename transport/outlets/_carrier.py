"""What carries messages from a topic into a legacy queue."""

from collections.abc import Sequence

from ..bridges import BridgeError, Destination, OutgoingMessage, Sending
from ..consumers import ConsumerContext
from ._held import Held


class Carrier:
    """Has a legacy broker keep what a consumer brings, one connection for all of it.

    Args:
        destination: The queue.
    """

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._held: Held[Sending] = Held(destination.sending)

    async def carry(self, messages: Sequence[OutgoingMessage], context: ConsumerContext) -> None:
        """Return when the broker has all of them.

        Raises:
            BridgeError: Not all are known to be kept; the consumer tries them again.
            SchemaError: The broker has no such message.
        """
        sending = await self._held.get()
        try:
            nowhere = await sending.send(messages)
        except BridgeError:
            await self._held.drop()
            raise
        for each in nowhere:
            context.log.warning(
                "an answer found nobody: the queue that it was asked for in has gone",
                source=self._destination.label,
                reply_to=each.to,
            )

    async def aclose(self) -> None:
        """Disconnect."""
        await self._held.drop()
