"""Transport: durable mailboxes on Kafka, and the broker inside.

    references -> _entities -> _outbound --+
                                           +-> _kafka (the driver) -> a broker
    entities <- delivery (the core) <------+

`create_transport` makes a node's transport; `Inspector` looks at a system from
outside; `Quarantine` brings messages back. `delivery/` is the heart and knows
no client; `_kafka/` is the only place that knows aiokafka; `broker/` is the
embedded broker and knows no actor.
"""

from ..actors import ActorSystem, Entity, MessagePolicy, Transport
from ._inspector import Inspector, Member
from ._redrive import Quarantine, Redriven
from ._shelf import QuarantinedMessage
from ._transport import KafkaTransport
from ._url import TransportURL, parse_transport
from .delivery import DeliveryOptions, StoredState

__all__ = [
    "DeliveryOptions",
    "Inspector",
    "Member",
    "Quarantine",
    "QuarantinedMessage",
    "Redriven",
    "StoredState",
    "TransportURL",
    "check_options",
    "create_transport",
    "parse_transport",
]


def check_options(given: object) -> DeliveryOptions | None:
    """Return what `ActorSystem(delivery=...)` was given, if it fits.

    Raises:
        TypeError: It is something else.
    """
    if given is None or isinstance(given, DeliveryOptions):
        return given
    raise TypeError(
        f"delivery={given!r} is a {type(given).__qualname__}; expected "
        f"callboard.transport.DeliveryOptions(...)"
    )


def create_transport(
    system: ActorSystem,
    url: str,
    *,
    hosts: list[type[Entity]] | None,
    policy: MessagePolicy,
    options: DeliveryOptions | None = None,
) -> Transport:
    """Make the transport of a node; nothing is connected before its `start`.

    Args:
        system: The node.
        url: `memory://` or `kafka://HOST:PORT,...`.
        hosts: Kinds of entities this node runs: a list, empty for a node that
            only sends, or None for every kind it refers to.
        policy: What becomes of messages an entity fails on, for kinds that do
            not say.
        options: How the delivery core works.

    Raises:
        InvalidTransportURL: The URL cannot be understood.
    """
    return KafkaTransport(
        system,
        parse_transport(url),
        hosts=hosts,
        policy=policy,
        options=options or DeliveryOptions(),
    )
