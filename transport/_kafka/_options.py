"""How callboard talks to a cluster."""

from dataclasses import dataclass
from typing import Any

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

    def of_a_member(self) -> dict[str, Any]:
        """Return the settings of a client that is a member of a group.

        Handlers may take long: they run beside the poll, and what watches them is the core's
        in-flight bound. The client's own guard would only leave the group.
        """
        answer = max(self.request_timeout, self.rebalance_timeout)
        return {
            "enable_auto_commit": False,
            "session_timeout_ms": int(self.session_timeout * 1000),
            "heartbeat_interval_ms": int(self.session_timeout * 1000 / 4),
            "rebalance_timeout_ms": int(self.rebalance_timeout * 1000),
            "max_poll_interval_ms": 24 * 3600 * 1000,
            # A broker is asked for one thing at a time: while it waits for records of a partition
            # that has none, those of a busy one that has just been emptied wait behind it.
            "fetch_max_wait_ms": 100,
            "request_timeout_ms": int(answer * 1000),
        }
