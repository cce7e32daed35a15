"""The topics that edges need: of publishers, consumers, bridges and outlets."""

from collections.abc import Sequence
from typing import Any

from ..actors import Entity
from ._edges import Edges
from ._kafka import Admin, TopicSpec
from ._layout import consumer_topics, foreign_topic, queue_topic
from .consumers import Consumer
from .publishers import Publisher


def publisher_topic(edges: Edges, publisher: Publisher[Any]) -> TopicSpec:
    """Return the topic that a publisher writes to."""
    if publisher.topic in edges.queue_topics:
        return queue_topic(publisher.topic)
    return foreign_topic(publisher.topic, publisher.partitions)


def source_topics(edges: Edges, consumer: Consumer) -> list[TopicSpec]:
    """Return the topic that a consumer reads, unless it is that of a queue."""
    if consumer.topic in edges.queue_topics:
        return []
    return [foreign_topic(consumer.topic, consumer.options.partitions)]


def edge_kinds(edges: Edges) -> list[type[Entity]]:
    """Return the kinds of entities that consumers and bridges bring messages to."""
    return [each.to for each in edges.consumers.values() if each.to is not None]


async def edge_topics(system: str, edges: Edges, admin: Admin) -> list[TopicSpec]:
    """Return all topics that a node makes for its edges; consumers' own go by their sources'.

    Raises:
        TransportUnavailable: No broker answers.
    """
    specs = [publisher_topic(edges, each) for each in edges.publishers.values()]
    specs += [queue_topic(each) for each in sorted(edges.queue_topics)]
    for consumer in edges.consumers.values():
        specs += source_topics(edges, consumer)
    # A publisher and a consumer may share a topic: whichever a node comes to first makes it.
    shared = _first_of_each(specs)
    sources = {consumer.topic for consumer in edges.consumers.values()}
    there = await admin.matching(sources.__contains__)
    partitions = {spec.name: there.get(spec.name, spec.partitions) for spec in shared}
    own = [
        spec
        for consumer in edges.consumers.values()
        for spec in consumer_topics(system, consumer.name, partitions[consumer.topic])
    ]
    return [*shared, *own]


def _first_of_each(specs: Sequence[TopicSpec]) -> list[TopicSpec]:
    found: dict[str, TopicSpec] = {}
    for spec in specs:
        found.setdefault(spec.name, spec)
    return list(found.values())
