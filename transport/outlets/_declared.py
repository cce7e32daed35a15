"""The consumers that carry what stands in a topic into a legacy queue."""

from dataclasses import replace
from typing import cast

from ...actors import MessagePolicy
from ..bridges import Destination, OutgoingMessage
from ..consumers import Accepted, Consumer, ConsumerContext, ConsumerOptions, declare
from ..delivery import Codec
from ._answers import Answering, Reply, check_reply
from ._carrier import Carrier
from ._letters import Departing

_BATCH = 500
_TIMEOUT = 120.0


def carry_letters(
    system: str, name: str, topic: str, destination: Destination, patience: MessagePolicy
) -> tuple[Consumer, Carrier]:
    """Return what carries an outlet's messages.

    Raises:
        ValueError: No name of an outlet.
    """
    consumer, carrier = _carrying(system, name, topic, destination, patience)

    def decoding(inner: Accepted, codec: Codec) -> Accepted:
        del inner, codec
        return Departing()

    return replace(consumer, decoding=decoding), carrier


def carry_answers(
    system: str,
    name: str,
    topic: str,
    destination: Destination,
    *,
    patience: MessagePolicy,
    reply: Reply,
) -> tuple[Consumer, Carrier]:
    """Return what carries answers to the clients of a bridge.

    Raises:
        SchemaError: Nothing writes answers so.
        ValueError: No name of a bridge.
    """
    check_reply(reply)

    def decoding(inner: Accepted, codec: Codec) -> Accepted:
        del inner
        return Answering(reply, codec)

    consumer, carrier = _carrying(system, name, topic, destination, patience)
    return replace(consumer, decoding=decoding), carrier


def _carrying(
    system: str, name: str, topic: str, destination: Destination, patience: MessagePolicy
) -> tuple[Consumer, Carrier]:
    carrier = Carrier(destination)

    async def carry(messages: list[bytes], context: ConsumerContext) -> None:
        # Decoded by Departing or Answering, whatever the annotation says of the record.
        await carrier.carry(cast("list[OutgoingMessage]", messages), context)

    options = ConsumerOptions(
        name=name, retry=patience, batch_size=_BATCH, timeout=_TIMEOUT, partitions=1
    )
    return declare(system, topic, carry, to=None, key=None, options=options), carrier
