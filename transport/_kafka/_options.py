"""How callboard talks to a cluster."""

from dataclasses import dataclass

from ._security import Cluster

SESSION_TIMEOUT = 6.0
"""Seconds of silence after which a node counts as dead, unless the URL says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaOptions:
    """Settings of the clients; all durations in seconds.

    Attributes:
        cluster: Where, and how to come in.
        session_timeout: A node that is silent for as long is taken for dead and
            its partitions go to others. Kafka's own lower bound is 6 s.
        rebalance_timeout: How long the group waits for nodes to give their
            partitions back; draining ends well before.
        request_timeout: How long one request, or finding a broker, may take.
        write_timeout: How long a write may take until it is tried anew.
        max_records: Records taken from the client at once.
        begin_at_end: A group that has committed nothing yet begins with what comes from now on.
    """

    cluster: Cluster
    session_timeout: float = SESSION_TIMEOUT
    rebalance_timeout: float = 30.0
    request_timeout: float = 5.0
    write_timeout: float = 10.0
    max_records: int = 1_000
    begin_at_end: bool = False
