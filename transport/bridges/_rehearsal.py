"""What would become of a foreign message, with nothing done."""

from typing import NamedTuple

from ...schemas import TypeRegistry
from ..consumers import DROPPED, Routed, target_of
from ..delivery import Codec, Record, TopicPartition
from ._declared import Bridge
from ._foreign import ForeignMessage
from ._intake import as_record


class Rehearsed(NamedTuple):
    """What would become of one message.

    Attributes:
        message: As it came.
        entity: The id of the entity that it is for; empty if it does not arrive.
        command: What arrives; None if nothing does.
        error: Why it would be set aside, or go to quarantine; empty if neither.
    """

    message: ForeignMessage
    entity: str = ""
    command: object = None
    error: str = ""


def rehearse(bridge: Bridge, message: ForeignMessage) -> Rehearsed:
    """Decode a message, adapt it and find its entity, as the bridge's consumer does.

    Nothing is written, and nobody is told: the adapter is called, and has to be a plain function
    of the payload and its headers.
    """
    largest = bridge.options.max_message_bytes
    if message.size > largest:
        return Rehearsed(message, error=f"it has {message.size:,} bytes, the limit is {largest:,}")
    written = as_record(message, TopicPartition(bridge.consumer.topic, 0), bridge.source.label)
    record = Record(0, written.key, written.value, written.headers, 0)
    try:
        target = target_of(bridge.consumer, Codec(TypeRegistry()))
        ready = target.prepare(record, dict(written.headers))
    except Exception as error:  # noqa: BLE001 the adapter's own, which is what is looked for
        return Rehearsed(message, error=f"{type(error).__name__}: {error}")
    if ready is DROPPED:
        return Rehearsed(message)
    if not isinstance(ready, Routed):  # an async adapter, which is called in a running system alone
        return Rehearsed(message, error="its adapter waits for something; only a plain one is pure")
    return Rehearsed(message, ready.id, ready.command)
