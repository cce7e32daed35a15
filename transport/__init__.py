"""Transport: durable mailboxes on Kafka, and the broker inside.

    references -> _entities -> _outbound --+
                                           +-> _kafka (the driver) -> a broker
    entities <- delivery (the core) <------+

`create_transport` makes a node's transport; `Inspector` looks at a system from
outside, `Quarantine` brings messages back, `Topics` prepares a cluster.
`delivery/` is the heart and knows no client; `_kafka/` is the only place that
knows aiokafka; `broker/` is the embedded broker and knows no actor.

`nodes/` is how nodes know of each other, and how actors of one reach those of another.
What a program declares at its edges is in `_edges`, and `_running_edges` carries
it out: `consumers/` (functions fed by topics), `bridges/`, `outlets/`, `publishers/`, `outbox/`.
"""

from typing import TypeVar

from ..actors import ActorSystem, Entity, MessagePolicy
from ._edges import Edges
from ._inspector import Inspector, Member
from ._kafka import Action, KafkaSecurity, TopicStep
from ._messages import SeenMessage, TopicMessages
from ._pruning import Prunable
from ._redrive import Quarantine, Redriven
from ._topics import Topics
from ._transport import KafkaTransport
from ._url import TransportURL, parse_transport
from .delivery import DeliveryOptions, QuarantinedMessage, StoredState
from .publishers import Publisher, PublisherPort, PublisherStatistics

__all__ = [
    "Action",
    "DeliveryOptions",
    "Edges",
    "Inspector",
    "KafkaSecurity",
    "KafkaTransport",
    "Member",
    "Prunable",
    "Publisher",
    "PublisherPort",
    "PublisherStatistics",
    "Quarantine",
    "QuarantinedMessage",
    "Redriven",
    "SeenMessage",
    "StoredState",
    "TopicMessages",
    "TopicStep",
    "Topics",
    "TransportURL",
    "create_transport",
    "parse_transport",
]

T = TypeVar("T")


def create_transport(
    system: ActorSystem,
    url: str,
    *,
    hosts: list[type[Entity]] | None,
    policy: MessagePolicy,
    options: object = None,
    security: object = None,
    edges: Edges,
) -> KafkaTransport:
    """Make the transport of a node; nothing is connected before its `start`.

    Args:
        system: The node.
        url: `memory://` or `kafka://HOST:PORT,...`.
        hosts: Kinds of entities this node runs: a list, empty for a node that
            only sends, or None for every kind it refers to.
        policy: What becomes of messages an entity fails on, for kinds that do
            not say.
        options: How the delivery core works: `DeliveryOptions`, or None.
        security: How to come in: `KafkaSecurity`, or None for what the URL and the
            environment say.
        edges: The consumers and publishers of the system.

    Raises:
        InvalidTransportURL: The URL cannot be understood.
        TypeError: Options or security are something else.
    """
    return KafkaTransport(
        system,
        parse_transport(url),
        hosts=hosts,
        policy=policy,
        options=_fitting("delivery", options, DeliveryOptions) or DeliveryOptions(),
        security=_fitting("security", security, KafkaSecurity),
        edges=edges,
    )


def _fitting(name: str, given: object, wanted: type[T]) -> T | None:
    if given is None or isinstance(given, wanted):
        return given
    raise TypeError(
        f"{name}={given!r} is a {type(given).__qualname__}; expected "
        f"callboard.transport.{wanted.__qualname__}(...)"
    )
